"""A temporary folder that is removed even if its owner is killed: by the next owner. Imports no TensorFlow."""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

PREFIX = "lottery_tf-arrays-"
LOCK = ".lock"  # held by the owner; the system releases it when the owner dies


@contextlib.contextmanager
def temporary_folder() -> Iterator[Path]:
    """Makes a temporary folder and removes it at the end; removes those of dead owners first."""
    sweep(Path(tempfile.gettempdir()))
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    try:
        with open(folder / "unlocked", "w") as lock:
            # It gets its name once it is held: an unheld lock of that name would be taken for a dead owner's.
            fcntl.flock(lock, fcntl.LOCK_EX)
            (folder / "unlocked").rename(folder / LOCK)
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep(parent: Path) -> None:
    """Removes the folders of dead owners from a folder."""
    for path in parent.glob(f"{PREFIX}*/{LOCK}"):
        with contextlib.suppress(OSError), open(path) as lock:  # held, of another user, or just removed
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path.parent)
