"""Flags that choose among results, against the results that they leave."""

import made_up
import pytest

from analysis.results.load import load
from analysis.results.selection_flags import EXAMPLES, define_selection_flags, selection_from_flags

FC, FC_HALF, CONV2 = ("fc", "mnist", "paper"), ("fc", "mnist", "half"), ("conv2", "cifar10", "half")


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    root = tmp_path_factory.mktemp("selection") / "results"
    return load(made_up.write_results(root, panels=(FC, FC_HALF, CONV2), treatments=(), seeds=(0,)))


@pytest.mark.parametrize(
    ("words", "left"),
    [
        ([], {FC, FC_HALF, CONV2}),
        (["--network=fc"], {FC, FC_HALF}),
        (["--network=conv2,fc", "--schedule=half"], {FC_HALF, CONV2}),
        (["--precision=float32", "--schedule=paper"], {FC}),
    ],
)
def test_results_have_one_of_the_values_of_each_flag(words, left, own_flags, results):
    define_selection_flags()
    own_flags(["command", *words])
    levels = results.only(**selection_from_flags()).levels
    assert set(zip(levels["network"], levels["dataset"], levels["schedule"], strict=True)) == left


def test_the_examples_are_valid_lists(own_flags):
    define_selection_flags()
    own_flags(["command", *(f"--{column}={example}" for column, example in EXAMPLES.items())])
    assert {name: ",".join(values) for name, values in selection_from_flags().items()} == EXAMPLES
