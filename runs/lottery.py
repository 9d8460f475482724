"""Finds lottery tickets: rounds of training, masking and rewinding, for any criterion and actions of the paper.

Example, on embedded data:
  python -m runs.lottery --criterion=large_final,magnitude_increase,random --levels=8 --seeds=0,1

Several criteria or actions are given as a comma list, and every combination is run. A criterion or action of your own
is given as package.module:function (see lottery_tf/criteria.py and lottery_tf/actions.py for what it is called with).
"""

from __future__ import annotations

import itertools
import shutil
from typing import TYPE_CHECKING

from absl import flags

from lottery_tf import actions, criteria
from lottery_tf.errors import InputError
from lottery_tf.settings import NETWORKS
from lottery_tf.treatments import Treatment
from runs import cli, common_flags, training_flags
from runs.progress import Progress

if TYPE_CHECKING:
    from lottery_tf.pruning import Experiment

flags.adopt_module_key_flags(common_flags)
flags.adopt_module_key_flags(training_flags)
CRITERION = flags.DEFINE_list("criterion", ["large_final"], f"Mask criteria: {', '.join(criteria.CRITERIA)}.")
MASK1 = flags.DEFINE_list("mask1", ["rewind"], f"Mask-1 actions, for kept weights: {', '.join(actions.MASK1)}.")
MASK0 = flags.DEFINE_list("mask0", ["zero"], f"Mask-0 actions, for pruned weights: {', '.join(actions.MASK0)}.")
LEVELS = flags.DEFINE_integer("levels", 24, "Rounds of pruning after the dense training.")
KEEP = flags.DEFINE_enum(
    "keep",
    "needed",
    ["needed", "all"],
    "Weights that finished levels keep: 'needed' those of the dense network and of each treatment's last level, "
    "'all' those of every level. Masks and numbers are always kept.",
)


def main() -> None:
    settings, seeds, treatments = (
        training_flags.settings_from_flags(),
        training_flags.seeds_from_flags(),
        treatments_from_flags(),
    )
    if LEVELS.value < 1:
        raise InputError(f"--levels is {LEVELS.value}; it must be at least 1.")
    training_flags.start_tensorflow()
    from analysis import figures, summary
    from lottery_tf import data, pruning
    from lottery_tf.store import finished

    dataset = data.load(settings.dataset, training_flags.DATA_DIR.value, NETWORKS[settings.network].image_shape)
    iterations, rounds = settings.training.iterations, LEVELS.value + 1
    with Progress(len(seeds) * len(treatments) * rounds * iterations) as progress:
        experiment = pruning.paper_experiment(
            settings,
            dataset,
            training_flags.RESULTS_DIR.value,
            keep_weights=KEEP.value == "all",
            snapshot_seconds=training_flags.SNAPSHOT_SECONDS.value,
            on_steps=progress.steps,
        )
        announce(experiment, len(seeds), treatments)
        for seed, treatment in itertools.product(seeds, treatments):
            levels = experiment.levels(treatment, seed, LEVELS.value)
            progress.follow(levels, f"seed {seed} {treatment.name}", rounds, iterations)
    folder = experiment.results.path
    rows = summary.chosen(finished(folder), treatments, seeds, LEVELS.value)
    print(summary.table(rows))
    print(f"\nDrawn in {figures.accuracy_against_kept(rows, folder / 'lottery.png')}")
    print(f"To watch: tensorboard --logdir {training_flags.RESULTS_DIR.value}")


def treatments_from_flags() -> list[Treatment]:
    """Every combination of the criteria and actions; raises InputError for an unknown one or one given twice."""
    treatments = [Treatment(*names) for names in itertools.product(CRITERION.value, MASK1.value, MASK0.value)]
    if not treatments:
        raise InputError("--criterion, --mask1 and --mask0 each want at least one name.")
    if twice := [treatment.name for treatment in treatments if treatments.count(treatment) > 1]:
        raise InputError(f"The treatment {twice[0]} is asked for more than once.")
    return treatments


def announce(experiment: Experiment, seeds: int, treatments: list[Treatment]) -> None:
    """Says how much will be trained and, where all weights are kept, how much disk that takes."""
    iterations = experiment.trainer.settings.iterations
    cli.log.info("Up to %d trainings of %d iterations.", seeds * (len(treatments) * LEVELS.value + 1), iterations)
    if KEEP.value == "all":
        wanted = seeds * sum(experiment.weights_bytes(treatment, LEVELS.value) for treatment in treatments)
        free = shutil.disk_usage(experiment.results.path).free
        cli.log.info("--keep=all stores about %.2f GB of weights; %.2f GB of disk are free.", wanted / 1e9, free / 1e9)


if __name__ == "__main__":
    cli.run(main)
