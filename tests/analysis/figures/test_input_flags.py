"""What figures are drawn from, by flags and from Python."""

import inspect

import pytest

from analysis.figures.catalogue import figure_inputs
from analysis.figures.input_flags import define_figure_input_flags, figure_inputs_from_flags
from analysis.statistics.stars import StarRule


@pytest.fixture
def inputs(own_flags):
    """Parses a command line and returns the arguments that it comes to."""
    define_figure_input_flags()

    def parse(*words):
        own_flags(["command", *words])
        return figure_inputs_from_flags()

    return parse


def test_without_flags_they_are_the_usual_ones(inputs):
    usual = {name: each.default for name, each in inspect.signature(figure_inputs).parameters.items()}
    found = inputs()
    assert len(found) == 3 and found == {name: usual[name] for name in found}


def test_each_flag_is_one_argument(inputs, own_flags):
    words = ("--results_dir=mine", "--layer=conv_1/kernel", "--criterion=my:own,my:other", "--test=paired")
    assert inputs(*words) == {"layer": "conv_1/kernel", "criteria": ("my:own", "my:other"), "rule": StarRule("paired")}
    assert own_flags.results_dir == "mine"
