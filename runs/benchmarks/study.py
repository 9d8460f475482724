"""Measures steps per second of whole studies, of single commands and of Keras `fit`; and scheduling costs."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from lottery_tf.command_line.text_tables import text_table
from lottery_tf.errors import InputError
from lottery_tf.results import files, paths
from lottery_tf.studies.engines import Resources
from lottery_tf.studies.planning import Request, plan
from lottery_tf.studies.scheduler import Scheduler
from lottery_tf.studies.study_folder import StudyFolder
from lottery_tf.studies.tasks import Task
from lottery_tf.studies.worker import Ending, Outcome
from runs.benchmarks import faults
from runs.benchmarks.throughput import CASES, INTERVAL, KerasFit, fit_alone, median_and_range

LEVELS, ITERATIONS = 3, 12_000
STUDY_FLAGS = ("--study=figure5", "--networks=fc", "--seeds=0,1", f"--levels={LEVELS}", f"--schedule={ITERATIONS}")
LOTTERY_FLAGS = (
    "--network=fc",
    "--mask0=zero,init,hybrid",
    f"--levels={LEVELS}",
    f"--iterations={ITERATIONS}",
    "--threads=1",
)
SINGLE = "two single commands, one thread each"
WHOLE_STUDY = Request(("paper",))


def run(repeats: int) -> None:
    """Prints the cost of scheduling and the throughput of both engines, the median of `repeats` measurements."""
    print(scheduling(), flush=True)
    print(throughput(repeats))


def throughput(repeats: int) -> str:
    """Measures steps per second of whole commands from start to end, and the ratios between them."""
    figures = {
        "Keras fit, nothing validated": KerasFit.steady,
        f"Keras fit, validated every {INTERVAL}": KerasFit.validated,
    }
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        dataset = "mnist" if _is_available(root, "mnist") else "digits"
        steps = ITERATIONS * sum(task.iterations > 0 for task in plan(_request(dataset)).tasks.values())
        taken: dict[str, list[float]] = {
            SINGLE: [],
            "study, local": [],
            "study, ray": [],
        }
        fit = {name: [] for name in figures}
        for repeat in range(repeats):
            for name, figure in figures.items():
                fit[name].append(fit_alone(CASES[0], figure))
            seeds = [_single(root / f"single-{repeat}", dataset, seed) for seed in (0, 1)]
            taken[SINGLE].append(steps / _seconds(*seeds))
            for engine in ("local", "ray"):
                study = faults.command(
                    root / f"{engine}-{repeat}", *STUDY_FLAGS, f"--dataset={dataset}", f"--engine={engine}"
                )
                taken[f"study, {engine}"].append(steps / _seconds(study))
    lines = [
        f"fc on {dataset}, batch 60, validated every 100 iterations; {steps:,} steps, start-up included; "
        f"medians of {repeats}.",
    ]
    baselines = [*map(median, fit.values()), median(taken[SINGLE])]
    rows = [("", "steps/s", "x fit", "x fit with validation", "x the single commands")]
    for name, values in (fit | taken).items():
        speed = median(values)
        rows.append((name, median_and_range(values), *(f"{speed / baseline:.2f}" for baseline in baselines)))
    return "\n".join([*lines, text_table(rows, indent="  ")])


def _request(dataset: str) -> Request:
    return Request(("figure5",), ("fc",), (0, 1), LEVELS, dataset, str(ITERATIONS))


def _is_available(root: Path, dataset: str) -> bool:
    """Returns whether a data set is available on this machine."""
    tiny = ("--study=figure5", "--networks=fc", "--seeds=0", "--levels=1", "--schedule=1", f"--dataset={dataset}")
    done = subprocess.run(faults.command(root / "tiny", *tiny), capture_output=True, check=False)
    return done.returncode == 0


def _single(results_dir: Path, dataset: str, seed: int) -> list[str]:
    flags = (*LOTTERY_FLAGS, f"--dataset={dataset}", f"--seeds={seed}", f"--results_dir={results_dir}")
    return [sys.executable, "-m", "runs.lottery", *flags]


def _seconds(*commands: list[str]) -> float:
    """Returns how many seconds some commands take when they run at the same time."""
    began = time.perf_counter()
    running = [subprocess.Popen(each, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for each in commands]
    exits = [process.wait() for process in running]
    if any(exits):
        raise InputError(f"A command failed; try it by hand: {' '.join(commands[0])}")
    return time.perf_counter() - began


def scheduling() -> str:
    """Measures the time of planning, a dry run, the status and the scheduler, for a half-finished study of the paper.

    The finished results are made up.
    """
    began = time.perf_counter()
    whole = plan(WHOLE_STUDY)
    planned = time.perf_counter() - began
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for task in list(whole.tasks.values())[: len(whole.tasks) // 2]:
            _make_up(root, task)
        study = StudyFolder.for_request(root, WHOLE_STUDY)
        study.make()
        dry = _seconds([*faults.command(root, "--study=paper"), "--dry_run"])
        status = _seconds([sys.executable, "-m", "runs.status", f"--results_dir={root}"])
    began = time.perf_counter()
    Scheduler(whole, {}).run(_IdleEngine())
    each = (time.perf_counter() - began) / len(whole.tasks)
    return (
        f"{len(whole.tasks):,} tasks: planned in {planned:.2f} s; dry run {dry:.2f} s and status {status:.2f} s with "
        f"half of them finished; the scheduler takes {1000 * each:.2f} ms for each task, "
        f"{each / ITERATIONS * 1500:.3%} of a training of "
        f"{ITERATIONS:,} steps at 1,500 steps/s."
    )


def _make_up(root: Path, task: Task) -> None:
    path = root / task.key
    path.mkdir(parents=True)
    metrics = files.json_bytes({"kind": "level", "iterations": task.iterations, "seconds": 10.0, "status": "finished"})
    (path / paths.METRICS_FILE).write_bytes(metrics)
    (path / paths.CHECKSUMS).write_bytes(files.json_bytes({paths.METRICS_FILE: files.sha256(metrics)}))


class _IdleEngine:
    """An engine of two slots in which every task ends immediately."""

    keeps_idle_slots = True

    def fits(self, resource_list: list[Resources]) -> bool:
        return len(resource_list) <= 2

    def slot(self, resources: Resources) -> _IdleSlot:
        return _IdleSlot(resources)

    def wait(self, busy: list[_IdleSlot], seconds: float) -> list[_IdleSlot]:
        return busy[:1]


class _IdleSlot:
    steps = 0

    def __init__(self, resources: Resources):
        self.resources, self._task = resources, None

    def start(self, task: Task, earlier: list[dict]) -> None:
        self._task = task

    def result(self) -> Outcome:
        return Outcome(Ending.FINISHED, {"fingerprint": "", "iterations": self._task.iterations, "status": "finished"})

    def stop(self) -> None:
        """Does nothing."""
