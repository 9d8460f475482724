"""Pictures that are drawn again and again while a study trains, so that there is something to look at."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Self

PAUSE = 5  # how many times as long as drawing takes nothing is drawn after it: training needs the processor


class LivePicture:
    """Draws pictures in a thread of its own, again whenever there is more to see.

    Args:
      draw: draws them and returns their paths; none while there is nothing to draw.
      tell: called with a line when a picture is there for the first time, or when one cannot be drawn.
    """

    def __init__(self, draw: Callable[[], Iterable[Path]], tell: Callable[[str], None]):
        self._draw = draw
        self._tell = tell
        self._more, self._over = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._draw_again_and_again, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._over.set()
        self._more.set()
        self._thread.join()

    def more(self) -> None:
        """There is more to see."""
        self._more.set()

    def _draw_again_and_again(self) -> None:
        told: set[Path] = set()
        while self._more.wait() and not self._over.is_set():
            self._more.clear()
            began = time.monotonic()
            try:
                drawn = set(self._draw())
            except Exception as error:  # noqa: BLE001, whatever it is, training goes on, and the end draws once more
                self._tell(f"The picture could not be drawn yet ({error}).")
                return
            for path in sorted(drawn - told):
                self._tell(f"To look at meanwhile: {path}, drawn again as levels come.")
            told |= drawn
            self._over.wait(PAUSE * (time.monotonic() - began))
