"""What is behind each figure of a report: its panels, its commands, and what is missing."""

import dataclasses

import pytest

from analysis.figures import catalogue
from analysis.report.figure_sources import FIGURE_SOURCES, figure_source
from lottery_tf.studies import paper

FC = ("fc", "mnist", "paper", "float32")


@pytest.fixture(scope="module")
def given(root):
    return catalogue.figure_inputs(root)


def test_all_figures_but_the_drawn_idea_have_results_behind_them():
    assert {*catalogue.FIGURES} - {*FIGURE_SOURCES} == {"figure1"}
    assert {*FIGURE_SOURCES} <= {*catalogue.FIGURES}


def test_lines_without_results_are_missing(root, given):
    source = figure_source("figure3", root, given)
    assert source.panels() == [FC]
    lacking = [name for name in paper.FIGURE_LINES["figure3"].lines if name not in ("large_final", "random")]
    assert source.missing_lines() == {FC: lacking} and len(lacking) == 7
    assert source.commands_for_nothing() == [f"python -m runs.study --study=figure3 --results_dir={root}"]
    assert source.flags()["test"] == "welch"


def test_treatments_that_are_in_no_figure_do_not_have_to_be_there(root, given):
    assert figure_source("others", root, given).panels() == [], "all treatments are in figures 3 and 4"
    levels = given.results.levels.replace({"random-rewind-zero": "own+mine-rewind-zero", "random": "own:mine"})
    other = dataclasses.replace(given, results=dataclasses.replace(given.results, levels=levels))
    source = figure_source("others", root, other)
    assert source.panels() == [FC] and source.missing_lines() == {}
    (command,) = source.commands()
    assert "--criterion=own:mine " in command


def test_masks_are_of_panels_and_of_networks(root, given):
    source = figure_source("figure7", root, given)
    assert source.panels() == [FC, ("fc", "mnist", None, "float32")]
    assert [command.split()[2] for command in source.commands()] == ["runs.supermask", "runs.learn_mask"]


def test_planes_say_why_no_trained_layer_is_drawn(root, given):
    exported = dataclasses.replace(given, results=dataclasses.replace(given.results, folders=[]))
    drawn = dataclasses.replace(given, layer="a layer", layer_name="conv_1/kernel", criteria=("movement",))
    notes = [figure_source("figure2", root, each).note() for each in (given, exported, drawn)]
    assert [note.rpartition(": ")[2] for note in notes] == [
        "no dense network kept its weights.", "exported files hold no weights.", "",
    ]  # fmt: skip
    assert figure_source("figureS1", root, given).flags() == {}
    assert figure_source("figureS1", root, drawn).flags() == {"layer": "conv_1/kernel", "criterion": ("movement",)}


def test_tickets_lack_all_lines_but_the_first(root, given):
    """No panel has one of the other lines, so no line of a panel is missing; a study makes them."""
    source = figure_source("lottery", root, given)
    assert source.panels() == [] and source.missing_lines() == {}
    (command,) = source.commands_for_nothing()
    assert "--study=lottery" in command and "--networks=fc" in command and f"--results_dir={root}" in command


@pytest.mark.parametrize(
    ("figure", "measure"),
    [("barriers", "lines"), ("robustness", "robustness"), ("spectral_density", "flatness"), ("limits", "limit"),
     ("magnitudes", "magnitudes")],
)  # fmt: skip
def test_what_is_not_measured_is_measured_by_a_command(figure, measure, root, given):
    source = figure_source(figure, root, given)
    assert source.panels() == [] and source.commands() == []
    commands = source.commands_for_nothing()
    assert commands and all(f"--measure={measure} " in f"{command} " for command in commands)
