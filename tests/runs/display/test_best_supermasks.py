"""The table of the best heuristic Supermasks, beside loops over the same rows."""

import numpy as np
from brute_force_maxima import best_over_seeds

from runs.display.best_supermasks import table


def test_each_criterion_has_its_best_in_three_ways_the_best_criterion_first():
    rng = np.random.default_rng(0)
    rows = [
        {
            "label": label,
            "seed": seed,
            "level": level,
            "kept_fraction": 0.8**level,
            "validation_accuracy": rng.random(),
            "test_accuracy": rng.random(),
        }
        for label in ("movement", "random", "large_final")
        for seed in (0, 1)
        for level in (1, 2, 3)
    ]
    title, heading, *lines = table(rows, "signed_constant").splitlines()
    assert title == "Supermasks on weights: signed_constant" and heading.startswith("criterion")
    wanted = best_over_seeds(rows)
    assert [line.split()[0] for line in lines] == [best.label for best in wanted]
    for line, best in zip(lines, wanted, strict=True):
        for values in (best.kept, best.accuracy, best.maxima):
            assert f"{100 * np.mean(values):.2f}" in line
        assert line.split()[-2:] == [f"{100 * best.mean_maximum:.2f}", f"{100 * best.mean_kept:.2f}"]
