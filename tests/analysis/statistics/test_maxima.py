"""The best Supermasks in the three ways of Table 1, on four numbers that are checked by hand."""

import pandas as pd
import pytest

from analysis.statistics.maxima import MAXIMA

ACCURACIES = {  # seed -> validation and test accuracy at levels 1, 2, 3
    0: [(0.1, 0.5), (0.9, 0.6), (0.5, 0.7)],
    1: [(0.8, 0.2), (0.7, 0.8), (0.6, 0.3)],
}


@pytest.fixture
def rows():
    worse = pd.DataFrame(
        {"criterion": "worse", "seed": seed, "choice": level, "validation_accuracy": v, "test_accuracy": t}
        for seed, readings in ACCURACIES.items()
        for level, (v, t) in enumerate(readings, start=1)
    )
    better = worse.assign(criterion="better", **{name: worse[name] + 0.1 for name in worse if "accuracy" in name})
    return pd.concat([worse, better], ignore_index=True)


@pytest.mark.parametrize(
    "way, choices, accuracies",
    [("validation", [2, 1], [0.7, 0.3]), ("maxima", [3, 2], [0.8, 0.9]), ("mean_maximum", [2, 2], [0.7, 0.9])],
)
def test_the_best_criterion_and_kept_fraction(way, choices, accuracies, rows):
    chosen = MAXIMA[way].choose(rows)
    assert set(chosen["criterion"]) == {"better"}
    assert chosen["choice"].tolist() == choices
    assert chosen["test_accuracy"].tolist() == pytest.approx(accuracies)


def test_a_criterion_with_one_lucky_seed_is_not_the_best(rows):
    lucky = rows[rows["seed"] == 0].assign(criterion="lucky", test_accuracy=1.0, validation_accuracy=1.0)
    for choice in (1, 2):
        alone = lucky.assign(criterion="better", choice=10 * choice)
        assert MAXIMA["mean_maximum"].choose(pd.concat([rows, alone]))["choice"].tolist() == [2, 2]
