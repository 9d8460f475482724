"""The best Supermasks over seeds, chosen in three ways."""

import pytest

from lottery_tf.supermasks.best_supermasks import best_over_seeds


def test_the_best_in_three_ways():
    accuracies = {  # seed -> validation and test accuracy at levels 1, 2, 3
        0: [(0.1, 0.5), (0.9, 0.6), (0.5, 0.7)],
        1: [(0.8, 0.2), (0.7, 0.8), (0.6, 0.3)],
    }
    rows = [
        {"seed": seed, "level": level, "kept_fraction": 0.8**level, "validation_accuracy": v, "test_accuracy": t}
        for seed, own in accuracies.items()
        for level, (v, t) in enumerate(own, start=1)
    ]
    better = [row | {"label": "better", "test_accuracy": row["test_accuracy"] + 0.1} for row in rows]
    first, second = best_over_seeds([row | {"label": "worse"} for row in rows] + better)
    assert (first.label, second.label) == ("better", "worse")
    assert second.kept == [0.8**2, 0.8]
    assert second.accuracy == [0.6, 0.2]
    assert second.maxima == [0.7, 0.8]
    assert (second.mean_maximum, second.mean_kept) == (pytest.approx(0.7), 0.8**2)
