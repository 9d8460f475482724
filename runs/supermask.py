"""Evaluates heuristic supermasks: masks made from a dense training, over untrained weights (Figure 7, Table 1).

Example, on embedded data:
  python -m runs.supermask --criterion=large_final,large_final_same_sign,random --seeds=0,1

The dense network of each seed is trained if the results folder does not hold it; nothing else is trained.
--source=iterative takes the masks of iterative pruning instead, and trains missing levels.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from absl import flags
from tqdm import tqdm

from lottery_tf import registry
from lottery_tf.command_line import console
from lottery_tf.command_line.command_flags import define_choice
from lottery_tf.command_line.derived_flags import define
from lottery_tf.errors import InputError
from lottery_tf.models.table_s1 import NETWORKS
from lottery_tf.pruning import criteria
from lottery_tf.pruning.kept_counts import PAPER_LEVELS
from lottery_tf.pruning.mask1_actions import SUPERMASK_WEIGHTS
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.results.stored_result import diverged
from lottery_tf.studies.tasks import HeuristicMasksTask
from lottery_tf.supermasks.heuristics import HeuristicSupermasks
from lottery_tf.supermasks.mask_sources import MASK_SOURCES, UNTRAINED, MaskSource
from runs import display
from runs.display.plan_estimate import pruning_tasks
from runs.display.progress import Progress, summary_of
from runs.flags.common import SEEDS, estimate_from_flags, experiment_with_progress, settings_from_flags
from runs.flags.training import define_changes

if TYPE_CHECKING:
    from lottery_tf.experiment import Experiment
    from lottery_tf.results.stored_result import StoredResult

HEURISTICS = [name for name, function in criteria.CRITERIA.items() if not registry.asks_for(function, "gradient")]
SOURCES = [source for source in MASK_SOURCES if source != UNTRAINED.source]
TRAINED_BASELINE = "trained_baseline"

CHANGES = define_changes()
TREATMENT_FIELDS = ("criterion", "mask1", "mask0")
_TREATMENT = define(Treatment, TREATMENT_FIELDS, several=TREATMENT_FIELDS, defaults={"criterion": HEURISTICS})
LEVELS = flags.DEFINE_integer(
    "levels", PAPER_LEVELS, "Number of kept fractions; they are those of rounds of pruning.", lower_bound=1
)
SOURCE = define_choice(
    "source",
    "oneshot",
    SOURCES,
    "oneshot: masks made in one shot from the dense network. iterative: masks of iterative pruning with the actions "
    "--mask1 and --mask0; missing levels are trained.",
)


def main() -> None:
    """Trains missing networks, evaluates the masks of every source and seed, and prints the best masks."""
    settings, seeds = settings_from_flags(CHANGES), SEEDS.value
    mask_sources = mask_sources_from_flags(NETWORKS[settings.network].scope)
    treatments = [mask_source.treatment for mask_source in mask_sources if mask_source.source == "iterative"]
    tasks = itertools.chain(
        pruning_tasks(settings, seeds, treatments, LEVELS.value),
        (
            HeuristicMasksTask(settings, seed, mask_source, LEVELS.value)
            for seed in seeds
            for mask_source in [UNTRAINED, *mask_sources]
        ),
    )
    estimate = estimate_from_flags("supermask", tasks)
    if estimate is None:
        return
    with experiment_with_progress(estimate, settings, keep_weights=False) as (experiment, progress):
        dense = list(trained(experiment, progress, seeds, treatments))
    if not dense:
        raise InputError("No dense training finished, so there are no masks to evaluate.")
    results = evaluated(experiment, dense, [UNTRAINED, *mask_sources])
    rows = [*rows_of_levels(results), *map(trained_row, dense)]
    for weights in SUPERMASK_WEIGHTS:
        of_weights = [row for row in rows if row["weights"] in (weights, TRAINED_BASELINE)]
        print(f"\n{display.best_supermasks.table(of_weights, weights)}")
    print(display.best_supermasks.NOTE)


def mask_sources_from_flags(scope: str) -> list[MaskSource]:
    """Returns the mask sources of the flags, iterative ones with this scope; raises InputError for unknown names."""
    actions_given = [name for name in ("mask1", "mask0") if flags.FLAGS[name].present]
    if SOURCE.value == "oneshot" and actions_given:
        raise InputError(f"--{actions_given[0]} needs --source=iterative; masks made in one shot have no actions.")
    iterative = SOURCE.value == "iterative"
    choices = [_TREATMENT[name].value for name in (TREATMENT_FIELDS if iterative else TREATMENT_FIELDS[:1])]
    named = scope if iterative and scope != Treatment().scope else ""
    mask_sources = [MaskSource(SOURCE.value, *chosen, scope=named) for chosen in itertools.product(*choices)]
    for mask_source in mask_sources:
        _ = mask_source.treatment.functions  # raises InputError for an unknown name
    return mask_sources


def trained(
    experiment: Experiment, progress: Progress, seeds: list[int], treatments: list[Treatment]
) -> Iterator[StoredResult]:
    """Trains missing networks; yields the dense network of each seed whose training did not diverge."""
    for seed in seeds:
        progress.follow_one(functools.partial(experiment.dense, seed), f"seed {seed} dense level 0")
        dense = experiment.dense(seed, weights=True)
        if diverged(dense.metrics):
            console.log.warning("Seed %d is left out, because its dense training diverged.", seed)
            continue
        for treatment in treatments:
            progress.follow(experiment.levels(treatment, seed, LEVELS.value), f"seed {seed} {treatment.name}")
        yield dense


def evaluated(experiment: Experiment, dense: list[StoredResult], mask_sources: list[MaskSource]) -> list[StoredResult]:
    """Evaluates the supermasks of every source and seed; shows a bar on a terminal, else a line for each new result."""
    results, each = [], LEVELS.value * len(SUPERMASK_WEIGHTS)
    with tqdm(total=len(dense) * len(mask_sources) * each, unit=" masks", disable=None, dynamic_ncols=True) as bar:
        supermasks = HeuristicSupermasks(experiment, on_mask=bar.update)
        for network, mask_source in itertools.product(dense, mask_sources):
            name, before = f"seed {network.metrics['seed']} {mask_source.name}", supermasks.evaluated
            bar.set_description(name)
            results.append(supermasks.evaluate(network, mask_source, LEVELS.value))
            bar.update(len(results) * each - bar.n)  # found results and the untrained baseline evaluate fewer masks
            if bar.disable and supermasks.evaluated > before:
                console.log.info("%s: %s", name, summary_of(results[-1].metrics))
    return results


def rows_of_levels(results: Iterable[StoredResult]) -> Iterator[dict]:
    """Yields every evaluation up to the last level, with its seed and the label of its line in the table."""
    for metrics in (result.metrics for result in results):
        label = "-".join(filter(None, (metrics[name] for name in ("criterion", "mask1", "mask0"))))
        for row in metrics["rows"]:
            if row["level"] <= LEVELS.value:
                yield {"label": label, "seed": metrics["seed"], **row}


def trained_row(dense: StoredResult) -> dict:
    """Returns the dense network at its early-stopping iteration, as a row like those of the supermasks."""
    stop = dense.history[:, 0] == dense.metrics["early_stop_iteration"]
    return {
        "label": TRAINED_BASELINE,
        "seed": dense.metrics["seed"],
        "level": 0,
        "kept_fraction": 1.0,
        "weights": TRAINED_BASELINE,
        "validation_accuracy": float(dense.history[stop, dense.columns.index("validation_accuracy")][0]),
        "test_accuracy": dense.metrics["test_accuracy"],
    }


if __name__ == "__main__":
    console.run(main)
