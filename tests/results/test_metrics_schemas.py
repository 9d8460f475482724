"""Metrics of every kind: what they must have, and what they may say."""

import pytest

from lottery_tf.errors import InputError
from lottery_tf.results.metrics_schemas import METRICS_SCHEMAS, check_metrics

PRUNED = {"seed": 0, "parent": "abc"}
OF_A_TREATMENT = PRUNED | {"level": 1, "kept_fraction": 0.8}
LEVEL = OF_A_TREATMENT | {"status": "finished", "fingerprint": "def"}
POINT = {"position": 0.5, "loss": 1.5, "error": None}
CHOICE = {"level": 1, "kept_fraction": 0.8, "weights": "initial", "validation_accuracy": 0.5, "test_accuracy": 0.5}
MASKS = PRUNED | {"source": "oneshot", "criterion": "movement"}
THRESHOLD = {"layer": "a", "weights": 3, **dict.fromkeys(
    ("threshold", "share_before", "share_after", "length_before", "length_after"), 0.5
)}  # fmt: skip
ERRORS = dict.fromkeys(("first_error", "second_error", "dense_error"), 0.1)
BARRIERS = dict.fromkeys(("end_error", "unperturbed_error", "dense_error", "error_barrier", "error_barrier_to_before"))

LEAST = {  # kind -> the fewest metrics that a result has besides its kind
    "level": LEVEL,
    "rewind": LEVEL,
    "control": LEVEL | {"control": "reinit", "draw": 1},
    "supermask": MASKS | {"levels": 2, "rows": [CHOICE]},
    "best_supermask": MASKS | CHOICE | {"rescale": True},
    "learned_mask": {"seed": 0, "status": "diverged", "rescale": False},
    "line": OF_A_TREATMENT | ERRORS | {"second_level": 2, "rows": [POINT]},
    "perturbation": OF_A_TREATMENT | BARRIERS | {"multiple": 0.5, "draw": 1, "rows": [POINT]},
    "spectrum": OF_A_TREATMENT | {"size": 3, "rows": [{"found_by": "Lanczos", "eigenvalue": 1.5, "weight": None}]},
    "ray": OF_A_TREATMENT | {"rows": [POINT | {"direction": "top", "length": 1.0, "curvature": None}]},
    "limit": OF_A_TREATMENT | {"rows": [{"pruned_by": "random", "method": "found", "pruned_fraction": 0.5}]},
    "threshold": OF_A_TREATMENT | {"rows": [THRESHOLD]},
    "histogram": OF_A_TREATMENT | {"rows": [{"layer": "a", "bin_from": 0.0, "bin_to": 1.0, "before": 3, "after": 2}]},
}  # fmt: skip


def without(values, name):
    return {other: value for other, value in values.items() if other != name}


@pytest.mark.parametrize("kind", METRICS_SCHEMAS)
def test_every_kind_needs_each_of_its_metrics(kind):
    whole = {"kind": kind} | LEAST[kind]
    check_metrics(whole)
    check_metrics(whole | {"of_a_later_version": [1, {"a": None}]})
    for name in whole:
        with pytest.raises(InputError, match=rf"^{name} is missing\.$"):
            check_metrics(without(whole, name))
    for name in whole.get("rows", [{}])[0]:
        if name != "line":
            with pytest.raises(InputError, match=rf"^rows\[1\]\.{name} is missing\.$"):
                check_metrics(whole | {"rows": [whole["rows"][0], without(whole["rows"][0], name)]})


@pytest.mark.parametrize(
    ("kind", "change", "message"),
    [
        ("level", {"status": "stopped"}, "status is 'stopped'; it must be finished or diverged"),
        ("level", {"level": -1}, "level is -1; it must be at least 0"),
        ("level", {"kept_fraction": 1.5}, "kept_fraction is 1.5; it must be at least 0 and at most 1"),
        ("level", {"seconds": -1.0}, "seconds is -1.0; it must be"),
        ("level", {"kept_fraction_by_layer": {"a": "0.5"}}, r"kept_fraction_by_layer\['a'\] is '0.5'"),
        ("level", {"test": [0.5]}, "test is .*; it must be an object"),
        ("control", {"draw": 1.5}, "draw is 1.5; it must be a whole number"),
        ("learned_mask", {"weight_multiplier": 0}, "weight_multiplier is 0; it must be a finite number above 0"),
        ("line", {"rows": [POINT, POINT | {"error": 2}]}, r"rows\[1\].error is 2; it must be at least 0 and at most 1"),
        ("histogram", {"rows": {}}, "rows is {}; it must be a list"),
        ("spectrum", {"rows": []}, "rows is empty"),
        ("mine", {"rows": []}, "rows is empty"),
        ("mine", {"network": 3}, "network is 3; it must be text"),
    ],
)
def test_metrics_that_cannot_be_are_refused(kind, change, message):
    with pytest.raises(InputError, match=message):
        check_metrics({"kind": kind} | LEAST.get(kind, {}) | change)


@pytest.mark.parametrize("kind", ["level", "rewind", "control"])
@pytest.mark.parametrize("name", ["early_stop_iteration", "test_accuracy"])
def test_a_training_that_finished_has_its_readings(kind, name):
    """One that diverged may lack them, and so may one with a loss and metrics of a user's."""
    usual = {"kind": kind, **LEAST[kind], "early_stop_iteration": 9, "test_accuracy": 0.5}
    check_metrics(usual)
    if name == "test_accuracy":
        check_metrics(usual | {name: None, "status": "diverged"})
        check_metrics(usual | {name: None, "test": {"loss": 1.5}})
    with pytest.raises(InputError, match=name):
        check_metrics(usual | {name: None})


def test_a_kind_of_ones_own_needs_nothing_else():
    check_metrics({"kind": "mine", "level": -1, "rows": 3})
