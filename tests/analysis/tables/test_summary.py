"""The summary at the end of a run in which some trainings diverged."""

import pytest

from analysis.tables import summary
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.results.paths import DENSE


def level(seed, accuracy):
    """A dense network; where its training diverged, it has an early-stopping iteration from before all the same."""
    return {
        "criterion": DENSE, "seed": seed, "level": 0, "kept_fraction": 1.0, "test_accuracy": accuracy,
        "status": "diverged" if accuracy is None else "finished", "early_stop_iteration": 100 * seed,
    }  # fmt: skip


def test_masks_whose_learning_diverged_are_not_averaged():
    """Their accuracies are numbers: those of a network that an empty mask left nothing of."""
    same = dict.fromkeys(("weights", "g", "initial_logit"), "x") | {"rescale": False, "chosen_kept_fraction": None}
    metrics = dict.fromkeys(summary.MASK_COLUMNS.values(), 0.5)
    rows = [
        same | metrics | {"status": "finished"},
        same | dict.fromkeys(metrics, 0.1) | {"status": "diverged"},
    ]
    line = summary.learned_masks(rows).splitlines()[1]
    assert line.count("50.00, n = 1") == 4 and "10.00" not in line
    assert summary.learned_masks(rows[1:]).splitlines()[1].count("diverged") == 5


@pytest.mark.parametrize(
    ("accuracies", "stop", "accuracy"),
    [
        ([0.97, 0.98, 0.99], "100 [0, 200]", "98.00 [97.00, 99.00]"),
        ([0.97, 0.98, None], "50 [0, 100], n = 2", "97.50 [97.00, 98.00], n = 2"),
        ([0.97, None, None], "0, n = 1", "97.00, n = 1"),
        ([0.97], "0", "97.00"),
        ([None, None], "diverged", "diverged"),
    ],
)
def test_what_diverged_is_not_passed_over_in_silence(accuracies, stop, accuracy):
    levels = [level(seed, value) for seed, value in enumerate(accuracies)]
    rows = summary.chosen(levels, [Treatment()], list(range(len(accuracies))))
    (line,) = summary.table(rows).splitlines()[2:]
    assert line.split("100.00")[1].strip().replace("  ", "\t").split("\t")[0] == stop
    assert line.endswith(f" {accuracy}")
