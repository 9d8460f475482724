"""Finds lottery tickets: rounds of training, masking and rewinding, for any criterion and actions of the paper.

Examples, on embedded data:
  python -m runs.lottery --criterion=large_final,magnitude_increase,random --levels=8 --seeds=0,1
  python -m runs.lottery --rounds=oneshot --kept_fraction=0.2,0.05 --controls=reinit,random --control_draws=3

Lists of criteria, actions and other choices are separated by commas, and every combination is run. To use a criterion
or action of your own, give package.module:function. The files criteria.py, mask1_actions.py and mask0_actions.py of
lottery_tf/pruning begin with a description of its arguments.
"""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

from lottery_tf.command_line import console
from lottery_tf.command_line.command_flags import define_list
from lottery_tf.pruning import controls
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.registry import choose
from lottery_tf.studies.named_studies import CONTROL_DRAWS
from runs import display
from runs.display.plan_estimate import pruning_tasks
from runs.flags.common import SEEDS, estimate_from_flags, experiment_with_progress, settings_from_flags
from runs.flags.storage import RESULTS_DIR, define_keep
from runs.flags.training import define_changes
from runs.flags.treatments import LEVELS, treatments_from_flags

if TYPE_CHECKING:
    from lottery_tf.experiment import Experiment

CHANGES = define_changes()
CONTROL_KINDS = define_list(
    "controls",
    [],
    f"Controls to train for every level: any of {', '.join(controls.CONTROLS)} (see lottery_tf/pruning/controls.py).",
    may_be_empty=True,
)
DRAWS = flags.DEFINE_integer(
    "control_draws", CONTROL_DRAWS, "Number of controls of each kind for each level.", lower_bound=1
)
KEEP = define_keep()


def main() -> None:
    """Finds or trains every level of every treatment and seed, and its controls; prints and draws their accuracies."""
    settings, seeds, levels = settings_from_flags(CHANGES), SEEDS.value, LEVELS.value
    treatments, wanted_controls = treatments_from_flags(), controls_from_flags()
    for treatment in treatments:
        treatment.check_training(settings.training.iterations, settings.training.decay)
    for treatment, (control, draw) in itertools.product(treatments, wanted_controls):
        controls.check_control(treatment, 1, control, draw)
    tasks = pruning_tasks(settings, seeds, treatments, levels, wanted_controls)
    estimate = estimate_from_flags("lottery", tasks)
    if estimate is None:
        return

    keep_all = KEEP.value == "all"
    with experiment_with_progress(estimate, settings, keep_weights=keep_all) as (experiment, progress):
        if keep_all:
            announce_weights(experiment, len(seeds), treatments, levels, len(wanted_controls))
        for seed, treatment in itertools.product(seeds, treatments):
            name, last = f"seed {seed} {treatment.name}", treatment.last_level(levels)
            progress.follow(experiment.levels(treatment, seed, last), name)
            for control, draw in wanted_controls:
                found = experiment.controls(treatment, seed, last, control, draw)
                progress.follow(found, f"{name} {control} {draw}", first=1)
    draws = dict.fromkeys(CONTROL_KINDS.value, DRAWS.value)
    display.experiment_summary.ExperimentSummary(experiment.results.path, tuple(treatments), tuple(seeds), draws).show()
    print(f"Training curves: tensorboard --logdir {Path(RESULTS_DIR.value)}")


def controls_from_flags() -> list[tuple[str, int]]:
    """Returns the kind and draw of every control of a level; raises InputError for an unknown kind."""
    for control in CONTROL_KINDS.value:
        choose(controls.CONTROLS, control, "control")
    return list(itertools.product(CONTROL_KINDS.value, range(1, DRAWS.value + 1)))


def announce_weights(
    experiment: Experiment, seeds: int, treatments: list[Treatment], levels: int, controls_of_a_level: int
) -> None:
    """Logs how much disk space the weights of all levels take."""
    wanted = seeds * sum(experiment.weights_bytes(treatment, levels) for treatment in treatments)
    wanted *= 1 + controls_of_a_level
    free = shutil.disk_usage(experiment.results.path).free
    console.log.info("--keep=all stores about %.2f GB of weights; %.2f GB are free on disk.", wanted / 1e9, free / 1e9)


if __name__ == "__main__":
    console.run(main)
