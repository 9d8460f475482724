"""The results folder: whole or not at all, checked, locked, refused where settings differ."""

import dataclasses
import errno
import json
import os
import resource
import stat

import numpy as np
import pytest

from lottery_tf.errors import DamagedFile, InputError, user_message
from lottery_tf.models.settings import run_settings
from lottery_tf.pruning import masks
from lottery_tf.results import files, parsing, paths, walk
from lottery_tf.results.store import ResultsFolder
from lottery_tf.results.stored_result import StoredResult
from lottery_tf.results.walk import finished
from lottery_tf.training import checkpoint

SETTINGS = run_settings("fc", "digits", "20")


def made_up_level(number=1):
    rng = np.random.default_rng(number)
    kernel = rng.normal(size=(6, 4)).astype(np.float32)
    mask = {"a/kernel": rng.random((6, 4)) < 0.5}
    history = np.array([[0, np.nan, np.nan, 2.5, 0.1], [20, 1.0, 0.5, 1 / 3, 0.7]])
    metrics = {
        "kind": "level",
        "seed": 0,
        "level": number,
        "kept_fraction": masks.kept_fraction(mask),
        "test_accuracy": None,
        "status": "diverged",
        "parent": "",
        "fingerprint": "abc",
    }
    return StoredResult(mask, metrics, history, {"a/kernel": kernel}, {"a/kernel": kernel + 1})


def folder(path, settings=SETTINGS, data="x"):
    return ResultsFolder(path / "fc", dataclasses.asdict(settings) | {"data": data})


@pytest.fixture
def results(tmp_path):
    return folder(tmp_path)


def test_a_level_comes_back_as_it_was(results):
    level = made_up_level()
    results.write("t/level-01", level)
    found = results.read("t/level-01", weights=True)
    np.testing.assert_array_equal(found.history, level.history)
    assert found.metrics == level.metrics
    for a, b in (
        (found.start, level.start),
        (found.mask, level.mask),
        (found.final, level.final),
    ):
        assert a.keys() == b.keys()
        assert all(a[name].tobytes() == b[name].tobytes() and a[name].dtype == b[name].dtype for name in a)
    assert results.read("t/level-02", weights=False) is None
    assert not list(results.path.rglob("*.partial"))


def test_a_result_of_which_nothing_was_trained(results):
    level = made_up_level()
    results.write("found", StoredResult(level.mask, level.metrics))
    found = results.read("found", weights=False)
    assert found.history is None
    assert found.metrics == level.metrics
    np.testing.assert_array_equal(found.mask["a/kernel"], level.mask["a/kernel"])
    assert results.read("found", weights=True) is None


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


@pytest.mark.parametrize(("limit", "value", "told"), [
    (resource.RLIMIT_FSIZE, 100, "File too large. What was finished is kept. Raise the limit on the size of a file"),
    (resource.RLIMIT_NOFILE, 3, "Too many open files. What was finished is kept. Raise the limit on open files"),
])  # fmt: skip
def test_a_limit_of_the_system_is_named_and_nothing_is_lost(limit, value, told, results):
    results.write("t/level-01", made_up_level(1))
    soft, hard = resource.getrlimit(limit)
    with pytest.raises(OSError) as raised:
        resource.setrlimit(limit, (value, hard))
        try:
            assert value == 100 or results.read("t/level-01", weights=True)
            results.write("t/level-02", made_up_level(2))
        finally:
            resource.setrlimit(limit, (soft, hard))
    assert user_message(raised.value).startswith(f"{results.path}/t/level-0") and told in user_message(raised.value)
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


def test_who_holds_no_lock_removes_nothing(results, caplog):
    assert results.peek("t/level-01", weights=False) is None
    results.write("t/level-01", made_up_level())
    assert results.peek("t/level-01", weights=True).final is not None
    (results.folder("t/level-01") / "mask.npz").write_bytes(b"half of it")
    assert results.peek("t/level-01", weights=False) is None
    assert results.folder("t/level-01").exists() and caplog.text == ""
    assert results.read("t/level-01", weights=False) is None
    assert not results.folder("t/level-01").exists()


def test_snapshots_of_several_trainings_of_one_result(results):
    partial = results.partial("t/level-01")
    arrays = {"": {"a": np.zeros(2)}, "9-kept": {"a": np.ones(2)}}
    for part, content in arrays.items():
        checkpoint.Checkpoint(partial, 0, part).save_if_due(f"training {part}", lambda content=content: content)
    for part, content in arrays.items():
        (found,) = checkpoint.Checkpoint(partial, 0, part).load(f"training {part}", {"a": (2,)}).values()
        np.testing.assert_array_equal(found, content["a"])
    results.write("t/level-01", made_up_level())
    assert not list(results.path.rglob("snapshot*"))


def test_pickles_are_refused(tmp_path):
    path = tmp_path / "evil.npz"
    np.savez(path, evil=np.array([{"a": 1}], dtype=object))
    with pytest.raises(DamagedFile, match="evil.npz is damaged: .*holds object, no numbers"):
        parsing.arrays(path, path.read_bytes())


def test_other_settings_are_refused_and_the_differences_shown(results, tmp_path):
    folder(tmp_path)  # the same settings are welcome
    other = dataclasses.replace(SETTINGS, training=dataclasses.replace(SETTINGS.training, learning_rate=0.5))
    with pytest.raises(InputError) as error:
        folder(tmp_path, other)
    assert "made with other settings: training.learning_rate is 0.0012 there, 0.5 here." in str(error.value)
    with pytest.raises(InputError, match="data is x there, other here"):
        folder(tmp_path, data="other")


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


def test_results_are_read_while_others_are_being_finished(results, tmp_path, monkeypatch):
    results.write("t/level-01", made_up_level(1))
    partial = results.path / "t" / f"level-02{paths.PARTIAL}"
    partial.mkdir()
    scandir, renamed = os.scandir, []

    def renamed_just_before(path):
        if str(path) == str(partial):
            renamed.append(partial.rename(results.path / "t" / "level-02"))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", renamed_just_before)
    assert [metrics["level"] for metrics in finished(tmp_path)] == [1]
    assert renamed


def test_results_behind_links_are_read_once(results, tmp_path):
    results.write("t/level-01", made_up_level(1))
    elsewhere = tmp_path / "another disk"
    (results.path / "t").rename(elsewhere)
    (results.path / "t").symlink_to(elsewhere)
    (elsewhere / "level-01" / "loop").symlink_to(results.path)
    assert [metrics["level"] for metrics in finished(results.path)] == [1]


def test_of_a_folder_and_links_to_it_the_folder_counts(results, tmp_path):
    results.write("t/level-01", made_up_level(1))
    for alias in ("0", "z"):
        (results.path / alias).symlink_to(results.path / "t")
    assert walk.result_folders(tmp_path) == [results.path / "t" / "level-01"]


def test_a_link_that_leads_back_is_not_followed_twice(results, tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path)
    assert walk.folders_with(tmp_path, "settings.json", deeper=False) == [results.path]


def test_a_folder_that_cannot_be_read_is_named(results, tmp_path, monkeypatch, caplog):
    results.write("t/level-01", made_up_level(1))
    results.write("u/level-02", made_up_level(2))
    scandir = os.scandir

    def forbidden(path):
        if str(path) == str(results.path / "u"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", forbidden)
    assert [metrics["level"] for metrics in finished(tmp_path)] == [1]
    assert caplog.messages == [f"{results.path / 'u'} cannot be read (Permission denied). It is left out."]


def test_numbers_of_numpy_are_numbers(tmp_path):
    results = ResultsFolder(tmp_path / "fc", {"learning_rate": np.float32(0.5), "data": "x"})
    level = made_up_level()
    level.metrics["seed"] = np.int64(3)
    results.write("t/level-01", level)
    assert results.read("t/level-01", weights=False).metrics["seed"] == 3
    assert json.loads((results.path / "settings.json").read_text())["learning_rate"] == 0.5
    with pytest.raises(InputError, match="cannot be written as JSON"):
        files.json_bytes({"a": {1, 2}})


def test_a_file_system_that_cannot_flush_folders_is_good_enough(results, monkeypatch):
    flush = os.fsync

    def files_only(handle):
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        flush(handle)

    monkeypatch.setattr(os, "fsync", files_only)
    results.write("t/level-01", made_up_level())
    assert results.read("t/level-01", weights=True) is not None


def test_finished_reads_them_all_and_skips_the_damaged(results, tmp_path, caplog):
    for number in (1, 2, 3):
        results.write(f"t/level-0{number}", made_up_level(number))
    (results.folder("t/level-02") / "metrics.json").write_text("{}")
    results.partial("t/level-04")
    assert [metrics["level"] for metrics in finished(tmp_path)] == [1, 3]
    assert "level-02/metrics.json is damaged" in caplog.text
    with pytest.raises(InputError, match="There is no results folder"):
        list(finished(tmp_path / "nowhere"))


def test_settings_are_readable(results):
    content = json.loads((results.path / "settings.json").read_text())
    assert content["network"] == "fc"
    assert content["training"]["iterations"] == 20
    assert content["pruning"] == {"conv": 0.1, "dense": 0.2, "output": 0.1, "downsample": None}
