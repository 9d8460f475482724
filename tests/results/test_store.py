"""The results folder: what is read back, locks, and other settings, which are refused."""

import dataclasses
import json

import numpy as np
import pytest
from levels_by_hand import SETTINGS, folder, made_up_level

from lottery_tf.errors import InputError
from lottery_tf.results import files
from lottery_tf.results.store import ResultsFolder
from lottery_tf.results.stored_result import StoredResult
from lottery_tf.training import checkpoint


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


def test_other_settings_are_refused_and_the_differences_shown(results, tmp_path):
    folder(tmp_path)  # the same settings are welcome
    other = dataclasses.replace(SETTINGS, training=dataclasses.replace(SETTINGS.training, learning_rate=0.5))
    with pytest.raises(InputError) as error:
        folder(tmp_path, other)
    assert "made with other settings: training.learning_rate is 0.0012 there, 0.5 here." in str(error.value)
    with pytest.raises(InputError, match="data is x there, other here"):
        folder(tmp_path, data="other")


def test_numbers_of_numpy_are_numbers(tmp_path):
    results = ResultsFolder(tmp_path / "fc", {"learning_rate": np.float32(0.5), "data": "x"})
    level = made_up_level()
    level.metrics["seed"] = np.int64(3)
    results.write("t/level-01", level)
    assert results.read("t/level-01", weights=False).metrics["seed"] == 3
    assert json.loads((results.path / "settings.json").read_text())["learning_rate"] == 0.5
    with pytest.raises(InputError, match="cannot be written as JSON"):
        files.json_bytes({"a": {1, 2}})


def test_settings_are_readable(results):
    content = json.loads((results.path / "settings.json").read_text())
    assert content["network"] == "fc"
    assert content["training"]["iterations"] == 20
    assert content["pruning"] == {"conv": 0.1, "dense": 0.2, "output": 0.1, "downsample": None}
