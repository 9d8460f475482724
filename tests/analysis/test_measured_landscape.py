"""What the page of results says of the error landscape, against the CSV files, by plain arithmetic.

A behaviour of the page alone: its sentences, not its tables.
"""

from collections import defaultdict
from statistics import fmean

from measured_files import MEASURED, prunable_percentages, rows_of


def pairs(criterion):
    """Lines between successive levels from the initial weights: (level, places of end errors, barriers), in points."""
    found = defaultdict(list)
    for row in rows_of("landscape/lines"):
        wanted = ("1500", criterion, "0", "successive")
        if tuple(row[name] for name in ("schedule", "criterion", "rewind_to", "relation")) == wanted:
            found[int(row["level"]), row["seed"]].append(row)
    return {
        key: (
            [100 * float(rows[0][name]) for name in ("first_error", "second_error", "dense_error", "error_barrier")],
            100 * max(float(row["error"]) - chord(row) for row in rows),
        )
        for key, rows in found.items()
    }


def chord(row):
    """The error on the straight line between a line's ends, where position 1 is the first."""
    first, second, position = (float(row[name]) for name in ("first_error", "second_error", "position"))
    return position * first + (1 - position) * second


def both_match(errors):
    return max(errors[:2]) <= errors[2] + 0.2 + 1e-9


def over_runs(name, value, **wanted):
    """The mean of a column over the runs, each counted once, that have these values."""
    chosen = defaultdict(set)
    for row in rows_of(f"landscape/{name}"):
        if all(row[key] == text for key, text in wanted.items()):
            chosen[row["seed"]].add(float(row[value]))
    assert [len(values) for values in chosen.values()] == [1, 1, 1]
    return fmean(value for values in chosen.values() for value in values)


def test_lines_between_levels_are_those_of_the_csv_files():
    text = " ".join((MEASURED / "README.md").read_text().split())
    found = pairs("large_final")
    sentences = (
        (1, "The mean barrier is {:.2f} points if both ends match and {:.2f} if not"),
        (0, "above the straight line between them, the error rises by only {:.2f} and {:.2f} points"),
    )
    for where, told in sentences:
        values = [(both_match(errors), errors[3] if where else rise) for errors, rise in found.values()]
        means = [fmean(value for match, value in values if match is wanted) for wanted in (True, False)]
        assert told.format(*means) in text
    misses = sorted(level for (level, _), (errors, _) in found.items() if errors[0] > errors[2] + 0.2 + 1e-9)
    assert misses == [2, 17, 17, 18, 18, 19, 19, 19]
    assert "They match down to 2.9% kept, with one exception (level 2 of one seed)" in text
    assert max(errors[3] for errors, _ in found.values()) < 2
    assert "all levels of `large_final` lie in one mode" in text
    random = pairs("random")
    means = {level: fmean(own[0][3] for (number, _), own in random.items() if number == level) for level in range(20)}
    assert [level for level, mean in means.items() if mean > 2] == [17, 18, 19]
    assert (
        f"With random pruning the mean barrier is above 2 points from 2.3% kept on, and {means[19]:.1f} at 1.5%" in text
    )
    matching = [level for (level, _), (errors, _) in random.items() if both_match(errors)]
    assert (len(random), len(matching), max(matching)) == (60, 6, 2)
    assert "six of its 60 pairs match, all with at least half of the weights" in text


def test_robustness_limits_and_flatness_are_those_of_the_csv_files():
    text = " ".join((MEASURED / "README.md").read_text().split())
    barriers = [100 * over_runs("perturbations", "error_barrier", level=at, multiple="1.0") for at in ("4", "15")]
    assert "(barriers of {:.2f} and {:.2f} points at 41 and 3.6% kept)".format(*barriers) in text
    for pruned_by, words in (
        ("large_final", "for magnitude pruning it predicts {} and {}%, but {} and {}% were found"),
        ("random", "for random pruning it predicts {} and {}%, but {} and {}% were found"),
    ):
        shares = [
            [fmean(prunable_percentages(at, pruned_by, method)) for at in ("0", "6", "12")]
            for method in ("subspace meets bowl", "found after retraining")
        ]
        said = words.format(*(part for own in shares for part in (f"{own[0]:.0f}, {own[1]:.0f}", f"{own[2]:.0f}")))
        assert said in text
    apart = [
        "{:.0f}, {:.0f} and {:.0f}%".format(*prunable_percentages("0", pruned_by, "subspace meets bowl"))
        for pruned_by in ("large_final", "random")
    ]
    assert (
        "predictions for the three seeds are {} for magnitude pruning and {} for random pruning".format(*apart) in text
    )
    again = defaultdict(set)
    for row in rows_of("landscape/lines"):
        if row["relation"] == "reordered":
            again[row["schedule"], row["rewind_to"]].add(100 * float(row["error_barrier"]))
    assert f"have a barrier of at most {max(again['1500', '0']):.2f} points" in text
    assert "(barriers of {:.1f} to {:.1f} points)".format(min(again["1000", "0"]), max(again["1000", "0"])) in text
    assert f"after 200 iterations (at most {max(again['1000', '200']):.1f} points)" in text
    by = [{name: over_runs("rays", name, level="12", direction=way, position="0.0") for name in ("curvature", "length")}
          for way in ("large_final", "random")]  # fmt: skip
    assert "From level 2 on, the curvature along the projection of magnitude pruning is *greater* than" in text
    for level in map(str, range(13)):
        magnitude, random = (over_runs("rays", "curvature", level=level, direction=way, position="0.0")
                             for way in ("large_final", "random"))  # fmt: skip
        assert (magnitude > random) == (int(level) >= 2), level
    assert "({:.4f} and {:.4f} at level 12)".format(*(own["curvature"] for own in by)) in text
    assert "(length {:.1f}, against {:.1f})".format(*(own["length"] for own in by)) in text
