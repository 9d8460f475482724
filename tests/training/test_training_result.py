"""The result of a training: what stands for what was not read; and ranges of iterations by their names."""

import itertools
import math

import numpy as np
import pytest

from lottery_tf.errors import InputError
from lottery_tf.training.training_result import IterationRange, TrainingResult


def result(**changes):
    usual = {
        "final": {}, "best": {}, "history": np.zeros((1, 5)), "early_stop_iteration": 0, "early_stop_val_loss": 1.0,
        "test": {"loss": 1.0, "accuracy": 0.75}, "final_test": {"loss": 2.0, "accuracy": 0.5}, "diverged": False,
        "overflow": False, "compiler": "xla", "seconds": 1.0,
    }  # fmt: skip
    return TrainingResult(**usual | changes)


def test_accuracies_are_those_of_two_moments_or_not_numbers():
    assert (result().test_accuracy, result().final_test_accuracy) == (0.75, 0.5)
    own = result(test={"loss": 1.0, "mae": 0.5}, final_test={})
    assert math.isnan(own.test_accuracy) and math.isnan(own.final_test_accuracy)


def test_a_compiler_that_refused_is_named_with_the_reason():
    assert result().compiled_by == {"compiler": "xla"}
    refused = result(compiler="graph", xla_refused="the evaluation")
    assert refused.compiled_by == {"compiler": "graph", "xla_refused": "the evaluation"}


def test_every_range_has_a_name_of_its_own_and_that_of_all_iterations_is_empty():
    ranges = [IterationRange(*each) for each in itertools.product((0, 1, 10), (None, 10, 11), (None, 0, 1))]
    names = [each.name for each in ranges]
    assert len(set(names)) == len(ranges)
    assert [each for each in ranges if not each.name] == [IterationRange()]


def test_a_name_is_the_one_in_checkpoints_of_earlier_releases():
    assert IterationRange(5, 9).name == " iterations 5 to 9, rate from None"
    assert IterationRange(rate_from=3).name == " iterations 0 to None, rate from 3"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"first": -1}, "first is -1; it must be at least 0"),
        ({"first": None}, "first is None; it must be a whole number"),
        ({"last": 1.5}, "last is 1.5; it must be a whole number"),
        ({"rate_from": "3"}, "rate_from is '3'; it must be a whole number"),
    ],
)
def test_iterations_that_are_none_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        IterationRange(**arguments)
