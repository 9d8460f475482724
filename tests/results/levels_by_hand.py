"""Levels that are made up, and a results folder for them."""

import dataclasses

import numpy as np

from lottery_tf.models.settings import experiment_settings
from lottery_tf.pruning import masks
from lottery_tf.results.store import ResultsFolder
from lottery_tf.results.stored_result import StoredResult

SETTINGS = experiment_settings("fc", "digits", "20")


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


MASK = {"a/kernel": np.array([[True, False, True], [True, True, True], [False] * 3, [True] * 3])}


def level(**changes):
    weights = {"a/kernel": np.ones((4, 3), np.float32), "a/bias": np.zeros(3, np.float32)}
    metrics = {
        "kind": "level", "seed": 0, "level": 1, "kept_fraction": 8 / 12, "status": "finished", "parent": "",
        "fingerprint": "abc", "kept_fraction_by_layer": {"a/kernel": 8 / 12},
    }  # fmt: skip
    own = {"mask": MASK, "metrics": metrics, "history": None, "start": weights, "final": weights}
    return StoredResult(**own | changes)
