"""Which doctests of this package are collected."""


def pytest_ignore_collect(collection_path):
    """Passes over modules without doctests: commands define flags when they are imported, each for its own process."""
    return (collection_path.suffix == ".py" and ">>>" not in collection_path.read_text()) or None
