"""The results folder: every path in it, files written whole or not at all, and the store."""
