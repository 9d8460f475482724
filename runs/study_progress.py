"""How far a study is: its plan as text, a bar with a line beside it while it runs, and what it came to."""

from __future__ import annotations

import contextlib
import os
import platform
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from tqdm import tqdm

from lottery_tf.study import costs
from lottery_tf.study.costs import COSTS
from lottery_tf.study.engines import Need, Room, log_path
from lottery_tf.study.folder import StudyFolder, is_there, quick_metrics
from lottery_tf.study.scheduler import Scheduler, State
from lottery_tf.study.studies import Plan
from lottery_tf.study.work import LadderWork, Work
from lottery_tf.study.worker import Ended
from runs import cli

STATE_SECONDS = 2.0  # between two writings of the state
SAMPLE = 200  # finished results that are read for an estimate of speed


def dry_run(plan: Plan, results_dir: Path, threads: int = 0, workers: int = 0) -> str:
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
    ladders = sum(isinstance(work, LadderWork) for work in todo)
    steps = sum(work.iterations for work in todo)
    lines += [
        total,
        "",
        f"To do: {len(todo) - ladders} trainings, {steps:,} steps, {ladders} ladders of supermasks.",
    ]
    if todo:
        lines.append(_estimate(plan, results_dir, todo, there, threads, workers))
    return "\n".join(lines)


def _estimate(plan: Plan, results_dir: Path, todo: list[Work], there: set[str], threads: int, workers: int) -> str:
    measured, room = _measured(plan, results_dir, there), Room.here(workers)
    seconds, sources = 0.0, []
    for network in sorted({work.network for work in todo}):
        at_once = room.at_once(Need.of(COSTS[network], threads))
        seconds += sum(costs.seconds(work, measured) for work in todo if work.network == network) / at_once
        speed = f"{measured.get(network, COSTS[network].images_per_second):,.0f} images a second in each"
        sources.append(
            f"{network}: {at_once} at once, {speed}, measured {'here' if network in measured else 'on two cores'}"
        )
    return f"About {_time(seconds)} on this machine ({'; '.join(sources)})."


def _measured(plan: Plan, results_dir: Path, there: set[str]) -> dict[str, float]:
    """Speeds of each network by some of the results that are there."""
    sample = {network: [] for network in COSTS}
    for key in there:
        found = sample[plan.works[key].network]
        if len(found) < SAMPLE and (metrics := quick_metrics(results_dir, key)) is not None:
            found.append((key, metrics))
    return costs.measured(plan.works, (pair for pairs in sample.values() for pair in pairs))


def _time(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))


class StudyProgress:
    """Shows a study on a terminal, in its log lines, and in its state on disk.

    Args:
      folder: the study's folder.
    """

    def __init__(self, folder: StudyFolder):
        self._folder = folder
        self._began = time.time()
        self._written = self._last_steps = 0.0
        self._bar = tqdm(total=1.0, disable=None, dynamic_ncols=True, bar_format="{percentage:3.0f}%|{bar}| {desc}")
        self._scheduler: Scheduler | None = None

    @contextlib.contextmanager
    def shown(self, scheduler: Scheduler) -> Iterator[None]:
        """Shows a scheduler while it runs."""
        self._scheduler = scheduler
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
            cli.log.info(text)

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
            "finished": counts[State.FINISHED],
            "running": counts[State.RUNNING],
            "failed": counts[State.FAILED],
            "waiting": counts[State.WAITING] + counts[State.READY],
            "left out": counts[State.LEFT_OUT],
        }

    def _state(self, counts: dict[str, int], speed: float) -> dict:
        scheduler, now = self._scheduler, time.monotonic()
        return {
            "process": os.getpid(),
            "machine": platform.node(),
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
