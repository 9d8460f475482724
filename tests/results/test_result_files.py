"""The files of one result: all or none of them, and files that are damaged, in the way, or of another result."""

import errno
import os
import resource

import numpy as np
import pytest
from levels_by_hand import MASK, level, made_up_level

from lottery_tf.errors import DamagedFile, user_message
from lottery_tf.results import files, paths, result_files
from lottery_tf.results.store import ResultsFolder


def test_the_same_level_gives_the_same_bytes(results):
    for seed in (0, 1):
        results.write(f"t/{seed}", made_up_level())
    one, two = ({f.name: f.read_bytes() for f in results.folder(f"t/{seed}").iterdir()} for seed in (0, 1))
    assert one == two


def test_dropping_weights_keeps_masks_and_numbers(results):
    results.write("t/level-01", made_up_level())
    for _ in range(2):  # the second time there is nothing left to drop
        results.drop_weights("t/level-01")
    assert not (results.folder("t/level-01") / "weights.npz").exists()
    assert results.read("t/level-01", weights=True) is None
    assert results.folder("t/level-01").exists(), "a level without weights is no damaged level"
    np.testing.assert_array_equal(
        results.read("t/level-01", weights=False).mask["a/kernel"], made_up_level().mask["a/kernel"]
    )


FILES = ("metrics.json", "history.csv", "mask.npz", "weights.npz", "checksums.json")


@pytest.mark.parametrize("harm", ["flip", "cut", "empty", "delete"])
@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_named_and_its_level_alone_is_lost(name, harm, results, caplog):
    for number in (1, 2):
        results.write(f"t/level-0{number}", made_up_level(number))
    path = results.folder("t/level-01") / name
    content = path.read_bytes()
    if harm == "delete":
        path.unlink()
    else:
        middle = len(content) // 2
        flipped = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
        path.write_bytes({"flip": flipped, "cut": content[:middle], "empty": b""}[harm])
    assert results.read("t/level-01", weights=False) is None
    assert str(path.parent) in caplog.text
    assert results.read("t/level-02", weights=True) is not None


@pytest.mark.parametrize("kind", ["damaged", "dangling"])
def test_a_level_that_is_a_link_is_trained_again_in_its_place(kind, results, tmp_path, caplog):
    path, elsewhere = results.folder("t/level-01"), tmp_path / "another disk"
    if kind == "damaged":
        results.write("t/level-01", made_up_level())
        path.rename(elsewhere)
        (elsewhere / "mask.npz").write_bytes(b"half of it")
    path.parent.mkdir(exist_ok=True)
    path.symlink_to(elsewhere)
    assert results.read("t/level-01", weights=False) is None
    results.write("t/level-01", made_up_level())
    assert not path.is_symlink() and results.read("t/level-01", weights=True) is not None
    assert elsewhere.exists() == (kind == "damaged"), "what it led to may be used by others"
    assert ("mask.npz is damaged" in caplog.text) == (kind == "damaged")


def test_a_level_behind_a_link_is_read_and_replaced(results, tmp_path):
    results.write("t/level-01", made_up_level())
    path = results.folder("t/level-01")
    path.rename(tmp_path / "another disk")
    path.symlink_to(tmp_path / "another disk")
    assert results.read("t/level-01", weights=True).metrics["level"] == 1
    results.write("t/level-01", made_up_level(2))
    assert results.read("t/level-01", weights=True).metrics["level"] == 2


def test_a_folder_for_training_that_is_a_link_to_nowhere_is_made_anew(results, tmp_path):
    partial = results.folder("t") / f"level-01{paths.PARTIAL}"
    partial.parent.mkdir()
    partial.symlink_to(tmp_path / "nowhere")
    results.write("t/level-01", made_up_level())
    assert results.read("t/level-01", weights=True) is not None


def test_what_others_put_into_a_damaged_level_stays_there(results):
    results.write("t/level-01", made_up_level())
    path, kept = results.folder("t/level-01"), {"notes.txt": "mine", "plots/a.svg": "mine too"}
    (path / "plots").mkdir()
    for name, text in kept.items():
        (path / name).write_text(text)
    (path / "events.out.tfevents.1").write_text("of the level")
    (path / "mask.npz").write_bytes(b"half of it")
    partial = results.partial("t/level-01")
    (partial / "notes.txt").write_text("of another time")
    assert results.read("t/level-01", weights=False) is None
    assert not path.exists()
    results.write("t/level-01", made_up_level())
    assert {name: (path / name).read_text() for name in ("plots/a.svg", "notes.txt", "notes.txt.1")} == {
        "plots/a.svg": "mine too", "notes.txt": "of another time", "notes.txt.1": "mine",
    }  # fmt: skip
    assert not (path / "events.out.tfevents.1").exists()
    assert results.read("t/level-01", weights=True) is not None


def test_a_file_that_is_missing_is_told_once(results, caplog):
    results.write("t/level-01", made_up_level())
    (results.folder("t/level-01") / "checksums.json").unlink()
    results.read("t/level-01", weights=False)
    assert caplog.messages == [f"{results.folder('t/level-01')}/checksums.json is missing. It is trained again."]


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE])
def test_a_file_that_cannot_be_read_is_named_and_not_removed(number, results, monkeypatch):
    results.write("t/level-01", made_up_level())

    def fail(path):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(type(results.path), "read_bytes", fail)
    with pytest.raises(OSError, match=r"level-01/checksums\.json"):
        results.read("t/level-01", weights=False)
    monkeypatch.undo()
    assert results.read("t/level-01", weights=True) is not None


@pytest.mark.parametrize(("limit", "value", "words"), [
    (resource.RLIMIT_FSIZE, 100, "File too large. What was finished is kept. Raise the limit on the size of a file"),
    (resource.RLIMIT_NOFILE, 3, "Too many open files. What was finished is kept. Raise the limit on open files"),
])  # fmt: skip
def test_a_limit_of_the_system_is_named_and_nothing_is_lost(limit, value, words, results):
    results.write("t/level-01", made_up_level(1))
    soft, hard = resource.getrlimit(limit)
    with pytest.raises(OSError) as raised:
        resource.setrlimit(limit, (value, hard))
        try:
            assert value == 100 or results.read("t/level-01", weights=True)
            results.write("t/level-02", made_up_level(2))
        finally:
            resource.setrlimit(limit, (soft, hard))
    assert user_message(raised.value).startswith(f"{results.path}/t/level-0") and words in user_message(raised.value)
    assert results.read("t/level-01", weights=True) is not None
    results.write("t/level-02", made_up_level(2))
    assert results.read("t/level-02", weights=True) is not None


def test_weights_that_are_dropped_while_they_are_read_are_no_damage(results, monkeypatch, caplog):
    results.write("t/level-01", made_up_level())
    verified = files.verified

    def dropping(path, sums):
        if path.name == "weights.npz" and path.exists():
            results.drop_weights("t/level-01")
        return verified(path, sums)

    monkeypatch.setattr(files, "verified", dropping)
    found = results.read("t/level-01", weights=False)
    assert found.metrics["level"] == 1 and found.final is None
    assert caplog.text == ""


def test_a_full_disk_leaves_what_was_there(results, monkeypatch):
    results.write("t/level-01", made_up_level(1))
    real = os.fsync

    def full(handle):
        if files_synced.pop():
            raise OSError(errno.ENOSPC, "No space left on device")
        real(handle)

    monkeypatch.setattr(os, "fsync", full)
    files_synced = [False, True, False]  # the second file written does not fit
    with pytest.raises(OSError, match="No space left"):
        results.write("t/level-02", made_up_level(2))
    monkeypatch.undo()
    assert results.read("t/level-02", weights=False) is None
    assert not list(results.path.rglob("*.tmp"))
    assert results.read("t/level-01", weights=True) is not None
    results.write("t/level-02", made_up_level(2))
    assert results.read("t/level-02", weights=True) is not None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mask": {}}, "its mask lacks layers, or has others: a/kernel"),
        ({"mask": MASK | {"b/kernel": np.ones(3, bool)}}, "its mask lacks layers, or has others: b/kernel"),
        ({"mask": {"a/kernel": np.zeros((4, 3), bool)}}, "The mask keeps 0 of the 12 weights"),
        ({"mask": {"a/kernel": np.ones((3, 4), bool)}}, "do not agree on 'a/kernel'"),
        ({"start": {}, "final": {}}, "do not agree on 'a/kernel'"),
        ({"final": {"a/bias": np.zeros(3)}}, "do not agree on 'a/kernel'"),
        ({"start": {"a/kernel": np.ones((4, 3))}}, "before and after training are not of the same layers"),
    ],
)
def test_results_whose_files_do_not_go_together_are_made_again(changes, message, tmp_path, caplog):
    folder = ResultsFolder(tmp_path, {"model": "mine"})
    folder.write("whole", level())
    assert folder.read("whole", weights=True) is not None
    folder.write("odd", level(**changes))
    with pytest.raises(DamagedFile, match=message):
        result_files.read_result(tmp_path / "odd", weights=True)
    assert folder.read("odd", weights=True) is None and not (tmp_path / "odd").exists()
    assert "It is trained again" in caplog.text


def test_learned_masks_may_keep_nothing(tmp_path):
    metrics = {"kind": "learned_mask", "seed": 0, "status": "finished", "rescale": False}
    folder = ResultsFolder(tmp_path, {"model": "mine"})
    folder.write("mask", level(metrics=metrics, mask={"a/kernel": np.zeros((4, 3), bool)}, start={}, final={}))
    assert not folder.read("mask", weights=True).mask["a/kernel"].any()


def test_what_stands_in_the_place_of_a_result_or_of_its_files_is_put_aside(tmp_path, caplog):
    folder = ResultsFolder(tmp_path, {"model": "mine"})
    (tmp_path / "a file").write_text("mine")
    folder.write("a folder", level())
    folder.write("a loop", level())
    (tmp_path / "a folder" / "mask.npz").unlink()
    (tmp_path / "a folder" / "mask.npz").mkdir()
    (tmp_path / "a folder" / "mask.npz" / "own").write_text("mine")
    (tmp_path / "a loop" / "metrics.json").unlink()
    (tmp_path / "a loop" / "metrics.json").symlink_to("metrics.json")
    for name, what in (("a file", "is missing"), ("a folder", "is not a file"), ("a loop", "leads back to itself")):
        assert folder.read(name, weights=True) is None and what in caplog.messages[-1]
        folder.write(name, level())
        assert folder.read(name, weights=True) is not None
    assert (tmp_path / "a file" / "a file").read_text() == "mine"
    assert (tmp_path / "a folder" / "mask.npz.1" / "own").read_text() == "mine"
