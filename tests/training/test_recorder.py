"""How a training is described and stored, with a made-up training."""

from types import SimpleNamespace

import numpy as np

from lottery_tf.pruning.treatments import Ticket
from lottery_tf.results.store import ResultsFolder
from lottery_tf.results.stored_result import HISTORY_COLUMNS, fingerprint
from lottery_tf.system.origin import origin
from lottery_tf.training.recorder import TrainingPlan, TrainingRecorder


def test_what_a_training_leaves_is_described_and_stored(tmp_path):
    results = ResultsFolder(tmp_path, {})
    history = np.array([[0, np.nan, np.nan, 2.0, 0.1], [9, 1.0, 0.5, 1.5, 0.4]])
    mask, start = {"w": np.array([[True, False], [True, True]])}, {"w": np.ones((2, 2), np.float32)}
    trained = SimpleNamespace(
        final={"w": 2 * start["w"]}, history=history, early_stop_iteration=9, early_stop_val_loss=1.5,
        test_accuracy=0.75, final_test_accuracy=float("nan"), diverged=False, overflow=False,
        compiled_by={"compiler": "xla"}, seconds=1.23456, columns=HISTORY_COLUMNS,
    )  # fmt: skip
    asked, readings = {}, []

    def train(ticket, seed, level, **options):
        asked.update(options, seed=seed, level=level)
        options["on_history"](history)
        return trained

    settings = SimpleNamespace(iterations=10, eval_interval=5)
    trainer = SimpleNamespace(train=train, columns=HISTORY_COLUMNS, model=None, settings=settings)
    recorder = TrainingRecorder(trainer, results, {"network": "tiny"}, True, 30, print, readings.append)
    identity = {"kind": "control", "criterion": "random", "parent": "abc", "control": "reinit", "draw": 2}
    result = recorder.train(
        Ticket(start, mask), TrainingPlan("seed-4/x", 4, 3, identity, order_seed=7, store_weights=False)
    )
    assert (asked["seed"], asked["level"], asked["order_seed"], asked["on_steps"]) == (4, 3, 7, print)
    assert (result.final, recorder.trainings) == (None, 1)
    assert results.read("seed-4/x", weights=True) is None
    metrics = results.read("seed-4/x", weights=False).metrics
    assert metrics == result.metrics
    assert metrics.pop("fingerprint") == fingerprint(trained.final, mask)
    assert readings[-1]["validation_loss"] == 1.5
    assert {name: metrics.pop(name).keys() for name in origin()} == {
        name: own.keys() for name, own in origin(compiler="xla").items()
    }
    assert list(metrics.items()) == list({
        "kind": "control", "network": "tiny", "criterion": "random", "mask1": "", "mask0": "", "scope": "",
        "rewind_to": 0, "rounds": "", "chosen_kept_fraction": None, "parent": "abc", "control": "reinit", "draw": 2,
        "seed": 4, "level": 3,
        "status": "finished", "overflow": False, "kept_fraction": 0.75, "early_stop_iteration": 9,
        "early_stop_val_loss": 1.5, "test_accuracy": 0.75, "final_test_accuracy": None, "iterations": 9,
        "seconds": 1.235,
        "kept_fraction_by_layer": {"w": 0.75}, "keep_weights": True,
    }.items())  # fmt: skip
    assert list((tmp_path / "seed-4" / "x").glob("events.out.tfevents.*"))
