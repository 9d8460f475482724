"""Finds lottery tickets: rounds of training, masking and rewinding, for any criterion and actions of the paper.

Examples, on embedded data:
  python -m runs.lottery --criterion=large_final,magnitude_increase,random --levels=8 --seeds=0,1
  python -m runs.lottery --rounds=oneshot --kept_fraction=0.2,0.05 --controls=reinit,random --control_draws=3

Several criteria, actions and ways to apply them are given as comma lists, and every combination is run. A criterion or
action of your own is given as package.module:function (see lottery_tf/criteria.py and lottery_tf/actions.py for what it
is called with).
"""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

from lottery_tf import console, controls
from lottery_tf.errors import InputError
from lottery_tf.names import choose
from lottery_tf.settings import NETWORKS
from lottery_tf.treatments import Treatment
from runs import common_flags, training_flags, treatment_flags
from runs.progress import Progress
from runs.treatment_flags import LEVELS, levels_from_flags, treatments_from_flags

if TYPE_CHECKING:
    import pandas as pd

    from lottery_tf.pruning import Experiment

flags.adopt_module_key_flags(common_flags)
flags.adopt_module_key_flags(training_flags)
flags.adopt_module_key_flags(treatment_flags)
CONTROLS = flags.DEFINE_list(
    "controls", [], f"Controls of every level: {', '.join(controls.CONTROLS)} (see lottery_tf/controls.py)."
)
CONTROL_DRAWS = flags.DEFINE_integer("control_draws", 3, "How many controls of each kind a level has.")
KEEP = flags.DEFINE_enum(
    "keep",
    "needed",
    ["needed", "all"],
    "Weights that finished levels keep: 'needed' those of the dense network and of each treatment's last level, "
    "'all' those of every level. Masks and numbers are always kept.",
)


def main() -> None:
    settings, seeds = training_flags.settings_from_flags(), training_flags.seeds_from_flags()
    treatments, wanted_controls = treatments_from_flags(), controls_from_flags()
    levels_from_flags()
    for treatment in treatments:
        treatment.check_length(settings.training.iterations)
    for treatment, (control, draw) in itertools.product(treatments, wanted_controls):
        controls.check(treatment, 1, control, draw)
    training_flags.start_tensorflow()
    from analysis import figures, summary
    from lottery_tf import data, pruning

    dataset = data.load(settings.dataset, training_flags.DATA_DIR.value, NETWORKS[settings.network].image_shape)
    iterations = settings.training.iterations
    with Progress(trainings(len(seeds), treatments, len(wanted_controls)) * iterations) as progress:
        experiment = pruning.paper_experiment(
            settings,
            dataset,
            training_flags.RESULTS_DIR.value,
            keep_weights=KEEP.value == "all",
            snapshot_seconds=training_flags.SNAPSHOT_SECONDS.value,
            on_steps=progress.steps,
        )
        announce(experiment, len(seeds), treatments, len(wanted_controls))
        for seed, treatment in itertools.product(seeds, treatments):
            last = treatment.last_level(LEVELS.value)
            levels = experiment.levels(treatment, seed, last)
            progress.follow(levels, f"seed {seed} {treatment.name}", last + 1, iterations)
            for control, draw in wanted_controls:
                levels = experiment.controls(treatment, seed, last, control, draw)
                progress.follow(levels, f"seed {seed} {treatment.name} {control} {draw}", last, iterations)
    folder = experiment.results.path
    rows = table_rows(folder, treatments, seeds)
    print(summary.table(rows))
    print(f"\nDrawn in {figures.accuracy_against_kept(rows, folder / 'lottery.png')}")
    print(f"To watch: tensorboard --logdir {training_flags.RESULTS_DIR.value}")


def controls_from_flags() -> list[tuple[str, int]]:
    """Every control that a level is to have, by its kind and draw; raises InputError for one that cannot be."""
    for control in CONTROLS.value:
        choose(controls.CONTROLS, control, "control")
        if CONTROLS.value.count(control) > 1:
            raise InputError(f"--controls gives {control!r} more than once; --control_draws says how many each has.")
    if CONTROL_DRAWS.value < 1:
        raise InputError(f"--control_draws is {CONTROL_DRAWS.value}; it must be at least 1.")
    return list(itertools.product(CONTROLS.value, range(1, CONTROL_DRAWS.value + 1)))


def trainings(seeds: int, treatments: list[Treatment], controls_of_a_level: int) -> int:
    """How many trainings are planned; the dense network counts for every treatment, which finds it trained."""
    levels = [treatment.last_level(LEVELS.value) for treatment in treatments]
    return seeds * sum(1 + last * (1 + controls_of_a_level) for last in levels)


def table_rows(folder: Path, treatments: list[Treatment], seeds: list[int]) -> pd.DataFrame:
    """The levels of each treatment, and after them those of its controls, all draws of a kind under one name."""
    import pandas as pd

    from analysis import summary
    from lottery_tf.store import finished

    levels, found = list(finished(folder)), list(finished(folder, "control"))
    tables = []
    for treatment in treatments:
        tables.append(summary.chosen(levels, [treatment], seeds, LEVELS.value))
        for control in CONTROLS.value:
            own = [m for m in found if m["control"] == control and m["draw"] <= CONTROL_DRAWS.value]
            # None of a treatment whose first level diverged, say.
            if any(treatment.made(m) and m["seed"] in seeds and 0 < m["level"] <= LEVELS.value for m in own):
                rows = summary.chosen(own, [treatment], seeds, LEVELS.value)
                tables.append(rows[rows["level"] > 0].assign(treatment=f"{treatment.name}, control: {control}"))
    return pd.concat(tables)


def announce(experiment: Experiment, seeds: int, treatments: list[Treatment], controls_of_a_level: int) -> None:
    """Says how much will be trained and, where all weights are kept, how much disk that takes."""
    iterations = experiment.trainer.settings.iterations
    planned = trainings(seeds, treatments, controls_of_a_level) - seeds * (len(treatments) - 1)
    console.log.info("Up to %d trainings of %d iterations.", planned, iterations)
    if KEEP.value == "all":
        wanted = seeds * sum(experiment.weights_bytes(treatment, LEVELS.value) for treatment in treatments)
        wanted *= 1 + controls_of_a_level
        free = shutil.disk_usage(experiment.results.path).free
        console.log.info("--keep=all stores about %.2f GB of weights; %.2f GB of disk are free.", wanted / 1e9, free / 1e9)


if __name__ == "__main__":
    console.run(main)
