"""Selects the modules of this package whose doctests are collected."""


def pytest_ignore_collect(collection_path):
    """Ignores modules without doctests. Importing a command defines its flags, and flags of two commands clash."""
    return (collection_path.suffix == ".py" and ">>>" not in collection_path.read_text()) or None
