"""Winning tickets and their controls: each line against plain pandas on the results, missing lines, commands."""

import dataclasses
import shlex

import made_up
import numpy as np
import pytest
from matplotlib.colors import to_hex

from analysis.figures import drawing, lottery_tickets
from analysis.report import commands, report, sections
from analysis.results import load
from analysis.results.lottery_lines import LINES, ONE_SHOT_TICKET, RANDOM_TICKET, REINIT, TICKET
from analysis.tables import catalogue
from lottery_tf.pruning.treatments import Treatment

DIVERGED = (1, "reinit-2", 2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """All lines but fine-tuning; one of six reinitialized tickets of level 2 diverged."""
    return made_up.write_results(
        tmp_path_factory.mktemp("tickets"),
        treatments=[Treatment(), Treatment(rounds="oneshot")],
        controls=("reinit", "random"),
        diverged=[DIVERGED],
    )


@pytest.fixture(scope="module")
def found(folder):
    return load.load(folder)


@pytest.fixture(scope="module")
def drawn(found):
    with drawing.look():
        return lottery_tickets.lottery(found)


def line_of(figure, place, name):
    look = lottery_tickets.LINE_STYLES[name]
    wanted = look.colour, look.marker
    (line,) = [line for line in figure.axes[place].lines if (to_hex(line.get_color()), line.get_marker()) == wanted]
    return line


def test_a_control_is_the_mean_over_seeds_of_the_mean_over_draws(drawn, found):
    for place, measure, factor in ((0, "early_stop_iteration", 1), (1, "test_accuracy", 100)):
        for name, control in ((REINIT, "reinit"), (RANDOM_TICKET, "random")):
            rows = found.controls[found.controls["control"] == control]
            own = rows.groupby(["level", "seed"])[measure].mean().groupby("level").mean()
            dense = found.levels[found.levels["level"] == 0][measure].mean()
            np.testing.assert_allclose(line_of(drawn, place, name).get_ydata(), factor * np.array([dense, *own]))


def test_tickets_are_their_levels(drawn, found):
    for name, treatment in ((TICKET, Treatment()), (ONE_SHOT_TICKET, Treatment(rounds="oneshot"))):
        own = found.levels[found.levels["treatment"].isin([treatment.name, "dense"])]
        expected = 100 * own.groupby("level")["test_accuracy"].mean()
        np.testing.assert_allclose(line_of(drawn, 1, name).get_ydata(), expected)


def test_the_legend_names_what_is_drawn(drawn):
    assert {axes.get_xlabel() for axes in drawn.axes} == {"weights kept, %"}
    shown = [text.get_text() for text in drawn.legends[0].get_texts()]
    assert shown == [TICKET, ONE_SHOT_TICKET, REINIT, RANDOM_TICKET, "dense network"]
    looks = list(lottery_tickets.LINE_STYLES.values())
    assert len({(look.colour, look.marker) for look in looks}) == len(looks) == len(LINES)


def test_the_title_says_that_lines_have_different_numbers_of_seeds(found):
    levels = found.levels[(found.levels["rounds"] != "oneshot") | (found.levels["seed"] == 0)]
    figure = lottery_tickets.lottery(dataclasses.replace(found, levels=levels))
    assert {axes.get_title() for axes in figure.axes} == {"fc on mnist, paper schedule, 1 to 3 seeds"}


def test_trainings_that_are_too_short_to_tell_of_speed_are_named(found):
    levels = found.levels.copy()
    dense = levels["treatment"] == "dense"
    levels.loc[dense & (levels["seed"] < 2), "early_stop_iteration"] = levels["iterations"]
    figure = lottery_tickets.lottery(dataclasses.replace(found, levels=levels))
    left, right = (axes.get_xlabel() for axes in figure.axes)
    assert left.endswith("(2 of 3 dense networks stop at the very end of training, which is too short to tell)")
    assert right == "weights kept, %"


def test_a_ticket_alone_is_no_figure_of_its_own(found):
    levels = found.levels[found.levels["rounds"] != "oneshot"]
    alone = dataclasses.replace(found, levels=levels, controls=found.controls[:0])
    with pytest.raises(
        drawing.NothingToDraw, match="no control of large_final-rewind-zero; controls of other tickets are not drawn"
    ):
        lottery_tickets.lottery(alone)


def test_the_table_has_the_numbers_of_the_figure(drawn, found):
    stops, accuracies = catalogue.TABLES["lottery"](found)
    for place, table in enumerate((stops, accuracies)):
        for name in (TICKET, REINIT):
            own = table.numbers[table.numbers["line"] == name]["mean"]
            np.testing.assert_allclose(line_of(drawn, place, name).get_ydata(), own)
    assert list(accuracies.shown)[:2] == ["level", "kept, %"]


def flags_of(line):
    return dict(word.removeprefix("--").split("=", 1) for word in shlex.split(line)[3:])


@pytest.mark.slow
def test_the_section_says_what_is_missing_and_the_command_that_makes_it(folder, found, tmp_path):
    kept = tuple(section for section in sections.SECTIONS if section.anchor == "lottery-tickets")
    text = report.write(folder, tmp_path, sections=kept).read_text()
    assert "Missing lines: 1<" in text and "<li>fc on mnist, paper schedule: fine-tuned</li>" in text
    (command,) = commands.missing_lottery(found, folder)
    wanted = flags_of(command)
    assert wanted == {
        "study": "lottery", "networks": "fc", "dataset": "mnist", "schedule": "paper", "levels": "3", "seeds": "0,1,2",
        "results_dir": str(folder),
    }  # fmt: skip
    assert "--study=lottery" in text and "--controls=random,reinit</span> <span>--control_draws=2" in text
    assert "--rounds=oneshot" in text


def test_what_trained_the_controls(found):
    (command,) = commands.control_commands(found)
    given = flags_of(command)
    assert (given["criterion"], given["controls"], given["levels"]) == ("large_final", "random,reinit", "3")
