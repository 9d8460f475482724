"""Flags of the commands that train one network: the network, the data set, the seeds, the length of training."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from absl import flags

from lottery_tf.command_line import console, derived_flags
from lottery_tf.command_line.command_flags import define_list
from lottery_tf.datasets.loading import load
from lottery_tf.errors import InputError
from lottery_tf.models.settings import ExperimentSettings, experiment_settings
from lottery_tf.models.table_s1 import NETWORKS
from lottery_tf.studies.tasks import Task
from lottery_tf.system import processes
from runs.display.plan_estimate import PlanEstimate, plan_of
from runs.display.progress import Progress
from runs.flags.storage import DATA_DIR, DRY_RUN, RESULTS_DIR, SNAPSHOT_SECONDS

if TYPE_CHECKING:
    from lottery_tf.datasets.dataset import Dataset
    from lottery_tf.experiment import Experiment

_EXPERIMENT = derived_flags.define(
    ExperimentSettings,
    ("network", "dataset", "schedule"),
    defaults={"network": "fc", "dataset": "digits"},
    note="Default: paper; 1000 for trainings on digits.",
)
NETWORK, DATASET, SCHEDULE = _EXPERIMENT["network"], _EXPERIMENT["dataset"], _EXPERIMENT["schedule"]
ITERATIONS = flags.DEFINE_integer(
    "iterations", None, "Length of each training in iterations; same as --schedule=NUMBER."
)
SEEDS = define_list("seeds", [0], "Seeds, such as 0,1,2 or 0-2.", int)
THREADS = flags.DEFINE_integer(
    "threads", 0, "Number of threads that TensorFlow computes with; 0: one for each core.", lower_bound=0
)


def settings_from_flags(changes: Mapping[str, flags.FlagHolder]) -> ExperimentSettings:
    """Returns the settings with the changes that the flags give; raises InputError for an invalid value."""
    return experiment_settings(NETWORK.value, DATASET.value, schedule_from_flags(), **derived_flags.values(changes))


def schedule_from_flags() -> str | None:
    """Returns the schedule; raises InputError if --schedule and --iterations are both given."""
    if SCHEDULE.value and ITERATIONS.value is not None:
        raise InputError("Give --schedule or --iterations, not both.")
    return SCHEDULE.value if ITERATIONS.value is None else str(ITERATIONS.value)


def start_tensorflow() -> None:
    """Imports TensorFlow with the number of threads that --threads gives."""
    processes.start_tensorflow(THREADS.value)


def estimate_from_flags(name: str, tasks: Iterable[Task], then: str = "") -> PlanEstimate | None:
    """Starts TensorFlow, and returns the estimate of a command's tasks; with --dry_run, prints it and returns None.

    Args:
      name: the name of the tasks in the table that --dry_run prints.
      tasks: the tasks.
      then: what --dry_run prints below the table.
    """
    estimate = PlanEstimate.for_plan(
        plan_of(name, tasks), Path(RESULTS_DIR.value), threads=THREADS.value, timed=DRY_RUN.value
    )
    if DRY_RUN.value:
        print(estimate.table() + then)
        return None
    start_tensorflow()
    return estimate


def make_experiment(
    settings: ExperimentSettings, results_dir: Path, on_steps: Callable[[int], None], **options: Any
) -> Experiment:
    """Returns the experiment with some settings; the options are further arguments of `Experiment`."""
    from lottery_tf.paper_networks import paper_experiment

    dataset = load_dataset(settings.dataset, settings.network)
    options |= {"snapshot_seconds": SNAPSHOT_SECONDS.value, "on_steps": on_steps}
    return paper_experiment(settings, dataset, results_dir, **options)


@contextlib.contextmanager
def experiment_with_progress(
    estimate: PlanEstimate, settings: ExperimentSettings, *, keep_weights: bool
) -> Iterator[tuple[Experiment, Progress]]:
    """Logs what is to do, and yields the experiment that does it and what shows its progress."""
    console.log.info(estimate.summary())
    with Progress(estimate.steps) as progress:
        options = {"keep_weights": keep_weights, "on_reading": progress.reading}
        yield make_experiment(settings, Path(RESULTS_DIR.value), progress.steps, **options), progress


def load_dataset(name: str, network: str) -> Dataset:
    """Loads a data set with images in the shape that a network takes; call it after TensorFlow has been started."""
    return load(name, DATA_DIR.value, NETWORKS[network].image_shape)
