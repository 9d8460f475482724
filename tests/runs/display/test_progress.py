"""What experiments report while they train, and what a command shows of it."""

import io
import logging

import numpy as np
import pytest
from tqdm import tqdm

import lottery_tf as lt
from lottery_tf.results.stored_result import HISTORY_COLUMNS, StoredResult
from runs.display import progress as progress_module
from runs.display.progress import Progress, summary_of

TRAINING = lt.TrainingSettings(iterations=6, batch_size=20, eval_interval=2)


@pytest.mark.slow
def test_every_reading_is_told_with_what_is_trained(tiny_model, tiny_dataset):
    readings = []
    experiment = lt.Experiment(tiny_model, tiny_dataset, TRAINING, on_reading=readings.append)
    levels = list(experiment.levels(lt.Treatment("random"), seed=3, levels=1))
    history = np.concatenate([level.history for level in levels])
    np.testing.assert_array_equal([[reading[name] for name in HISTORY_COLUMNS] for reading in readings], history)
    assert [reading["level"] for reading in readings] == [0] * 4 + [1] * 4
    assert {(reading["seed"], reading.get("criterion", "dense")) for reading in readings} == {
        (3, "dense"),
        (3, "random"),
    }
    assert readings[-1]["kept_fraction"] == levels[1].metrics["kept_fraction"] < readings[0]["kept_fraction"] == 1


@pytest.mark.slow
def test_a_mask_that_is_learned_tells_its_readings_too(tiny_model, tiny_dataset):
    readings = []
    learner = lt.MaskLearner(tiny_model, tiny_dataset, lt.MaskSettings(), TRAINING, on_reading=readings.append)
    history = learner.learn(1).history
    np.testing.assert_array_equal([[reading[name] for name in HISTORY_COLUMNS] for reading in readings], history)
    assert {reading["seed"] for reading in readings} == {1}


def result(level, **metrics):
    """A level's result as `Progress` sees it."""
    usual = {"level": level, "seed": 0, "status": "finished", "kept_fraction": 0.5, "test_accuracy": 0.75}
    return StoredResult({}, usual | {"early_stop_iteration": 40, "seconds": 2.0} | metrics)


def test_elsewhere_than_on_a_terminal_each_level_that_was_trained_has_a_line(caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("runs"), "propagate", True)
    with caplog.at_level(logging.INFO, "runs"), Progress(20) as progress:

        def levels():
            yield result(0)  # found: no step was done
            progress.steps(10)
            yield result(1)
            progress.steps(10)
            yield result(2, status="diverged")

        progress.follow(levels(), "seed 0 movement")
    assert caplog.messages == [
        "seed 0 movement level 1: 50.00% kept, test accuracy 75.00% at iteration 40, 2 s",
        "seed 0 movement level 2: the training diverged; later levels are left out.",
    ]


def test_a_single_training_has_a_line_of_its_own(caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("runs"), "propagate", True)
    with caplog.at_level(logging.INFO, "runs"), Progress(10) as progress:

        def train():
            progress.steps(10)
            return result(0)

        assert progress.follow_one(train, "seed 0 dense").metrics["level"] == 0
        progress.follow_one(lambda: result(1), "found")
    assert caplog.messages == ["seed 0 dense: 50.00% kept, test accuracy 75.00% at iteration 40, 2 s"]


def test_on_a_terminal_lines_stand_above_the_bar(caplog, monkeypatch):
    terminal = io.StringIO()
    shown = {"disable": False, "file": terminal}
    monkeypatch.setattr(progress_module, "tqdm", lambda **options: tqdm(**options | shown))
    monkeypatch.setattr(logging.getLogger("runs"), "propagate", True)
    with caplog.at_level(logging.INFO, "runs"), Progress(10) as progress:

        def levels():
            progress.steps(10)
            progress.reading({"validation_accuracy": 0.987, "kept_fraction": 0.064})
            yield result(3)

        progress.follow(levels(), "seed 0 movement", first=3)
    assert caplog.messages == ["seed 0 movement level 3: 50.00% kept, test accuracy 75.00% at iteration 40, 2 s"]
    assert "seed 0 movement level 3" in terminal.getvalue()
    assert "validation 98.7%, kept 6.4%" in terminal.getvalue()
    *frames, last = terminal.getvalue().split("\r")
    found = [frame for frame in frames if "level 4" in frame]
    assert found and not any("validation" in frame for frame in found), "a reading is that of another level"
    assert "level 3, validation 98.7%" in last, "a level is shown that there is not"


def row(weights, share):
    """A supermask as a mask_source has it."""
    return {"weights": weights, "validation_accuracy": share, "test_accuracy": 1 - share, "kept_fraction": share / 2}


@pytest.mark.parametrize(
    ("metrics", "words"),
    [
        (
            {"pruned_fraction": 0.75, "best_iteration": 7, "test_accuracy": 0.25, "seconds": 3.4},
            "25.00% kept, test accuracy 25.00% at iteration 7, 3 s",
        ),
        (
            {"seconds": 1.0, "rows": [row("initial", 0.5), row("initial", 0.75), row("signed_constant", 0.25)]},
            "initial test accuracy 25.00% at 37.50% kept, signed_constant test accuracy 75.00% at 12.50% kept, 1.0 s",
        ),
    ],
)  # fmt: skip
def test_what_masks_of_either_kind_came_to(metrics, words):
    assert summary_of(metrics) == words
