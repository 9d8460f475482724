"""What doctests are collected from."""

from pathlib import Path

RUNS = Path(__file__).with_name("runs")


def pytest_ignore_collect(collection_path):
    """Passes over modules of `runs` without doctests: commands define flags on import, each for its own process."""
    if RUNS in collection_path.parents and collection_path.suffix == ".py":
        return ">>>" not in collection_path.read_text() or None
    return None
