"""The commands that make the results of a folder: all of them, no others, with the settings that were used."""

import dataclasses
import json
import shlex

import pytest

from analysis.report import commands
from analysis.results import load
from lottery_tf.models.settings import experiment_settings
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.studies import paper

pytestmark = pytest.mark.slow


def test_each_trained_treatment_is_in_one_command(root):
    """The commands' product of criteria and actions is what is there, no more and no less."""
    found = load.load(root)
    lines = [shlex.split(line) for line in commands.training_commands(found, paper.FIGURE_LINES["figure4"])]
    made = set()
    for words in lines:
        flags = dict(word.removeprefix("--").split("=", 1) for word in words[3:])
        assert flags["seeds"] == "0,1,2" and flags["network"] == "fc" and flags["schedule"] == "paper"
        assert "learning_rate" not in flags and "scope" not in flags  # usual ones
        names = [flags[name].split(",") for name in ("criterion", "mask1", "mask0")]
        made |= {Treatment(a, b, c).name for a in names[0] for b in names[1] for c in names[2]}
    assert made == {"large_final-rewind-zero", "random-rewind-zero", "large_final-reinit-zero"}


def test_settings_that_are_not_the_usual_ones_are_flags_of_the_command(root, tmp_path):
    found = load.load(root)
    folder = json.loads(json.dumps(next(each for each in found.folders if each.get("schedule") == "paper")))
    folder["training"]["learning_rate"] = 0.01
    folder["pruning"]["dense"] = 0.5
    changed = dataclasses.replace(found, folders=[folder])
    command = commands.training_commands(changed, paper.FIGURE_LINES["figure5"])[0]
    assert "--learning_rate=0.01" in command and "--dense_pruned_fraction=0.5" in command
    usual = json.loads(json.dumps(dataclasses.asdict(experiment_settings("fc", "mnist", "paper", dropout=0.5))))
    changed = dataclasses.replace(found, folders=[usual | {"folder": folder["folder"], "precision": "float32"}])
    command = commands.training_commands(changed, paper.FIGURE_LINES["figure5"])[0]
    assert "--dropout=0.5" in command and "--learning_rate" not in command
    other = found.levels.assign(scope="global", rewind_to=500)
    changed = dataclasses.replace(found, levels=other)
    command = commands.training_commands(changed, paper.FIGURE_LINES["figure5"])[0]
    assert "--scope=global" in command and "--rewind_to=500" in command


def test_masks_have_their_commands(root):
    heuristic, learned = commands.supermask_commands(load.load(root))
    assert "runs.supermask" in heuristic and "--criterion=large_final,large_init,small_final" in heuristic
    assert "runs.learn_mask" in learned and "--weights=initial" in learned and "--iterations=2000" in learned
    assert "--rescale" not in learned and "--l1" not in learned


def test_commands_have_the_flags_that_there_are(root):
    """A list from JSON and a tuple of the settings are the same drops of the learning rate."""
    key = ("resnet20", "cifar10", "paper")
    settings = experiment_settings(*key, learning_rate=0.03)
    stored = json.loads(json.dumps(dataclasses.asdict(settings)))
    found = load.load(root)
    rows = found.levels.assign(network=key[0], dataset=key[1], schedule=key[2])
    found = dataclasses.replace(found, levels=rows, folders=[{"folder": "r", "precision": "float32", **stored}])
    for line in (
        *commands.training_commands(found, paper.FIGURE_LINES["figure3"]),
        *commands.missing_lottery(found, root),
    ):
        assert "--learning_rate=0.03" in line and "learning_rate_drops" not in line
