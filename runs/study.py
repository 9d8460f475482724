"""Plans and runs whole studies: the trainings behind the paper's figures and tables, each once, several at a time.

Examples:
  python -m runs.study --study=demo
  python -m runs.study --study=figure3,figure4 --networks=fc --schedule=quarter --seeds=0,1 --dry_run
  python -m runs.study --study=paper --networks=fc --data_dir=~/tensorflow_datasets
  python -m runs.study --study=figure3 --networks=conv2 --engine=ray --address=auto --gpus_per_task=0.25

You can stop a study at any time with Ctrl-C; the same command continues it. `python -m runs.status` shows its progress.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

from lottery_tf.command_line import command_flags, console
from lottery_tf.command_line.command_flags import define_choice, define_list
from lottery_tf.command_line.derived_flags import define, fields, values
from lottery_tf.datasets.loading import load
from lottery_tf.errors import InputError
from lottery_tf.models.settings import DATASETS, SCHEDULES
from lottery_tf.models.table_s1 import NETWORKS
from lottery_tf.results.paths import EXPERIMENT_LOCK
from lottery_tf.results.store import ResultsFolder
from lottery_tf.studies.local_engine import Capacity, LocalEngine
from lottery_tf.studies.named_studies import COLLECTIONS, STUDIES
from lottery_tf.studies.planning import Plan, Request, treatments_left_out
from lottery_tf.studies.ray_cluster import check_answers
from lottery_tf.studies.scheduler import Scheduler, TaskState
from lottery_tf.studies.shared_datasets import TEMPORARY_FOLDER, dataset_folder, save_dataset, saved_fingerprint
from lottery_tf.studies.study_folder import StudyFolder
from lottery_tf.studies.task_results import drop_weights_before, intact_metrics, page_is_current
from lottery_tf.studies.tasks import LevelTask, Task
from lottery_tf.studies.worker import Outcome, WorkerSettings
from lottery_tf.system import file_locks, processes
from lottery_tf.system.temporary_folders import temporary_folder
from runs import display
from runs.display.live_picture import LivePicture
from runs.display.plan_estimate import ComputeSite, PlanEstimate
from runs.display.study_progress import StudyProgress, write_stage
from runs.flags.storage import DATA_DIR, DRY_RUN, RESULTS_DIR, SNAPSHOT_SECONDS, define_keep
from runs.flags.training import define_changes

if TYPE_CHECKING:
    from lottery_tf.studies.engines import Engine

ENGINES = {"local": "processes on this machine", "ray": "a Ray cluster (the extra [ray])"}

STUDY = define_list(
    "study",
    [],
    "; ".join(f"{name}: {study.about}" for name, study in STUDIES.items())
    + "".join(f"; {name}: {', '.join(parts)}" for name, parts in COLLECTIONS.items())
    + ".",
    may_be_empty=True,
)
_REQUEST = define(
    Request,
    fields(Request, but=("studies", "changes")),
    defaults={"criterion": []},
    note="Default: set by the study.",
    tables={"SCHEDULES": SCHEDULES},
)
CHANGES = define_changes(but=fields(Request))
KEEP = define_keep()
ENGINE = define_choice("engine", "local", ENGINES, "; ".join(f"{name}: {what}" for name, what in ENGINES.items()) + ".")
WORKERS = flags.DEFINE_integer(
    "workers", 0, "Number of processes that run at once; 0: as many as cores and memory allow.", lower_bound=0
)
THREADS = flags.DEFINE_integer(
    "threads", 0, "Number of threads of each process; 0: 1 for fc, 2 for networks with convolutions.", lower_bound=0
)
RETRIES = flags.DEFINE_integer("retries", 1, "How often a failed training is tried again.", lower_bound=0)
ADDRESS = flags.DEFINE_string(
    "address",
    None,
    "ray: address of a running cluster, for example auto. Default: a cluster is started on this machine.",
)
CPUS = flags.DEFINE_float(
    "cpus_per_task", None, "ray: CPUs of each process. Default: one for each of its threads.", lower_bound=0
)
GPUS = flags.DEFINE_float("gpus_per_task", 0.0, "ray: GPUs of each process; may be a fraction.", lower_bound=0)
RAY_ONLY = ("address", "cpus_per_task", "gpus_per_task")


def main() -> int:
    """Does the missing tasks of the chosen studies, several at a time, and prints a summary."""
    request = request_from_flags()
    check_flags()
    results_dir = Path(RESULTS_DIR.value)
    folder = StudyFolder.for_request(results_dir, request)
    plan = folder.plan()
    if left_out := treatments_left_out(request):
        console.log.warning(
            "Left out, because their rewind points lie beyond the end of training: %s.", ", ".join(left_out)
        )
    if DRY_RUN.value:
        with where_it_runs() as where:
            print(PlanEstimate.for_plan(plan, results_dir, where, THREADS.value, timed=True).table())
        return 0
    make_engine = engine_maker()
    treat_signals_as_interrupt()
    folder.make()
    with contextlib.ExitStack() as held:
        held.enter_context(file_locks.locked(folder.lock))
        held.enter_context(folder.shown_running())
        for experiment in sorted({task.folder for task in plan.tasks.values()}):
            (results_dir / experiment).mkdir(parents=True, exist_ok=True)
            write_stage(folder, f"waiting for another study that is running on {experiment}")
            held.enter_context(file_locks.locked(results_dir / experiment / EXPERIMENT_LOCK))
        write_stage(folder, "reading finished results and data")
        return run_plan(plan, folder, results_dir, make_engine)


def treat_signals_as_interrupt() -> None:
    """Makes SIGTERM and SIGHUP act like Ctrl-C, unless the process ignores them (as under nohup)."""
    for each in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(each) is not signal.SIG_IGN:
            signal.signal(each, signal.default_int_handler)


def request_from_flags() -> Request:
    """Returns the request that the flags make; raises InputError for an invalid one."""
    if not STUDY.value:
        raise InputError(f"--study needs one or more of {', '.join(STUDIES | COLLECTIONS)}.")
    changes = {
        name: flag.value for name, flag in CHANGES.items() if flag.value not in (None, flags.FLAGS[flag.name].default)
    }
    return Request(tuple(STUDY.value), **values(_REQUEST), changes=changes)


def check_flags() -> None:
    """Raises InputError for invalid flags, and for flags that do not go together."""
    if CPUS.value == 0:
        raise InputError("--cpus_per_task is 0; it must be above 0.")
    if GPUS.value > 1 and not GPUS.value.is_integer():
        raise InputError(f"--gpus_per_task is {GPUS.value}; it must be a whole number or below 1.")
    if ENGINE.value != "ray" and (given := [name for name in RAY_ONLY if flags.FLAGS[name].present]):
        raise InputError(f"--{given[0]} needs --engine=ray.")


def run_plan(plan: Plan, folder: StudyFolder, results_dir: Path, make_engine: Callable[..., Engine]) -> int:
    """Does the missing tasks of a plan, prints a summary, and returns the exit status."""
    progress = StudyProgress(folder)
    wants_summary = any(STUDIES[name].ends_with_table for names in plan.wanted.values() for name in names)
    picture = LivePicture(lambda: draw_summaries(plan, results_dir), console.log.info) if wants_summary else None

    def end(task: Task, outcome: Outcome) -> None:
        progress.end(task, outcome)
        if picture:
            picture.more()

    scheduler = Scheduler(
        plan,
        found_results(plan, results_dir),
        retries=RETRIES.value,
        threads=THREADS.value,
        on_change=progress.change,
        on_end=end,
    )
    setup = WorkerSettings(KEEP.value == "all", SNAPSHOT_SECONDS.value)
    with (
        prepared(scheduler.pending, results_dir) as datasets,
        contextlib.closing(make_engine(results_dir, datasets, setup, folder.logs)) as engine,
        progress.shown(scheduler),
        picture or contextlib.nullcontext(),
    ):
        treat_signals_as_interrupt()  # again, because Ray installs its own handlers
        where = ComputeSite("the Ray cluster" if ENGINE.value == "ray" else "this machine", engine.fits)
        console.log.info(PlanEstimate.for_plan(plan, results_dir, where, THREADS.value).summary())
        scheduler.run(engine)
    print(progress.summary())
    if wants_summary:
        show_summaries(plan, results_dir)
    print(f"Tables, figures and significance: {command_flags.call('analysis.report')} --results_dir={results_dir}")
    return 1 if scheduler.counts[TaskState.FAILED] else 0


def draw_summaries(plan: Plan, results_dir: Path) -> list[Path]:
    """Draws the figures of the experiments that end with one, if there is anything to draw; returns their paths."""
    return [path for each in display.experiment_summary.of_plan(plan, results_dir) if (path := each.draw())]


def show_summaries(plan: Plan, results_dir: Path) -> None:
    """Prints tables and draws a figure for each network of the studies that end with them."""
    for each in display.experiment_summary.of_plan(plan, results_dir):
        each.show()


def found_results(plan: Plan, results_dir: Path) -> dict[str, dict]:
    """Returns the metrics of all finished results by key, after checking every file of them.

    Deletes weights that are no longer needed, which a killed study may have left behind.

    Damaged results are reported and left out. The last finished level of a treatment is left out too if its TensorBoard
    page lacks it: a worker then finds the level and writes the page.
    """
    found = {}
    for key, task in plan.tasks.items():
        metrics = intact_metrics(results_dir, task, weights=KEEP.value == "all")
        if metrics is not None:
            found[key] = metrics
            drop_weights_before(results_dir, task)
    return {key: metrics for key, metrics in found.items() if not _is_to_be_shown(plan.tasks[key], found, results_dir)}


def _is_to_be_shown(task: Task, found: dict[str, dict], results_dir: Path) -> bool:
    """Returns whether a task is the last finished level of a treatment and is missing on the treatment's page."""
    if not isinstance(task, LevelTask) or task.level == 0 or task.other_level(task.level + 1).key in found:
        return False
    return not page_is_current(results_dir, task)


@contextlib.contextmanager
def prepared(todo: list[Task], results_dir: Path) -> Iterator[Path]:
    """Yields a folder with the data sets of some tasks as plain arrays; refuses results made from other data.

    Another process reads the data, so that this process stays small and does not import TensorFlow.
    """
    with temporary_folder() as folder:
        for name, network in dict.fromkeys((task.dataset, task.network) for task in todo):
            target = dataset_folder(folder, name, network)
            if not target.exists():
                shape = NETWORKS[network].image_shape
                processes.run_in_subprocess(
                    f"reading {name}", _prepare, name, shape, DATA_DIR.value, target, folder / TEMPORARY_FOLDER
                )
        for task in {task.folder: task for task in todo}.values():
            fingerprint = saved_fingerprint(dataset_folder(folder, task.dataset, task.network))
            ResultsFolder(results_dir / task.folder, task.settings_on_disk | {"data": fingerprint})
        yield folder


def _prepare(name: str, image_shape: tuple[int, int, int], data_dir: str | None, target: Path, temporary: Path) -> None:
    processes.set_temporary_folder(temporary)
    if DATASETS[name].image_shape is not None:
        processes.start_tensorflow()  # first, because TensorFlow logs much when tensorflow-datasets imports it
    save_dataset(load(name, data_dir, image_shape), target)


def engine_maker() -> Callable[..., Engine]:
    """Returns a function that makes the chosen engine from the arguments that all engines share.

    Raises:
      InputError: the engine is not available; raised before anything is read or written.
    """
    return {"local": _local_maker, "ray": _ray_maker}[ENGINE.value]()


def _local_maker() -> Callable[..., Engine]:
    # Free memory is measured only when the engine starts: the command may have waited for other studies before.
    return lambda *arguments: LocalEngine(*arguments, Capacity.of_this_machine(WORKERS.value))


def _ray_maker() -> Callable[..., Engine]:
    try:
        from lottery_tf.studies.ray_engine import RayEngine
    except ModuleNotFoundError as error:
        raise InputError(f"--engine=ray needs the extra [ray]: pip install 'lottery_tf[ray]' ({error}).") from error
    except Exception as error:
        raise InputError(f"--engine=ray: Ray is installed, but cannot be imported ({error!r}).") from error
    check_answers(ADDRESS.value or "")
    return functools.partial(RayEngine, address=ADDRESS.value, workers=WORKERS.value, cpus=CPUS.value, gpus=GPUS.value)


@contextlib.contextmanager
def where_it_runs() -> Iterator[ComputeSite]:
    """Yields where a plan would be run: on the cluster at --address if that answers, else on this machine."""
    where = ComputeSite("this machine", Capacity.of_this_machine(WORKERS.value).fits)
    with contextlib.ExitStack() as held:
        if ADDRESS.value is not None:
            try:
                made = engine_maker()(Path(RESULTS_DIR.value), Path(), WorkerSettings(), Path())
                where = ComputeSite(
                    f"the Ray cluster at {ADDRESS.value}", held.enter_context(contextlib.closing(made)).fits
                )
            except InputError as error:
                where = ComputeSite(f"this machine, because the cluster does not answer ({error})", where.fits)
        yield where


if __name__ == "__main__":
    logging.captureWarnings(True)
    console.run(main)
