"""The results folder: its paths, the files of a result, the store that finds and keeps results, and all that are finished."""
