"""The results folder: its paths, the files of a result, and functions that store and find results."""
