"""Flags: made from dataclasses, lists and ranges, near misses, and `--help`."""

import dataclasses
import re

import pytest
from absl import flags
from shared import ROOT

from lottery_tf import command_flags
from lottery_tf.models.settings import PruningSettings, RunSettings, TrainingSettings
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.studies.planning import Request
from lottery_tf.supermasks.mask_settings import MaskSettings
from runs.flags import derived

RUNS = ("benchmark", "landscape", "learn_mask", "lottery", "status", "study", "supermask", "ticket")
ANALYSIS = ("claims", "export", "figures", "report", "significance", "tables")
COMMANDS = [f"runs.{name}" for name in RUNS] + [f"analysis.{name}" for name in ANALYSIS]


@pytest.mark.parametrize("settings", [TrainingSettings, PruningSettings, RunSettings, Treatment, MaskSettings, Request])
def test_every_field_says_what_it_means(settings):
    texts = derived.attribute_texts(settings)
    assert [field.name for field in dataclasses.fields(settings)] == list(texts)
    assert all(len(text) > 3 and text.endswith(".") for text in texts.values()), texts


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
    holders = derived.define(Example, ("first_one", "second_one", "third_one"), rename={"second_one": "other_name"},
                             several=("second_one",), note="Default: none.")  # fmt: skip
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
    assert derived.values(example_flags) == {"first_one": None, "second_one": (3,), "third_one": (1, 2)}
    flags.FLAGS(["command", "--first_one=sgd", "--other_name=5,7-9", "--third_one=0"])
    assert derived.values(example_flags) == {"first_one": "sgd", "second_one": (5, 7, 8, 9), "third_one": (0,)}


NEW_FIELD = """
import dataclasses, importlib, sys
from lottery_tf.models import settings
@dataclasses.dataclass(frozen=True)
class More(settings.TrainingSettings):
    nesterov: bool = False
text = settings.TrainingSettings.__doc__
More.__doc__ = text.replace("  Attributes:", "  Attributes:\\n      nesterov: looks ahead.")
settings.TrainingSettings = More
from lottery_tf import command_flags, console
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


@pytest.mark.parametrize("name", COMMANDS)
def test_help_shows_every_flag_in_groups_and_ends_well(name, light_command):
    done = light_command(name, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    shown = re.findall(r"^  --(?:\[no\])?(\w+)", done.stdout, re.MULTILINE)
    assert len(set(shown)) == len(shown)
    titles = re.findall(r"^(\w[\w ]*):$", done.stdout, re.MULTILINE)
    groups = [title for title in titles if title in (*command_flags.GROUPS, command_flags.OTHERS)]
    assert groups == sorted(groups, key=[*command_flags.GROUPS, command_flags.OTHERS].index) and groups
    assert "None" not in done.stdout
    refused = light_command(name, "--no_such_flag")
    assert (refused.returncode, refused.stderr) == (2, "There is no flag --no_such_flag. --help shows all.\n")


def test_groups_name_flags_that_there_are(light_command):
    texts = "".join(light_command(name, "--help").stdout for name in COMMANDS)
    shown = set(re.findall(r"^  --(?:\[no\])?(\w+)", texts, re.MULTILINE))
    assert set().union(*command_flags.GROUPS.values()) <= shown


@pytest.mark.parametrize(
    ("name", "titles"),
    [("analysis.figures", ("Which results", "What", "Where")), ("runs.learn_mask", ("What", "How long", "Where"))],
)
def test_a_command_that_trains_nothing_chooses_results(name, titles, light_command):
    found = re.findall(r"^(\w[\w ]*):$", light_command(name, "--help").stdout, re.MULTILINE)
    assert tuple(title for title in found if title in command_flags.GROUPS) == titles


def test_flags_may_stand_in_a_file(light_command, tmp_path):
    (tmp_path / "flags.txt").write_text("# three seeds\n--seeds=0-2\n--levels=2\n--iterations=40\n")
    arguments = ("--dry_run", f"--results_dir={tmp_path / 'none'}", f"--flagfile={tmp_path / 'flags.txt'}")
    done = light_command("runs.lottery", *arguments)
    assert done.returncode == 0, done.stderr
    assert "To do: 9 trainings, 360 steps" in done.stdout
    assert not (tmp_path / "none").exists()
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    for given, message in {
        "none": "none: No such file or directory.",
        str(tmp_path): f"{tmp_path}: Is a directory.",
        str(tmp_path / "binary"): "The file given by --flagfile is not a text file: ",
    }.items():
        refused = light_command("runs.lottery", f"--flagfile={given}")
        assert refused.returncode == 2 and refused.stderr.startswith(message), refused.stderr
        assert len(refused.stderr.splitlines()) == 1


def test_the_file_of_flags_in_the_documentation_is_read(light_command, tmp_path):
    text = (ROOT / "runs" / "README.md").read_text(encoding="utf-8")
    (block,) = [block for block in re.findall(r"```\n(.*?)```", text, re.DOTALL) if "small.flags" in block]
    (tmp_path / "small.flags").write_text(block)
    arguments = ("--dry_run", f"--results_dir={tmp_path / 'none'}")
    done = light_command("runs.lottery", f"--flagfile={tmp_path / 'small.flags'}", "--levels=2", *arguments)
    assert f"To do: {3 * (1 + 3 * 2)} trainings" in done.stdout, "flags after the file go before it"


def test_the_documentation_names_every_command():
    text = (ROOT / "runs" / "README.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in text for name in COMMANDS)
