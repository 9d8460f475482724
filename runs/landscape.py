"""Measures the error landscape of trained levels: lines and barriers, robustness, flatness, limits of pruning.

Examples, on embedded data:
  python -m runs.landscape --levels=8 --seeds=0,1
  python -m runs.landscape --levels=8 --measure=robustness,limit --at=2,5 --multiples=0.5,1,2,4
  python -m runs.landscape --between=results/fc-digits/1000/seed-0/dense,results/fc-digits/1000/seed-1/dense

Measurements are stored beside their levels. Later commands reuse them, and analysis.export exports them. They need the
weights of all levels: train with runs.lottery --keep=all or runs.study --keep=all, otherwise levels whose weights were
deleted are trained again. This command keeps all weights.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags
from tqdm import tqdm

from lottery_tf.command_line import console
from lottery_tf.command_line.command_flags import define_choice, define_list, note_old_name, own_flags
from lottery_tf.command_line.derived_flags import define, fields, values
from lottery_tf.datasets.dataset import SPLITS
from lottery_tf.errors import InputError
from lottery_tf.landscape.interpolation import MATCHING, STABLE
from lottery_tf.landscape.measurements.catalogue import MEASUREMENTS, Measurement
from lottery_tf.landscape.measurements.lines import between_job, with_weights
from lottery_tf.landscape.measurements.measurer import Job, LandscapeMeasurer, TrainedLevels
from lottery_tf.landscape.measurements.settings import MeasurementSettings
from lottery_tf.models.settings import DATASETS, ExperimentSettings
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.registry import choose
from lottery_tf.results.locate import locate
from lottery_tf.results.stored_result import StoredResult, diverged
from runs.display.landscape_tables import Thresholds, note, table_of
from runs.display.plan_estimate import pruning_tasks
from runs.display.progress import Progress
from runs.flags.common import SEEDS, estimate_from_flags, make_experiment, settings_from_flags, start_tensorflow
from runs.flags.storage import DRY_RUN, RESULTS_DIR, SNAPSHOT_SECONDS
from runs.flags.training import define_changes
from runs.flags.treatments import LEVELS, treatments_from_flags

if TYPE_CHECKING:
    from lottery_tf.experiment import Experiment

Measured = tuple[str, str, list[dict]]  # a measurement's name, the name of what it measures, the metrics


def _names(**attributes: bool) -> str:
    """Returns the names of the measurements with these attributes, as text."""
    names = [
        name for name, each in MEASUREMENTS.items() if all(getattr(each, key) == attributes[key] for key in attributes)
    ]
    return f"{', '.join(names[:-1])} and {names[-1]}"


DEFAULTS = MeasurementSettings()
CHANGES = define_changes()
MEASURE = define_list(
    "measure",
    ["lines", "magnitudes"],
    "What to measure, with the cost at each level: "
    + ", ".join(f"{name} ({each.cost})" if each.cost else name for name, each in MEASUREMENTS.items())
    + ".",
)
AT = define_list(
    "at",
    None,
    f"Levels at which {_names(everywhere=False)} are measured. Default: a third and two thirds of --levels for "
    f"{_names(trains=True)}, which need trainings; all levels for {_names(everywhere=False, trains=False)}.",
    int,
)
BETWEEN = define_list(
    "between", None, "Folders of two results. Only the line between them is measured, with the settings of the folders."
)
SPLIT = define_choice(
    "split", DEFAULTS.split, SPLITS, f"Images that errors are measured on: {', '.join(SPLITS)}. Papers use test."
)
MATCHING_TOLERANCE = flags.DEFINE_float(
    "matching_tolerance",
    100 * MATCHING,
    "A level matches if its error is at most this many percentage points above the dense network's.",
)
STABLE_BELOW = flags.DEFINE_float(
    "stable_below",
    100 * STABLE,
    "Two networks are in one mode (linearly connected) if their error barrier is below this many percentage points.",
)
_MEASUREMENT = define(
    MeasurementSettings,
    fields(MeasurementSettings, but=("split", "tolerance")),
    rename={"precision": "limit_precision"},
)

WITH_BETWEEN = (  # the flags that --between accepts; it reads all other settings in the folders of its results
    "between", "data_dir", "threads", "snapshot_seconds", "split", "matching_tolerance", "stable_below",
    *(flag.name for flag in _MEASUREMENT.values()),
)  # fmt: skip


def main() -> None:
    """Measures the levels of every treatment, or the line between two results, and prints tables."""
    accept_number_as_precision()
    settings = MeasurementSettings(split=SPLIT.value, tolerance=MATCHING_TOLERANCE.value / 100, **values(_MEASUREMENT))
    if not STABLE_BELOW.value > 0:
        raise InputError(f"--stable_below is {STABLE_BELOW.value}; it must be above 0 points.")
    thresholds = Thresholds(settings.tolerance, STABLE_BELOW.value / 100)
    measure = measure_levels if BETWEEN.value is None else measure_between
    for measurement, about, results in measure(settings):
        print(f"\n{table_of(measurement, about, results, thresholds)}")
    if not DRY_RUN.value:
        print(f"\n{note(thresholds, settings.split)}")


def accept_number_as_precision() -> None:
    """Takes a number in --precision as --limit_precision, the former name of that flag."""
    precision = CHANGES["precision"]
    with contextlib.suppress(ValueError):
        flags.FLAGS[_MEASUREMENT["precision"].name].value = float(precision.value)
        flags.FLAGS[precision.name].value, flags.FLAGS[precision.name].present = precision.default, 0
        note_old_name("--precision=NUMBER", "--limit_precision")


def measure_levels(settings: MeasurementSettings) -> Iterator[Measured]:
    """Measures the levels of every treatment and seed, after training missing levels."""
    chosen, seeds = settings_from_flags(CHANGES), SEEDS.value
    treatments, last = treatments_from_flags(), LEVELS.value
    for treatment in treatments:
        treatment.check_training(chosen.training.iterations, chosen.training.decay)
    wanted = levels_to_measure(treatments, last)
    check_images(chosen.dataset, settings)
    tasks = pruning_tasks(chosen, seeds, treatments, last)
    then = f"\nThen to measure: {', '.join(wanted)}. Some measurements need more trainings."
    estimate = estimate_from_flags("levels", tasks, then)
    if estimate is None:
        return
    if estimate.to_do:
        console.log.info(estimate.summary())
    steps = TrainingSteps()
    with Progress(estimate.steps) as progress:
        steps.show = progress.steps
        experiment = make_experiment(chosen, Path(RESULTS_DIR.value), steps, on_reading=progress.reading)
        announce(experiment, treatments, len(seeds), last)
        trained = list(find_or_train(experiment, progress, treatments, seeds, last))
    measurer = make_measurer(experiment, settings, steps)
    jobs = {
        (levels.treatment.name, levels.seed, name): list(MEASUREMENTS[name].jobs(measurer, levels, numbers))
        for levels, (name, numbers) in itertools.product(trained, wanted.items())
    }
    found = do_all(measurer, jobs, steps)
    for treatment, name in itertools.product(treatments, wanted):
        yield name, treatment.name, [row for seed in seeds for row in found.get((treatment.name, seed, name), [])]


def measure_between(settings: MeasurementSettings) -> Iterator[Measured]:
    """Measures the line between two results, which may be in different results folders."""
    if given := [flag.name for flag in own_flags() if flag.present and flag.name not in WITH_BETWEEN]:
        raise InputError(f"--between reads the settings in the folders of the two results; leave out --{given[0]}.")
    if len(BETWEEN.value) != 2:
        raise InputError(f"--between needs the folders of two results; {len(BETWEEN.value)} given.")
    first, second = ends = [locate(os.path.expanduser(path)) for path in BETWEEN.value]
    if first.settings.dataset != second.settings.dataset:
        raise InputError(f"{first.name} and {second.name} were trained on different data sets; give two of the same.")
    if first.settings.network != second.settings.network:
        raise InputError(f"{first.name} and {second.name} are different networks; give two results of one network.")
    start_tensorflow()
    steps = TrainingSteps()
    experiments: dict[tuple[Path, ExperimentSettings], Experiment] = {}
    stored = []
    for end in ends:
        key = (end.results_dir, end.settings)
        experiments[key] = experiments.get(key) or make_experiment(end.settings, end.results_dir, steps)
        stored.append(with_weights(experiments[key], end))
    measurer = make_measurer(experiments[first.results_dir, first.settings], settings, steps)
    job = between_job(measurer, *stored, (first.name, second.name))
    yield "chosen", f"{first.name} and {second.name}", do_all(measurer, {"chosen": [job]}, steps)["chosen"]


def levels_to_measure(treatments: list[Treatment], last: int) -> dict[str, list[int] | None]:
    """Returns the levels of each measurement; None means all levels.

    Raises:
      InputError: for an unknown measurement, one that a treatment does not allow, or levels that it cannot be made at.
    """
    chosen = {name: choose(MEASUREMENTS, name, "measure") for name in MEASURE.value}
    for (name, measurement), treatment in itertools.product(chosen.items(), treatments):
        measurement.check_treatment(name, treatment)
    if AT.value is not None and all(measurement.everywhere for measurement in chosen.values()):
        raise InputError(f"--at does not apply to {', '.join(chosen)}, which are measured at every level.")
    return {name: _levels(name, measurement, last) for name, measurement in chosen.items()}


def _levels(name: str, measurement: Measurement, last: int) -> list[int] | None:
    """Returns the levels at which something is measured (None: all); raises InputError if one cannot be measured."""
    there = measurement.levels(last)
    if not there:
        raise InputError(f"The measurement {name!r} needs more levels; --levels is {last}.")
    if measurement.everywhere or (AT.value is None and not measurement.trains):
        return None
    if AT.value is None:
        return sorted({max(there[0], last // 3), max(there[0], 2 * last // 3)})
    if missing := [level for level in AT.value if level not in there]:
        raise InputError(
            f"--at contains {missing[0]}; with --levels={last}, {name!r} can be measured at levels {there[0]} to "
            f"{there[-1]}."
        )
    return AT.value


def check_images(dataset: str, settings: MeasurementSettings) -> None:
    """Raises InputError if the Hessian would use more images than the training split has."""
    there = DATASETS[dataset].train - DATASETS[dataset].validation
    if settings.images > there and {"flatness", "limit"} & {*MEASURE.value}:
        raise InputError(f"--images is {settings.images}; {dataset} has {there} training images.")


class TrainingSteps:
    """Counts training steps and reports them to a function that can be exchanged.

    Attributes:
      count: the number of steps since it was last set to 0.
      show: function that is called with the number of steps just done.
    """

    def __init__(self):
        self.count = 0
        self.show: Callable[[int], None] = lambda count: None

    def __call__(self, count: int) -> None:
        """Counts and reports some more steps."""
        self.count += count
        self.show(count)


def make_measurer(experiment: Experiment, settings: MeasurementSettings, steps: TrainingSteps) -> LandscapeMeasurer:
    """Returns the measurer of an experiment's levels."""
    return LandscapeMeasurer(experiment, settings, snapshot_seconds=SNAPSHOT_SECONDS.value, on_steps=steps)


def announce(experiment: Experiment, treatments: list[Treatment], seeds: int, last: int) -> None:
    """Logs how much disk space the weights of all levels take."""
    stored = seeds * sum(experiment.weights_bytes(treatment, last) for treatment in treatments)
    console.log.info(
        "Levels that are missing or have no weights are trained. All weights are kept, about %.2f GB. To keep them "
        "from the first training on, use runs.lottery --keep=all or runs.study --study=unmasking --keep=all.",
        stored / 1e9,
    )


def find_or_train(
    experiment: Experiment, progress: Progress, treatments: list[Treatment], seeds: list[int], last: int
) -> Iterator[TrainedLevels]:
    """Finds or trains every level; yields those of each treatment and seed whose dense network did not diverge."""
    for seed, treatment in itertools.product(seeds, treatments):
        finished: list[dict] = []
        levels = recorded(experiment.levels(treatment, seed, treatment.last_level(last)), finished)
        progress.follow(levels, f"seed {seed} {treatment.name}")
        if finished:
            yield TrainedLevels(treatment, seed, finished)


def recorded(levels: Iterator[StoredResult], finished: list[dict]) -> Iterator[StoredResult]:
    """Yields the levels unchanged, and appends the metrics of those that did not diverge to a list."""
    for level in levels:
        if not diverged(level.metrics):
            finished.append(level.metrics)
        yield level


def do_all(
    measurer: LandscapeMeasurer, jobs: Mapping[Hashable, Sequence[Job]], steps: TrainingSteps
) -> dict[Hashable, list[dict]]:
    """Does all jobs, returns their metrics by key; shows a bar on a terminal, else a line for each new measurement."""
    found: dict[Hashable, list[dict]] = {key: [] for key in jobs}
    with tqdm(total=sum(map(len, jobs.values())), unit=" measurements", disable=None, dynamic_ncols=True) as bar:
        steps.count, steps.show = 0, lambda count: bar.set_postfix_str(f"{steps.count} training steps")
        for key, job in ((key, job) for key, of_key in jobs.items() for job in of_key):
            bar.set_description(job.name)
            made_before = measurer.made
            metrics = job.do().metrics
            found[key].append(metrics)
            bar.update()
            if bar.disable and measurer.made > made_before:
                console.log.info("%s: %.1f s", job.name, metrics["seconds"])
    return found


if __name__ == "__main__":
    console.run(main)
