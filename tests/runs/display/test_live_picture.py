"""Pictures drawn during a study: drawn again when there is more, announced once, never in its way."""

import queue
import threading
from pathlib import Path

import pytest
from shared import HANG_SECONDS

from runs.display import live_picture
from runs.display.live_picture import LivePicture

ANNOUNCED = "Figure: {}; it is drawn again as levels finish."


class Drawing:
    """What a picture draws: each time the next of some results. The test waits for it to be drawn, and for messages."""

    def __init__(self, *results):
        self._results, self._drawn, self._messages = iter(results), queue.Queue(), queue.Queue()

    def draw(self):
        result = next(self._results)
        self._drawn.put(result)
        if isinstance(result, Exception):
            raise result
        return [Path(name) for name in result]

    def log_line(self, message):
        self._messages.put(message)

    def next_drawn(self):
        """What is drawn next."""
        return self._drawn.get(timeout=HANG_SECONDS)

    def next_message(self):
        return self._messages.get(timeout=HANG_SECONDS)

    @property
    def is_all_read(self):
        """Whether the test has read all that was drawn and told."""
        return self._drawn.empty() and self._messages.empty()


@pytest.fixture
def without_pause(monkeypatch):
    monkeypatch.setattr(live_picture, "PAUSE", 0)


@pytest.fixture
def with_endless_pause(monkeypatch):
    monkeypatch.setattr(live_picture, "PAUSE", 1e9)


def test_it_is_drawn_again_as_there_is_more_and_told_of_once(without_pause):
    results = ([], ["a.png"], ["a.png", "b.png"])
    drawing = Drawing(*results)
    with LivePicture(drawing.draw, drawing.log_line) as picture:
        for wanted in results:
            picture.more()
            assert drawing.next_drawn() == wanted
    assert [drawing.next_message() for _ in "ab"] == [ANNOUNCED.format("a.png"), ANNOUNCED.format("b.png")]
    assert drawing.is_all_read, "something is drawn without being asked for, or told twice"


def test_what_cannot_be_drawn_is_told_once_and_tried_again(without_pause):
    error = ValueError("no room")
    drawing = Drawing(error, error, ["a.png"])
    with LivePicture(drawing.draw, drawing.log_line) as picture:
        for wanted in (error, error, ["a.png"]):
            picture.more()
            assert drawing.next_drawn() == wanted
    assert drawing.next_message() == "The figure could not be drawn yet (no room)."
    assert drawing.next_message() == ANNOUNCED.format("a.png")
    assert drawing.is_all_read


def test_the_end_waits_for_no_pause(with_endless_pause):
    drawing, ended = Drawing(["a.png"]), threading.Event()

    def draw_and_end():
        with LivePicture(drawing.draw, drawing.log_line) as picture:
            picture.more()
            drawing.next_message()
        ended.set()

    threading.Thread(target=draw_and_end, daemon=True).start()
    assert ended.wait(HANG_SECONDS)


def test_the_first_figure_waits_for_no_pause(with_endless_pause):
    """The first attempt loads the plotting library, which takes long, and often finds nothing to draw yet."""
    drawing = Drawing([], ["a.png"])
    with LivePicture(drawing.draw, drawing.log_line) as picture:
        for wanted in ([], ["a.png"]):
            picture.more()
            assert drawing.next_drawn() == wanted
        assert drawing.next_message() == ANNOUNCED.format("a.png")
