"""A temporary folder that does not outlive its owner for long: what a killed one leaves behind is removed by the next.

Imports no TensorFlow.
"""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

PREFIX = "lottery_tf-arrays-"
LOCK = ".lock"  # held by the owner; the system releases it when that dies


@contextlib.contextmanager
def temporary_folder() -> Iterator[Path]:
    """A new folder among the system's temporary ones, removed at the end; those of dead owners are removed first."""
    sweep(Path(tempfile.gettempdir()))
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    try:
        with open(folder / "unlocked", "w") as lock:
            # Under its own name only once it is held, for a lock that nobody holds is taken for a dead owner's.
            fcntl.flock(lock, fcntl.LOCK_EX)
            (folder / "unlocked").rename(folder / LOCK)
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep(parent: Path) -> None:
    """Removes the folders that dead owners left in a folder."""
    for path in parent.glob(f"{PREFIX}*/{LOCK}"):
        with contextlib.suppress(OSError), open(path) as lock:  # it is held, somebody else's, or just being removed
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path.parent)
