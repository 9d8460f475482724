"""Lines, bands and stars against plain pandas on the levels, and the limits of the accuracy axis."""

import warnings

import made_up
import matplotlib
import numpy as np
import pandas as pd
import pytest
from figure_parts import panel_of
from matplotlib.collections import FillBetweenPolyCollection
from PIL import Image

from analysis.figures import curves, drawing, styles
from analysis.results import select
from lottery_tf.studies import paper


@pytest.mark.parametrize("name", paper.FIGURE_LINES)
def test_lines_are_means_and_bands_reach_from_least_to_greatest(name, drawn, given):
    """Against plain pandas on the levels themselves."""
    figure, spec = drawn[0][name], paper.FIGURE_LINES[name]
    levels = select.panel(given.results.levels, select.Panel("fc", "mnist", "paper", "float32"))
    accuracy = panel_of(figure, 1)
    dense = 100 * levels[levels["treatment"] == "dense"]["test_accuracy"]
    for line, treatment in spec.lines.items():
        own = (
            levels[levels["treatment"] == treatment.name].groupby("level")["test_accuracy"].agg(["mean", "min", "max"])
        )
        style = styles.treatment_style(treatment.name)
        found = [
            each
            for each in accuracy.lines
            if (each.get_color(), each.get_marker(), each.get_markerfacecolor() == "#ffffff")
            == (style.colour, style.marker, style.hollow)
        ]
        if not len(own):
            assert not found
            continue
        np.testing.assert_allclose(found[0].get_ydata(), [dense.mean(), *(100 * own["mean"])])
        bands = [
            band
            for band in accuracy.collections
            if isinstance(band, FillBetweenPolyCollection)
            and np.allclose(band.get_facecolor()[0][:3], matplotlib.colors.to_rgb(style.colour))
        ]
        same_colour = [
            other for other in spec.banded if styles.treatment_style(spec.lines[other].name).colour == style.colour
        ]
        assert bool(bands) == bool(same_colour)
        if line in spec.banded:
            edges = np.concatenate([band.get_paths()[0].vertices[:, 1] for band in bands])
            for value in 100 * own[["min", "max"]].to_numpy().ravel():
                assert np.isclose(edges, value).any()


def test_stars_are_those_of_the_table(given, drawn):
    from analysis.statistics import figure_lines

    spec = paper.FIGURE_LINES["figure4"]
    levels = select.panel(given.results.levels, select.Panel("fc", "mnist", "paper", "float32"))
    for place, measure in enumerate(curves.DRAWN_METRICS):
        lines = figure_lines.lines(levels, spec, measure)
        stars = [line for line in panel_of(drawn[0]["figure4"], place).lines if line.get_marker() == "*"]
        assert sum(len(line.get_xdata()) for line in stars) == lines["star"].sum()


def test_kept_percentages_run_from_everything_to_half_a_percent():
    """At 24 rounds of fc the axis ends just below 0.5%, with round ticks and nothing cut off."""
    kept = made_up.kept_fractions("fc", 24)
    lines = pd.DataFrame(
        {
            "line": "a",
            "level": range(25),
            "kept": 100 * np.array(kept),
            "mean": 97.0,
            "min": 96.0,
            "max": 98.0,
            "star": False,
        }
    )
    with drawing.look():
        axes = drawing.blank(5, 3).subplots()
        curves.draw_lines(axes, lines, {"a": styles.treatment_style("a")}, ["a"], "test_accuracy")
        left, right = axes.get_xlim()
        labels = [tick.get_text() for tick in axes.get_xticklabels()]
    assert left > 100 and 0.4 < right < 100 * kept[24]
    assert {"100", "50", "20", "10", "5", "2", "1", "0.5"} <= set(labels)


def test_lines_that_collapse_do_not_flatten_the_others():
    lines = pd.DataFrame({"line": ["good"] * 3 + ["bad"] * 3, "level": [1, 2, 3] * 2, "kept": [50.0, 20, 5] * 2})
    lines = lines.assign(mean=[98, 98.4, 97, 98, 60, 11.0], max=98.5, star=False)
    lines["min"] = lines["mean"]
    low, high = curves.frame_of_accuracy(lines)
    assert 90 < low < 97 and 98.5 < high < 100
    alone = curves.frame_of_accuracy(lines[lines["line"] == "good"])
    assert 96 < alone[0] < 97 and alone[1] > 98.5
    near = lines.assign(mean=[98, 98.4, 97, 98, 96, 95.0], min=[98, 98.4, 97, 98, 95.5, 94.5])
    assert curves.frame_of_accuracy(near)[0] < 94.5  # where nothing collapses, nothing is cut off, bands included
    axes = drawing.blank(5, 3).subplots()
    curves.draw_lines(
        axes, lines, {name: styles.treatment_style(name) for name in ("good", "bad")}, (), "test_accuracy"
    )
    assert axes.get_ylim() == (low, high)
    assert "1 line leaves the frame, down to 11.0%" in axes.get_xlabel()


def test_a_line_of_one_level_does_not_set_the_frame():
    fallen = pd.DataFrame({"line": "good", "level": range(1, 6), "mean": [98.0, 97.5, 97.0, 96.0, 94.0]})
    begun = pd.DataFrame({"line": ["begun"], "level": [1], "mean": [98.5]})
    lines = pd.concat([fallen, begun], ignore_index=True)
    low, high = curves.frame_of_accuracy(lines.assign(min=lines["mean"], max=lines["mean"]))
    assert low < 94 and high > 98.5


def test_the_picture_of_a_run(tmp_path):
    rows = pd.DataFrame(
        [
            {"treatment": name, "seed": seed, "level": level, "kept_fraction": 0.8**level, "early_stop_iteration": 100,
             "test_accuracy": np.nan if level == 2 and seed else 90.0 + seed}
            for name in ("random-rewind-zero", "my_module+mine-rewind-zero")
            for seed in (0, 1)
            for level in (0, 1, 2)
        ]
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        path = curves.accuracy_against_kept(rows, tmp_path / "lottery.png")
    with Image.open(path) as picture:
        assert picture.width > 1000
