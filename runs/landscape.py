"""Measures the error landscape of trained levels: lines and barriers, robustness, flatness, limits of pruning.

Examples, on embedded data:
  python -m runs.landscape --levels=8 --seeds=0,1
  python -m runs.landscape --levels=8 --measure=robustness,limit --at=2,5 --multiples=0.5,1,2,4
  python -m runs.landscape --between=results/fc-digits/1000/seed-0/dense,results/fc-digits/1000/seed-1/dense

What is measured is stored beside the levels, found again by the next command, and exported by analysis.export. The
weights of all levels are needed and kept: train them with runs.lottery --keep=all or runs.study --keep=all, else those
that were dropped are trained again.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags
from tqdm import tqdm

from lottery_tf import console
from lottery_tf.command_flags import define_choice, define_list, own_flags
from lottery_tf.data import SPLITS
from lottery_tf.errors import InputError
from lottery_tf.landscape.interpolation import MATCHING, POINTS, STABLE
from lottery_tf.landscape.measurements.catalogue import MEASUREMENTS
from lottery_tf.landscape.measurements.lines import between_job, with_weights
from lottery_tf.landscape.measurements.measurer import Job, LandscapeMeasurer, TrainedLevels
from lottery_tf.landscape.measurements.settings import MeasurementSettings
from lottery_tf.models.settings import DATASETS, RunSettings
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.registry import choose
from lottery_tf.results.locate import LocatedResult, locate
from lottery_tf.results.stored_result import StoredResult
from runs.flags.common import SEEDS, THREADS, load_dataset, settings_from_flags, start_tensorflow
from runs.flags.derived import define, fields, values
from runs.flags.storage import DRY_RUN, RESULTS_DIR, SNAPSHOT_SECONDS
from runs.flags.training import define_changes
from runs.flags.treatments import levels_from_flags, treatments_from_flags
from runs.landscape_tables import TABLES, Thresholds, note
from runs.planning import Outlook, plan_of, pruning_tasks
from runs.progress import Progress

if TYPE_CHECKING:
    from lottery_tf.experiment import Experiment

DEFAULTS = MeasurementSettings()
CHANGES = define_changes(rename={"precision": "training_precision"})
MEASURE = define_list(
    "measure",
    ["lines", "magnitudes"],
    f"What is measured: {', '.join(MEASUREMENTS)}. lines: {POINTS} evaluations for each level. instability, "
    "robustness: trainings at some levels. flatness: some 200 products with the Hessian for each level. limit: a second or so more "
    "for each level. magnitudes: next to nothing.",
)
AT = define_list(
    "at",
    None,
    "Levels at which instability, robustness, flatness and limit are measured. Default: a third and two thirds of "
    "--levels for what takes trainings, all for the others.",
    int,
)
BETWEEN = define_list(
    "between", None, "The folders of two results: the line between them, and nothing else. Settings are read there."
)
SPLIT = define_choice(
    "split", DEFAULTS.split, SPLITS, f"Images that errors are read on, {', '.join(SPLITS)}; the literature's are test."
)
MATCHING_TOLERANCE = flags.DEFINE_float(
    "matching_tolerance", 100 * MATCHING, "Matching: so many points above the dense network's error, or less."
)
STABLE_BELOW = flags.DEFINE_float(
    "stable_below", 100 * STABLE, "Linearly connected, in one mode: an error barrier below so many points."
)
_MEASUREMENT = define(MeasurementSettings, fields(MeasurementSettings, but=("split", "tolerance")))

WITH_BETWEEN = (  # the flags that go with --between, which reads all others in the folders of its results
    "between", "data_dir", "threads", "snapshot_seconds", "split", "matching_tolerance", "stable_below", *_MEASUREMENT,
)  # fmt: skip


def main() -> None:
    """Measures the levels of every treatment, or the line between two results, and prints what was measured."""
    settings = measurement_settings_from_flags()
    if not STABLE_BELOW.value > 0:
        raise InputError(f"--stable_below is {STABLE_BELOW.value}; it must be above 0 points.")
    if BETWEEN.value is not None:
        measure_between(settings)
    else:
        measure_levels(settings)
    print(f"\n{note(Thresholds(settings.tolerance, STABLE_BELOW.value / 100), settings.split)}")


def measure_levels(measurement: MeasurementSettings) -> None:
    """Measures the levels of every treatment and seed; trains what is missing of them first."""
    settings, seeds = settings_from_flags(CHANGES), SEEDS.value
    treatments, last = treatments_from_flags(), levels_from_flags()
    for treatment in treatments:
        treatment.check_training(settings.training.iterations, settings.training.decay)
    measures = measures_from_flags(treatments)
    check_at(measures)
    wanted = {name: levels_to_measure(name, last) for name in measures}
    check_images(settings.dataset, measures, measurement)
    results_dir = Path(RESULTS_DIR.value)
    tasks = pruning_tasks(settings, seeds, treatments, last)
    outlook = Outlook.on(plan_of("levels", tasks), results_dir, threads=THREADS.value, timed=DRY_RUN.value)
    if DRY_RUN.value:
        print(f"{outlook.described()}\nThen {', '.join(measures)} of these levels; some take trainings of their own.")
        return
    start_tensorflow()
    watch = StepsWatch()
    with Progress(outlook.steps) as progress:
        watch.tell = progress.steps
        experiment = make_experiment(settings, results_dir, watch)
        announce(experiment, treatments, len(seeds), last)
        runs = list(trained(experiment, progress, treatments, seeds, last))
    measurer = make_measurer(experiment, measurement, watch)
    jobs = {
        (run.treatment.name, run.seed, name): list(MEASUREMENTS[name].jobs(measurer, run, wanted[name]))
        for run, name in itertools.product(runs, measures)
    }
    found = measured(measurer, jobs, watch)
    for treatment, name in itertools.product(treatments, measures):
        results = [metrics for seed in seeds for metrics in found.get((treatment.name, seed, name), [])]
        print_table(name, treatment.name, results, measurement)


def measure_between(measurement: MeasurementSettings) -> None:
    """Measures the line between two results that may lie anywhere."""
    if given := [flag.name for flag in own_flags() if flag.present and flag.name not in WITH_BETWEEN]:
        raise InputError(f"--between reads the settings in the folders of the two results: leave out --{given[0]}.")
    if len(BETWEEN.value) != 2:
        raise InputError(f"--between wants the folders of two results; {len(BETWEEN.value)} are given.")
    first, second = ends = [locate(os.path.expanduser(path)) for path in BETWEEN.value]
    if first.settings.dataset != second.settings.dataset:
        raise InputError(f"{first.name} and {second.name} are of other data sets: no error is theirs in common.")
    if first.settings.network != second.settings.network:
        raise InputError(f"{first.name} and {second.name} are of other networks: no line joins their weights.")
    start_tensorflow()
    watch = StepsWatch()
    experiments: dict[tuple[Path, RunSettings], Experiment] = {}
    for end in ends:
        key = (end.results_dir, end.settings)
        experiments[key] = experiments.get(key) or make_experiment(end.settings, end.results_dir, watch)

    def loaded(end: LocatedResult) -> StoredResult:
        return with_weights(experiments[end.results_dir, end.settings], end)

    measurer = make_measurer(experiments[first.results_dir, first.settings], measurement, watch)
    job = between_job(measurer, loaded(first), loaded(second), (first.name, second.name))
    (results,) = measured(measurer, {"chosen": [job]}, watch).values()
    print_table("chosen", f"{first.name} and {second.name}", results, measurement)


def measurement_settings_from_flags() -> MeasurementSettings:
    """How the landscape is measured; raises InputError for a value that cannot be."""
    chosen = {"split": SPLIT.value, "tolerance": MATCHING_TOLERANCE.value / 100}
    return MeasurementSettings(**chosen, **values(_MEASUREMENT))


def measures_from_flags(treatments: list[Treatment]) -> list[str]:
    """What is to be measured; raises InputError for a name that is none, or that a treatment does not go with."""
    for name in MEASURE.value:
        measure = choose(MEASUREMENTS, name, "measure")
        for treatment in treatments:
            measure.check(name, treatment)
    return MEASURE.value


def check_at(measures: list[str]) -> None:
    """Raises InputError for --at where nothing that is measured heeds it."""
    if AT.value is not None and all(MEASUREMENTS[name].everywhere for name in measures):
        raise InputError(f"--at says nothing of {', '.join(measures)}: these are measured at every level.")


def levels_to_measure(measure: str, last: int) -> list[int] | None:
    """The numbers of the levels that something is measured at, None for all; raises InputError for an impossible one."""
    there = MEASUREMENTS[measure].levels(last)
    if not there:
        raise InputError(f"The measure {measure!r} wants more levels; --levels is {last}.")
    if MEASUREMENTS[measure].everywhere or (AT.value is None and not MEASUREMENTS[measure].trains):
        return None
    if AT.value is None:
        return sorted({max(there[0], last // 3), max(there[0], 2 * last // 3)})
    if odd := [level for level in AT.value if level not in there]:
        raise InputError(
            f"--at wants levels; {measure!r} is measured at {there[0]} to {there[-1]} where --levels is {last}, and "
            f"{odd[0]} is not one of them."
        )
    return AT.value


def check_images(dataset: str, measures: list[str], measurement: MeasurementSettings) -> None:
    """Raises InputError where the Hessian would be of more images than there are to train on."""
    there = DATASETS[dataset].train - DATASETS[dataset].validation
    if measurement.images > there and {"flatness", "limit"} & set(measures):
        raise InputError(f"--images is {measurement.images}; {dataset} has {there} training images.")


class StepsWatch:
    """Passes training steps on to whoever watches at the time."""

    def __init__(self):
        self.tell: Callable[[int], None] = lambda count: None

    def __call__(self, count: int) -> None:
        """Passes a number of steps on."""
        self.tell(count)


def make_experiment(settings: RunSettings, results_dir: Path, watch: StepsWatch) -> Experiment:
    """The experiment of a results folder, which keeps all weights."""
    from lottery_tf.experiment import paper_experiment

    dataset = load_dataset(settings.dataset, settings.network)
    return paper_experiment(settings, dataset, results_dir, snapshot_seconds=SNAPSHOT_SECONDS.value, on_steps=watch)


def make_measurer(experiment: Experiment, measurement: MeasurementSettings, watch: StepsWatch) -> LandscapeMeasurer:
    """The bench that measures an experiment's levels."""
    return LandscapeMeasurer(experiment, measurement, snapshot_seconds=SNAPSHOT_SECONDS.value, on_steps=watch)


def announce(experiment: Experiment, treatments: list[Treatment], seeds: int, last: int) -> None:
    """Says how much disk the weights take, which have all to be there."""
    stored = seeds * sum(experiment.weights_bytes(treatment, last) for treatment in treatments)
    console.log.info(
        "Levels that are missing or lack their weights are trained; all weights are kept, about %.2f GB. To have them "
        "from the start: runs.lottery --keep=all, or runs.study --study=unmasking --keep=all.",
        stored / 1e9,
    )


def trained(
    experiment: Experiment, progress: Progress, treatments: list[Treatment], seeds: list[int], last: int
) -> Iterator[TrainedLevels]:
    """Finds or trains every level; yields the runs whose dense network did not diverge."""
    for seed, treatment in itertools.product(seeds, treatments):
        finished: list[dict] = []
        own_last = treatment.last_level(last)
        levels = recorded(experiment.levels(treatment, seed, own_last), finished)
        progress.follow(levels, f"seed {seed} {treatment.name}")
        if finished:
            yield TrainedLevels(treatment, seed, finished)


def recorded(levels: Iterator[StoredResult], finished: list[dict]) -> Iterator[StoredResult]:
    """The levels as they are; the metrics of those that did not diverge are added to a list."""
    for level in levels:
        if level.metrics["status"] == "finished":
            finished.append(level.metrics)
        yield level


def measured(measurer: LandscapeMeasurer, jobs: dict[object, list[Job]], watch: StepsWatch) -> dict[object, list[dict]]:
    """Does all jobs, behind a bar on a terminal, with a line for each new measurement elsewhere."""
    found = {}
    total = sum(map(len, jobs.values()))
    with tqdm(total=total, unit=" measurements", disable=None, dynamic_ncols=True) as bar:
        watch.tell = StepsShown(bar).more
        for key, own in jobs.items():
            found[key] = []
            for job in own:
                bar.set_description(job.name)
                made_before = measurer.made
                metrics = job.do().metrics
                found[key].append(metrics)
                bar.update()
                if bar.disable and measurer.made > made_before:
                    console.log.info("%s: %.1f s", job.name, metrics["seconds"])
    return found


class StepsShown:
    """Shows behind a bar how many training steps the measurements have taken."""

    def __init__(self, bar: tqdm):
        self._bar, self._steps = bar, 0

    def more(self, count: int) -> None:
        """Some steps were done."""
        self._steps += count
        self._bar.set_postfix_str(f"{self._steps} training steps")


def print_table(measure: str, about: str, results: list[dict], measurement: MeasurementSettings) -> None:
    """Prints what was measured, or that nothing could be."""
    title, text = TABLES[measure]
    print(f"\n{title}: {about}")
    print(
        text(results, Thresholds(measurement.tolerance, STABLE_BELOW.value / 100))
        if results
        else "There is no finished level to measure."
    )


if __name__ == "__main__":
    console.run(main)
