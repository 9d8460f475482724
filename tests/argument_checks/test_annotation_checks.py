"""Fields of settings: for any value, the message says what was given and what is wanted."""

import dataclasses
from typing import Annotated, Any, NotRequired, TypedDict

import numpy as np
import pytest

from lottery_tf.argument_checks.annotation_checks import check_mapping
from lottery_tf.argument_checks.validation import INDEX
from lottery_tf.errors import InputError
from lottery_tf.landscape.measurements.settings import MeasurementSettings
from lottery_tf.models.settings import ExperimentSettings, PruningSettings, TrainingSettings, experiment_settings
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.studies.planning import Request
from lottery_tf.supermasks.mask_settings import MaskSettings
from lottery_tf.supermasks.mask_sources import MaskSource

NAN, INF = float("nan"), float("inf")
SETTINGS = {  # settings -> what makes one
    TrainingSettings: {"iterations": 300},
    PruningSettings: {},
    Treatment: {},
    MaskSettings: {},
    MeasurementSettings: {},
    Request: {"studies": ("figure3",)},
    MaskSource: {"source": "oneshot", "criterion": "movement"},
    ExperimentSettings: dataclasses.asdict(experiment_settings("fc", "digits"))
    | {"training": TrainingSettings(300), "pruning": PruningSettings()},
}
NEVER = [{"a": 1}, b"3", 2.5 + 1j, object(), [None], ["a", 1.5], NAN]  # what no field of any settings may be
FIELDS = [(kind, field.name) for kind in SETTINGS for field in dataclasses.fields(kind)]


@pytest.mark.parametrize(("kind", "field"), FIELDS, ids=lambda each: getattr(each, "__name__", each))
def test_no_field_takes_what_no_field_may_be(kind, field):
    for value in NEVER:
        if field == "changes" and isinstance(value, dict):
            continue  # a dictionary of further settings, which `experiment_settings` checks
        with pytest.raises(InputError) as caught:
            kind(**SETTINGS[kind] | {field: value})
        message = str(caught.value)
        assert field in message or f"{value!r}" in message
        assert "must" in message or "is not a name" in message


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TrainingSettings("300"), "iterations is '300'; it must be a whole number."),
        (lambda: TrainingSettings(300.0), "iterations is 300.0; it must be a whole number."),
        (lambda: TrainingSettings(None), "iterations is None; it must be a whole number."),
        (lambda: TrainingSettings(True), "iterations is True; it must be a whole number."),
        (lambda: TrainingSettings(2**63), f"iterations is {2**63}; it must be below 2**63 and above -2**63."),
        (lambda: TrainingSettings(3, learning_rate="0.1"), "learning_rate is '0.1'; it must be a number."),
        (lambda: TrainingSettings(3, learning_rate_drops=5), "learning_rate_drops is 5; it must be a list."),
        (lambda: TrainingSettings(3, augmentation=1), "augmentation is 1; it must be text."),
        (lambda: PruningSettings("0.2"), "conv_pruned_fraction is '0.2'; it must be a number."),
        (lambda: PruningSettings(dense=None), "dense_pruned_fraction is None; it must be a number."),
        (lambda: Treatment(rewind_to=2.0), "rewind_to is 2.0; it must be a whole number."),
        (lambda: Treatment(scope=["layer"]), "scope is ['layer']; it must be text."),
        (lambda: MaskSettings(rescale="no"), "rescale is 'no'; it must be True or False."),
        (lambda: MaskSettings(initial_logit=(("a", "b"),)), "initial_logit[0][1] is 'b'; it must be a number."),
        (lambda: MaskSettings(initial_logit=(("a", 1.0, 2.0),)), "initial_logit[0] is ('a', 1.0, 2.0); it must have 2"),
        (lambda: MaskSettings(l1=-1.0), "l1 is -1.0; it must be a finite number of at least 0."),
        (lambda: Request("figure3"), "studies is 'figure3'; it must be a list."),
        (lambda: Request(("figure3",), seeds=(0.5,)), "seeds[0] is 0.5; it must be a whole number."),
        (lambda: Request(("figure3",), seeds=(-1,)), "seeds[0] is -1; it must be at least 0."),
        (lambda: Request(("figure3",), levels=10**6), "levels is 1000000; it must be at most 10,000."),
        (lambda: experiment_settings("fc", learning_rate="a"), "learning_rate is 'a'; it must be a number."),
        (lambda: experiment_settings(["fc"]), "The network ['fc'] is not a name. Valid: fc, conv2"),
        (lambda: experiment_settings(schedule=1.5), "Unknown schedule (or give a number of iterations) '1.5'."),
    ],
)
def test_settings_say_which_field_what_was_given_and_what_is_wanted(make, message):
    with pytest.raises(InputError) as caught:
        make()
    assert str(caught.value).startswith(message)


def test_numbers_of_numpy_and_lists_are_taken():
    settings = TrainingSettings(np.int64(30), learning_rate=np.float32(0.5), learning_rate_drops=[10, 20])
    assert settings == TrainingSettings(30, 0.5, learning_rate_drops=(10, 20))
    assert Treatment(rewind_to=np.int32(3)).name == "large_final-rewind-zero-rewind3"
    assert experiment_settings("fc", "digits", 300).training.iterations == 300


class Inner(TypedDict):
    """An object within another."""

    steps: Annotated[int, INDEX]


class Outer(TypedDict):
    """One with every kind of annotation."""

    name: str
    flag: bool
    inner: dict[str, Inner]
    rows: NotRequired[list[Inner]]
    pair: NotRequired[tuple[str, int] | None]
    either: NotRequired[float | list[int]]


WHOLE_OUTER: dict[str, Any] = {"name": "a", "flag": True, "inner": {"x": {"steps": 0}}, "own": object()}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"flag": 1}, "flag is 1; it must be True or False"),
        ({"inner": []}, r"inner is \[\]; it must be an object"),
        ({"inner": {"x": {"steps": -1}}}, r"inner\['x'\].steps is -1; it must be at least 0"),
        ({"inner": {"x": {}}}, r"inner\['x'\].steps is missing"),
        ({"inner": {1: {"steps": 1}}}, "a name in inner is 1; it must be text"),
        ({"rows": [{"steps": 0}, 3]}, r"rows\[1\] is 3; it must be an object"),
        ({"pair": ("a",)}, r"pair is \('a',\); it must have 2 entries"),
        ({"either": "a"}, "either is 'a'; it must be a number"),
        ({"either": [0.5]}, r"either\[0\] is 0.5; it must be a whole number"),
    ],
)
def test_dictionaries_against_a_typed_dict(changes, message):
    check_mapping(Outer, WHOLE_OUTER | {"rows": [{"steps": 1}], "pair": None, "either": [1]})
    with pytest.raises(InputError, match=message):
        check_mapping(Outer, WHOLE_OUTER | changes)
    with pytest.raises(InputError, match="name is missing"):
        check_mapping(Outer, {key: value for key, value in WHOLE_OUTER.items() if key != "name"})
