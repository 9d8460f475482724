"""How far a study is: its plan as text, a bar with a line beside it while it runs, and what it came to."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import os
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path

from tqdm import tqdm

from lottery_tf import console
from lottery_tf.study.costs import COSTS, Speeds
from lottery_tf.study.engines import Need, at_once, log_path
from lottery_tf.study.folder import StudyFolder, is_there, quick_metrics
from lottery_tf.study.scheduler import Scheduler, Standing
from lottery_tf.study.studies import Plan
from lottery_tf.study.work import Work
from lottery_tf.study.worker import Ended

STATE_SECONDS = 2.0  # between two writings of the state
SAMPLE = 200  # finished results that are read for an estimate of speed


UNITS = {  # kind of work -> what its units are called, and what its speed is counted in
    "training": ("trainings", "images a second"),
    "learned mask": ("learned masks", "images a second"),
    "supermasks": ("ladders of supermasks", "networks a second"),
}


@dataclasses.dataclass(frozen=True)
class Where:
    """Where a study is to run.

    Attributes:
      name: what it is called.
      fits: whether there is room for slots with some needs at once; see `engines.Engine`.
    """

    name: str
    fits: Callable[[Sequence[Need]], bool]


def dry_run(plan: Plan, results_dir: Path, where: Where, threads: int = 0) -> str:
    """What a plan needs, what of it is there, and about how long the rest takes, as text."""
    there = {key for key, work in plan.works.items() if is_there(results_dir, work)}
    lines = [f"{'study':<12} {'units':>7} {'there':>7} {'to do':>7} {'also wanted by another study':>30}"]
    for study in sorted({name for names in plan.wanted.values() for name in names}):
        keys = plan.of(study)
        shared = sum(len(plan.wanted[key]) > 1 for key in keys)
        done = sum(key in there for key in keys)
        lines.append(f"{study:<12} {len(keys):7} {done:7} {len(keys) - done:7} {shared:30}")
    todo = [work for key, work in plan.works.items() if key not in there]
    total = f"{'together':<12} {len(plan.works):7} {len(there):7} {len(todo):7} {len(plan.shared):30}"
    counts = collections.Counter(work.kind for work in todo)
    units = [f"{counts[kind]:,} {name}" for kind, (name, _) in UNITS.items() if counts[kind]]
    units.append(f"{sum(work.iterations for work in todo):,} steps")
    lines += [total, "", f"To do: {', '.join(units)}."]
    if todo:
        lines += _estimate(todo, _speeds(plan, results_dir, there), where, threads)
    return "\n".join(lines)


def _estimate(todo: list[Work], speeds: Speeds, where: Where, threads: int) -> list[str]:
    seconds, lines = 0.0, []
    for network in dict.fromkeys(work.network for work in todo):
        count = at_once(where.fits, Need.of(COSTS[network], threads))
        own = [work for work in todo if work.network == network]
        seconds += sum(map(speeds.seconds, own)) / count
        for kind in dict.fromkeys(work.kind for work in own):
            name, unit = UNITS[kind]
            measured = "here" if speeds.measured(network, kind) else "on two cores"
            speed = f"{speeds.of(network, kind):,.1f} {unit} in each"
            lines.append(f"  {network}, {name}: {count} at once, {speed}, measured {measured}")
    return [f"About {_time(seconds)} on {where.name}:", *lines]


def _speeds(plan: Plan, results_dir: Path, there: set[str]) -> Speeds:
    """Speeds of each network and kind of work by some of the results that are there."""
    counts: collections.Counter[tuple[str, str]] = collections.Counter()
    found = []
    for key in there:
        work = plan.works[key]
        if counts[work.network, work.kind] < SAMPLE and (metrics := quick_metrics(results_dir, key)) is not None:
            counts[work.network, work.kind] += 1
            found.append((work, metrics))
    return Speeds(found)


def _time(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))


def write_stage(folder: StudyFolder, stage: str) -> None:
    """Writes what a study does before its units begin, for those who look from outside."""
    now = _date(time.time())
    folder.write_state({**_process(), "began": now, "written": now, "stage": stage})


def _process() -> dict:
    return {"process": os.getpid(), "machine": platform.node()}


class StudyProgress:
    """Shows a study on a terminal, in its log lines, and in its state on disk.

    Args:
      folder: the study's folder.
    """

    def __init__(self, folder: StudyFolder):
        self._folder = folder
        self._began = self._written = 0.0
        self._bar: tqdm | None = None
        self._scheduler: Scheduler | None = None

    @contextlib.contextmanager
    def shown(self, scheduler: Scheduler) -> Iterator[None]:
        """Shows a scheduler while it runs."""
        self._scheduler, self._began = scheduler, time.time()
        self._bar = tqdm(total=1.0, disable=None, dynamic_ncols=True, bar_format="{percentage:3.0f}%|{bar}| {desc}")
        self._show(force=True)
        try:
            yield
        finally:
            self._show(force=True)
            self._bar.close()

    def change(self) -> None:
        """Time has passed."""
        self._show()

    def end(self, work: Work, ended: Ended) -> None:
        """A unit has ended."""
        if ended.metrics is None:
            self._line(f"{work.key} failed; its log is {log_path(self._folder.logs, work)}")
        elif ended.metrics.get("status") == "diverged":
            self._line(f"{work.key} diverged; what follows on it is left out")
        elif self._bar.disable:
            self._line(f"{work.key} {told(ended.metrics)}")

    def _line(self, text: str) -> None:
        with self._bar.external_write_mode():
            console.log.info(text)

    def _show(self, force: bool = False) -> None:
        scheduler = self._scheduler
        counts = self._counts()
        speed = scheduler.steps / max(1e-9, time.time() - self._began)
        text = ", ".join(f"{count} {name}" for name, count in counts.items() if count or name == "finished")
        text += f"; {speed:,.0f} steps/s, {_time(scheduler.seconds_left)} left" if scheduler.running else ""
        self._bar.n = scheduler.share_done
        self._bar.set_description_str(text)
        if force or time.time() - self._written > STATE_SECONDS:
            self._written = time.time()
            self._folder.write_state(self._state(counts, speed))

    def _counts(self) -> dict[str, int]:
        counts = self._scheduler.counts
        return {
            "finished": counts[Standing.FINISHED],
            "running": counts[Standing.RUNNING],
            "failed": counts[Standing.FAILED],
            "waiting": counts[Standing.WAITING] + counts[Standing.READY],
            "left out": counts[Standing.LEFT_OUT],
        }

    def _state(self, counts: dict[str, int], speed: float) -> dict:
        scheduler, now = self._scheduler, time.monotonic()
        return {
            **_process(),
            "began": _date(self._began),
            "written": _date(time.time()),
            "counts": counts,
            "steps_per_second": round(speed, 1),
            "seconds_left": round(scheduler.seconds_left, 1),
            "running": {
                key: {
                    "seconds": round(now - running.since, 1),
                    "steps": running.slot.steps,
                    "of": running.work.iterations,
                }
                for key, running in scheduler.running.items()
            },
            "failed": dict(scheduler.errors),
        }

    def summary(self) -> str:
        """What the study came to, with the traceback of each failure."""
        scheduler = self._scheduler
        counts = ", ".join(f"{count} {name}" for name, count in self._counts().items() if count)
        lines = [f"{counts} of {len(scheduler.plan.works)} units."]
        for key, error in scheduler.errors.items():
            lines.append(
                f"\n{key} failed; its log is {log_path(self._folder.logs, scheduler.plan.works[key])}\n{error.strip()}"
            )
        if scheduler.errors:
            lines.append("\nRun the same command again to try what failed once more.")
        return "\n".join(lines)


def _date(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def told(metrics: dict) -> str:
    """What a finished unit came to, in a few words."""
    if "rows" in metrics:
        best = max(metrics["rows"], key=lambda row: row["validation_accuracy"])
        return f"best test accuracy {100 * best['test_accuracy']:.2f}% at {100 * best['kept_fraction']:.2f}% kept"
    kept = metrics.get("kept_fraction", metrics.get("kept_fraction_of_most_likely"))
    return f"{100 * kept:.2f}% kept, test accuracy {100 * metrics['test_accuracy']:.2f}%, {metrics['seconds']:.0f} s"
