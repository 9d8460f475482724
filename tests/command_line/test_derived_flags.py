"""Flags made from dataclasses: their names, types, defaults and help, in every command."""

import dataclasses
import re

import pytest
from absl import flags

from analysis.statistics.stars import StarRule
from lottery_tf.command_line import derived_flags
from lottery_tf.models.settings import OPTIMIZERS, ExperimentSettings, PruningSettings, TrainingSettings
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.studies.planning import Request
from lottery_tf.supermasks.mask_settings import MaskSettings

SETTINGS = (TrainingSettings, PruningSettings, ExperimentSettings, Treatment, MaskSettings, Request, StarRule)


@pytest.mark.parametrize("settings", SETTINGS)
def test_every_field_says_what_it_means(settings):
    texts = derived_flags.attribute_texts(settings)
    assert [field.name for field in dataclasses.fields(settings)] == list(texts)
    assert all(len(text) > 3 and text.endswith(".") for text in texts.values()), texts
    assert not [text for text in texts.values() if re.search(r"names? in `\w+\.", text)], "flags list such names"


@dataclasses.dataclass(frozen=True)
class Example:
    """An example.

    Attributes:
      first_one: a name in `OPTIMIZERS`, of two
        lines; None: neither.
      second_one, third_one: whole numbers.

    Raises:
      nothing: at all.
    """

    first_one: str | None = None
    second_one: int = 3
    third_one: tuple[int, ...] = (1, 2)
    fourth_one: bool = False


@pytest.fixture
def example_flags():
    """Flags of the example; gone when the test is."""
    holders = derived_flags.define(
        Example,
        ("first_one", "second_one", "third_one"),
        rename={"second_one": "other_name"},
        several=("second_one",),
        note="Default: none.",
        tables={"OPTIMIZERS": OPTIMIZERS},
    )
    yield holders
    flags.FLAGS.unparse_flags()
    for holder in holders.values():
        delattr(flags.FLAGS, holder.name)


def test_flags_have_the_names_types_defaults_and_texts_of_the_fields(example_flags):
    assert "fourth_one" not in flags.FLAGS and "second_one" not in flags.FLAGS
    help_of = {name: flags.FLAGS[holder.name].help for name, holder in example_flags.items()}
    assert help_of["first_one"] == "One of adam, sgd, momentum, of two lines; not given: neither. Default: none."
    assert help_of["second_one"] == help_of["third_one"] == "Whole numbers."
    flags.FLAGS(["command"])
    assert derived_flags.values(example_flags) == {"first_one": None, "second_one": (3,), "third_one": (1, 2)}
    flags.FLAGS(["command", "--first_one=sgd", "--other_name=5,7-9", "--third_one=0"])
    assert derived_flags.values(example_flags) == {"first_one": "sgd", "second_one": (5, 7, 8, 9), "third_one": (0,)}


NEW_FIELD = """
import dataclasses, importlib, sys
from lottery_tf.models import settings
@dataclasses.dataclass(frozen=True)
class More(settings.TrainingSettings):
    nesterov: bool = False
text = settings.TrainingSettings.__doc__
More.__doc__ = text.replace("  Attributes:", "  Attributes:\\n      nesterov: looks ahead.")
settings.TrainingSettings = More
from lottery_tf.command_line import command_flags, console
command = importlib.import_module(sys.argv.pop(1))
command_flags.parse(sys.argv)
print({what}.nesterov)
"""
TRAINS = {
    "runs.lottery": "command.settings_from_flags(command.CHANGES).training",
    "runs.supermask": "command.settings_from_flags(command.CHANGES).training",
    "runs.landscape": "command.settings_from_flags(command.CHANGES).training",
    "runs.learn_mask": "command.training_from_flags()",
    "runs.study": "next(iter(importlib.import_module('lottery_tf.studies.planning').plan(command.request_from_flags())"
    ".tasks.values())).settings.training",
}


@pytest.mark.parametrize("name", TRAINS)
def test_a_new_field_is_a_flag_of_every_command_that_trains(name, command):
    arguments = ["--study=trial"] if name == "runs.study" else []
    for given, value in ((["--nesterov"], "True"), ([], "False")):
        done = command(None, name, *arguments, *given, code=NEW_FIELD.replace("{what}", TRAINS[name]))
        assert (done.stdout.strip(), done.stderr) == (value, "")
