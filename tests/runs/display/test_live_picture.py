"""Pictures drawn during a study: drawn again when there is more, announced once, never in its way."""

import queue
import threading
import time
from pathlib import Path

from runs.display import live_picture
from runs.display.live_picture import LivePicture

SECONDS = 60  # after which a test that hangs fails


def wait_until(condition):
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


def test_it_is_drawn_again_as_there_is_more_and_told_of_once(monkeypatch):
    monkeypatch.setattr(live_picture, "PAUSE", 0)
    drawn, messages = queue.Queue(), []
    paths = iter([[], [Path("a.png")], [Path("a.png"), Path("b.png")]])

    def draw():
        found = next(paths)
        drawn.put(found)
        return found

    with LivePicture(draw, messages.append) as picture:
        for wanted in ([], [Path("a.png")], [Path("a.png"), Path("b.png")]):
            picture.more()
            assert drawn.get(timeout=SECONDS) == wanted
    assert messages == [f"Figure: {name}.png; it is drawn again as levels finish." for name in "ab"]
    assert drawn.empty(), "nothing is drawn without being asked for"


def test_what_cannot_be_drawn_is_told_once_and_tried_again(monkeypatch):
    monkeypatch.setattr(live_picture, "PAUSE", 0)
    calls, messages = queue.Queue(), []

    def draw():
        calls.put(None)
        if calls.qsize() < 3:
            raise ValueError("no room")
        return [Path("a.png")]

    with LivePicture(draw, messages.append) as picture:
        for number in range(1, 4):
            picture.more()
            wait_until(lambda number=number: calls.qsize() == number)
    assert messages == [
        "The figure could not be drawn yet (no room).",
        "Figure: a.png; it is drawn again as levels finish.",
    ]


def test_the_end_waits_for_no_pause(monkeypatch):
    monkeypatch.setattr(live_picture, "PAUSE", 1e9)
    drawn = threading.Event()
    with LivePicture(lambda: drawn.set() or [Path("a.png")], print) as picture:
        picture.more()
        assert drawn.wait(SECONDS)
    assert not picture._thread.is_alive()


def test_the_first_figure_waits_for_no_pause(monkeypatch):
    """The first attempt loads the plotting library, which takes long, and often finds nothing to draw yet."""
    monkeypatch.setattr(live_picture, "PAUSE", 1e9)
    messages, paths = [], iter([[], [Path("a.png")]])
    tried = queue.Queue()
    with LivePicture(lambda: tried.put(None) or next(paths), messages.append) as picture:
        for _ in range(2):
            picture.more()
            tried.get(timeout=SECONDS)
        wait_until(lambda: messages)
    assert messages == ["Figure: a.png; it is drawn again as levels finish."]
