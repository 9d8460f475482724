"""The results folder: its paths, the files of a result, the store that keeps results, and all that are finished."""
