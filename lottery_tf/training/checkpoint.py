"""Checkpoints of a training on disk, from which it continues after an interruption."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from lottery_tf.errors import DamagedFile
from lottery_tf.results import files, parsing
from lottery_tf.results.paths import CHECKPOINT

log = logging.getLogger(__name__)

CHECKPOINT_SECONDS = 30.0  # the shortest time between two checkpoints, unless another is given


class Checkpoint:
    """The checkpoint of one training, so that an interrupted training can continue.

    A result that needs several trainings has a checkpoint for each `part`.
    """

    def __init__(self, folder: Path, every_seconds: float, part: str = ""):
        self._path = folder / CHECKPOINT.format(part=part and f"-{part}")
        self._every = every_seconds
        self._last = time.monotonic()

    def load(self, what: str, shapes: Mapping[str, tuple[int | None, ...]]) -> dict[str, np.ndarray] | None:
        """Returns the last saved state of the training called `what`; None if there is none or it is damaged.

        `shapes` are the names and shapes of its arrays; None stands for any size.
        """
        if not self._path.exists():
            return None
        try:
            content = files.read_bytes(self._path)
            body, digest = content[:-32], content[-32:]
            if hashlib.sha256(body).digest() != digest:
                raise DamagedFile(f"{self._path} is damaged: its checksum does not match.")
            arrays = parsing.arrays(self._path, body)
            parsing.check_array_shapes(self._path, arrays, {**shapes, "what": ()})
        except DamagedFile as error:
            log.warning("%s The training starts from its beginning.", error)
            return None
        saved_for = str(arrays.pop("what"))
        if saved_for != what:
            log.warning("%s belongs to another training. The training starts from its beginning.", self._path)
            return None
        return arrays

    def save_if_due(self, what: str, arrays: Callable[[], dict[str, np.ndarray]]) -> None:
        """Saves the arrays that `arrays` returns, with the training's name, if the last checkpoint is old enough."""
        if time.monotonic() - self._last < self._every:
            return
        body = files.npz_bytes(arrays() | {"what": np.array(what)}, compress=False)
        files.replace(self._path, body + hashlib.sha256(body).digest())
        self._last = time.monotonic()


def checkpoint_in(folder: Path | None, every_seconds: float, part: str = "") -> Checkpoint | None:
    """Returns the checkpoint of a training in the folder of its result; None for results in memory."""
    return None if folder is None else Checkpoint(folder, every_seconds, part)
