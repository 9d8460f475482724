"""The metrics of a training that is made up."""

import dataclasses
import json

import numpy as np

from lottery_tf.pruning.treatments import Ticket, Treatment
from lottery_tf.results.metrics_schemas import check_metrics
from lottery_tf.results.stored_result import HISTORY_COLUMNS, fingerprint
from lottery_tf.training.level_metrics import NO_TREATMENT, level_metrics, own_readings
from lottery_tf.training.training_result import TrainingResult

NAN, INF = float("nan"), float("inf")
START = {"a/kernel": np.ones((2, 2), np.float32), "b/kernel": np.ones(6, np.float32)}
MASK = {"a/kernel": np.array([[True, False], [True, True]]), "b/kernel": np.arange(6) < 3}
TRAINED = TrainingResult(
    final={name: 2 * value for name, value in START.items()}, best=START,
    history=np.array([[0, NAN, NAN, 2.0, 0.1], [30, 1.0, 0.5, 1.5, 0.4]]),
    early_stop_iteration=20, early_stop_val_loss=1.25, test={"loss": 1.0, "accuracy": 0.75},
    final_test={"loss": 2.0, "accuracy": 0.5}, diverged=False, overflow=False, compiler="graph", seconds=1.23456,
)  # fmt: skip


def made(labels=None, identity=None, keep_weights=True, **changes):
    trained = dataclasses.replace(TRAINED, **changes)
    metrics = level_metrics(
        Ticket(START, MASK), trained, labels or {}, {"seed": 0, "level": 1} | (identity or {}), keep_weights
    )
    check_metrics(metrics)
    assert json.loads(json.dumps(metrics, allow_nan=False)) == metrics
    return metrics


def test_metrics_say_what_was_trained_and_what_came_of_it():
    metrics = made({"network": "mine"}, keep_weights=False)
    wanted = {
        "kind": "level", "network": "mine", "seed": 0, "level": 1, "parent": "", "status": "finished",
        "overflow": False, "kept_fraction": 0.6, "kept_fraction_by_layer": {"a/kernel": 0.75, "b/kernel": 0.5},
        "early_stop_iteration": 20, "early_stop_val_loss": 1.25, "test_accuracy": 0.75, "final_test_accuracy": 0.5,
        "iterations": 30, "seconds": 1.235, "keep_weights": False, "fingerprint": fingerprint(TRAINED.final, MASK),
    }  # fmt: skip
    assert {name: metrics[name] for name in wanted} == wanted
    assert "graph" in json.dumps(metrics["versions"]) + json.dumps(metrics["made_by"])


def test_a_dense_network_has_no_treatment_and_other_results_have_their_own():
    metrics = made()
    assert {field.name for field in dataclasses.fields(Treatment)} == NO_TREATMENT.keys()
    assert {name: metrics[name] for name in NO_TREATMENT} == NO_TREATMENT
    assert (metrics["criterion"], metrics["mask1"], metrics["rewind_to"]) == ("dense", "", 0)
    assert not Treatment().matches(metrics)
    treatment = Treatment("movement", rewind_to=5)
    own = made(identity={"kind": "control", "control": "reinit", "draw": 1, **dataclasses.asdict(treatment)})
    assert treatment.matches(own) and own["kind"] == "control"


def test_what_diverged_has_no_numbers_where_there_are_none():
    metrics = made(diverged=True, overflow=True, early_stop_val_loss=INF, test={"accuracy": NAN}, final_test={})
    assert (metrics["status"], metrics["overflow"]) == ("diverged", True)
    assert [metrics[name] for name in ("early_stop_val_loss", "test_accuracy", "final_test_accuracy")] == [None] * 3


def test_a_users_own_loss_and_metrics_are_told_besides():
    assert own_readings(TRAINED) == {} and "test" not in made()
    columns = (*HISTORY_COLUMNS, "train_mae", "validation_mae")
    metrics = made(columns=columns, test={"loss": 1.5, "mae": NAN}, final_test={"loss": 2.5, "mae": 0.5})
    assert metrics["test"] == {"loss": 1.5, "mae": None}
    assert metrics["final_test"] == {"loss": 2.5, "mae": 0.5}
    assert metrics["test_accuracy"] is None
