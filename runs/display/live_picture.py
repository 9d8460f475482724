"""Draws figures again and again while a study trains, so that users can watch it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Self

PAUSE = 5  # after each figure, wait this many times as long as it took, because training needs the processor


class LivePicture:
    """Draws figures in a thread of its own, and draws them again when there are new results.

    Args:
      draw: function that draws the figures and returns their paths; no paths if there is nothing to draw.
      log_line: function that is called with a line of text when a figure is first drawn, or cannot be drawn.
    """

    def __init__(self, draw: Callable[[], Iterable[Path]], log_line: Callable[[str], None]):
        self._draw = draw
        self._log_line = log_line
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
        """Asks for the figures to be drawn again, because there are new results."""
        self._more.set()

    def _draw_again_and_again(self) -> None:
        """Draws the figures whenever there are new results, and logs each line of text once."""
        printed: set[str] = set()
        while self._more.wait() and not self._over.is_set():
            self._more.clear()
            began = time.monotonic()
            try:
                lines = [f"Figure: {path}; it is drawn again as levels finish." for path in self._draw()]
            except Exception as error:  # noqa: BLE001, training continues in any case, and figures are drawn at the end
                lines = [f"The figure could not be drawn yet ({error})."]
            for line in lines:
                if line not in printed:
                    self._log_line(line)
            printed.update(lines)
            if lines:
                self._over.wait(PAUSE * (time.monotonic() - began))
