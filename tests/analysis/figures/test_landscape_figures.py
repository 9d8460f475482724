"""Figures of the error landscape: their content against plain pandas on the measurements, and missing data.

A behaviour of several modules: connectivity, flatness, landscape_panels and the report's commands.
"""

import dataclasses
import shlex
import subprocess
import sys
import warnings

import made_up
import numpy as np
import pytest
from figure_parts import heights, legend_of

from analysis.figures import catalogue, drawing, styles
from analysis.figures import landscape_panels as panels
from analysis.figures.connectivity import PAIRS
from analysis.report import commands, figure_sources, parts, report
from analysis.results import columns, load
from lottery_tf.landscape.measurements import flatness, row_names
from lottery_tf.landscape.measurements.catalogue import MEASUREMENTS
from lottery_tf.landscape.measurements.lines import successive_jobs
from lottery_tf.pruning.treatments import Treatment

TREATMENTS = (Treatment(), Treatment("random"), Treatment(rewind_to=100), Treatment("movement", mask1="reinit"))
ENTRIES = list(figure_sources.MEASURED)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return made_up.write_results(
        tmp_path_factory.mktemp("landscape"), treatments=TREATMENTS, levels=6, landscape=TREATMENTS
    )


@pytest.fixture(scope="module")
def found(folder):
    return load.load(folder)


@pytest.fixture(scope="module")
def drawn(found):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return {name: catalogue.draw(name, catalogue.FigureInputs(found)) for name in ENTRIES}


def test_barriers_are_means_in_points_and_markers_say_what_matches(drawn, found):
    large = drawn["barriers"].axes[0]
    assert "large_final" in large.get_ylabel()
    own = found.lines[(found.lines["treatment"] == Treatment().name) & (found.lines["row"] == 0)]
    look = styles.REWIND_POINTS[0]
    line, least = heights(large, look, marker=False)
    means = 100 * own.groupby("level")[["second_kept_fraction", "error_barrier"]].mean().sort_index(ascending=False)
    np.testing.assert_allclose(line.get_xydata(), means)
    # The ends of the pairs that do not match have one error in this world; those of the others are a tenth of a point
    # apart.
    np.testing.assert_allclose(least.get_ydata(), [0.05] * 3 + [0] * 3, atol=1e-12)
    full, none = heights(large, look)
    assert (full.get_fillstyle(), none.get_fillstyle()) == ("full", "none")
    # Levels 0 to 2 of this world match, and so do both ends of the lines that begin there.
    assert (len(full.get_xdata()), len(none.get_xdata())) == (3, 3)
    assert min(full.get_xdata()) > max(none.get_xdata())


@pytest.mark.slow
def test_a_pair_that_matches_in_some_seeds_is_half_filled(found):
    lines = found.lines.copy()
    lines.loc[(lines["seed"] == 1) & (lines["level"] == 1), "second_error"] += 0.01
    figure = catalogue.draw("barriers", catalogue.FigureInputs(dataclasses.replace(found, lines=lines)))
    fills = {line.get_fillstyle() for line in heights(figure.axes[0], styles.REWIND_POINTS[0])}
    assert fills == {"full", "left", "none"}
    assert "both levels match in some" in legend_of(figure)


def test_columns_are_criteria_and_lines_are_rewind_points(drawn):
    figure = drawn["barriers"]
    assert [axes.get_ylabel().split("(")[1] for axes in figure.axes] == ["large_final)", "movement)", "random)"]
    legend = legend_of(figure)
    assert legend[:3] == ["rewound to 0", "rewound to 100", "movement-reinit-zero"]
    assert "2 points: connected below" in legend and "both levels match in some" not in legend  # in all, or in none
    assert "thin line: half the difference of the ends" in legend


def test_error_lines_begin_and_end_at_their_levels(drawn, found):
    axes = drawn["error_lines"].axes
    assert len(axes) == PAIRS
    last = found.lines[(found.lines["treatment"] == Treatment().name) & (found.lines["level"] == 5)]
    expected = 100 * last.groupby("position")["error"].mean()
    lines = [line for line in axes[-1].lines if line.get_color() == styles.REWIND_POINTS[0].colour]
    np.testing.assert_allclose(lines[0].get_xydata(), np.column_stack([expected.index, expected]))
    assert axes[-1].get_xlabel().startswith("from level 6 (26.3% kept)\nto level 5")


def test_perturbations_by_length(drawn, found):
    own = found.perturbations[
        (found.perturbations["treatment"] == Treatment().name) & (found.perturbations["row"] == 0)
    ]
    left, right = drawn["robustness"].axes
    for axes, column in ((left, "error_barrier"), (right, "error_barrier_to_before")):
        (line,) = heights(axes, styles.SEQUENCE[0], marker=False)  # level 1
        expected = 100 * own[own["level"] == 1].groupby("multiple")[column].mean()
        np.testing.assert_allclose(line.get_xydata(), np.column_stack([expected.index, expected]))
        assert [tick.get_text() for tick in axes.get_xticklabels()] == ["0.5", "1", "2"]


@pytest.mark.parametrize("name", ENTRIES)
def test_what_is_not_there_is_named_with_the_command_that_makes_it(name, found, tmp_path):
    empty = {columns.FRAMES[kind]: getattr(found, columns.FRAMES[kind])[:0] for kind in columns.LANDSCAPE}
    without = dataclasses.replace(found, **empty)
    with pytest.raises(drawing.NothingToDraw, match="there is no"):
        catalogue.draw(name, catalogue.FigureInputs(without))
    made = parts.Report(tmp_path, tmp_path, catalogue.FigureInputs(without))
    text = parts.figure_part(name, made)
    measure = commands.MEASURED_BY[figure_sources.MEASURED[name]]
    assert "Not drawn: there is no" in text and f"--measure={measure}" in text and "--seeds=0,1,2" in text
    assert measure in MEASUREMENTS


def test_a_panel_with_fewer_seeds_at_some_levels_says_so(drawn, found):
    assert "3 seeds" in title_of(drawn["barriers"])
    fewer = found.lines[(found.lines["seed"] == 0) | (found.lines["level"] < 4)]
    figure = catalogue.draw("barriers", catalogue.FigureInputs(dataclasses.replace(found, lines=fewer)))
    assert "1 to 3 seeds" in title_of(figure)


def title_of(figure):
    return figure.subfigs[0].get_suptitle()


def test_criteria_are_drawn_on_one_scale(found):
    lines = found.lines.copy()
    lines.loc[lines["criterion"] == "random", "error_barrier"] += 0.3
    figure = catalogue.draw("barriers", catalogue.FigureInputs(dataclasses.replace(found, lines=lines)))
    large, *_, random = figure.axes
    assert large.get_ylim()[1] == random.get_ylim()[1] > 30


@pytest.mark.parametrize("kind", columns.LANDSCAPE)
def test_commands_measure_what_is_here(kind, found):
    treatments = set()
    for line in commands.measurement_commands(found, kind):
        words = shlex.split(line)
        given = dict(word.removeprefix("--").split("=", 1) for word in words[3:])
        assert words[2] == "runs.landscape" and given["levels"] == "6" and given["seeds"] == "0,1,2"
        rewind_to = int(given.get("rewind_to", 0))
        treatments |= {
            Treatment(name, mask1=given["mask1"], rewind_to=rewind_to) for name in given["criterion"].split(",")
        }
        assert ("at" in given) == (not MEASUREMENTS[given["measure"]].everywhere)
    assert treatments == set(TREATMENTS)


@pytest.mark.slow
def test_one_seed_and_one_level_are_enough(tmp_path):
    folder = made_up.write_results(tmp_path, treatments=TREATMENTS[:1], seeds=[3], levels=2, landscape=TREATMENTS[:1])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pictures = [drawing.content(catalogue.draw(name, catalogue.figure_inputs(folder)), "svg") for name in ENTRIES]
    assert all(b"</svg>" in picture for picture in pictures)


def test_the_order_of_treatments_and_what_they_are_called(found):
    assert panels.ordered_treatments(found.lines) == [
        "large_final-rewind-zero", "large_final-rewind-zero-rewind100", "movement-reinit-zero", "random-rewind-zero",
    ]  # fmt: skip
    rows = found.lines
    assert panels.rewound(rows[rows["rewind_to"] == 100]) == "large_final, rewound to 100"
    assert panels.rewound(rows[rows["mask1"] == "reinit"]) == "movement-reinit-zero"
    elsewhere = rows[rows["criterion"] == "random"].assign(network="resnet20")
    assert panels.rewound(elsewhere) == "random-rewind-zero", "layer by layer, where the network is pruned globally"
    looks = panels.styles_of(rows)
    assert looks["random-rewind-zero"].colour == looks["large_final-rewind-zero"].colour
    assert looks["random-rewind-zero"].dash != looks["large_final-rewind-zero"].dash


def test_names_are_those_of_the_measurements():
    assert {*styles.LIMIT_STYLES} == {*row_names.METHODS}
    assert {*styles.PRUNED_BY} == {*row_names.PRUNED_BY, flatness.RANDOM_DIRECTION}
    assert successive_jobs is MEASUREMENTS["lines"].jobs


@pytest.mark.slow
def test_drawing_needs_no_measuring():
    code = "import sys, analysis.figures, analysis.claims; print({'tensorflow', 'scipy.sparse'} & {*sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=report.__file__.rsplit("/", 2)[0]
    )
    assert done.stdout == "set()\n"
