"""Shows the progress of a study on a bar, and its summary at the end."""

from __future__ import annotations

import contextlib
import os
import platform
import time
from collections.abc import Iterator

from tqdm import tqdm

from lottery_tf.command_line import console
from lottery_tf.results.stored_result import diverged
from lottery_tf.studies.scheduler import Scheduler, TaskState
from lottery_tf.studies.study_folder import StudyFolder
from lottery_tf.studies.tasks import ControlTask, LevelTask, Task
from lottery_tf.studies.worker import Outcome
from runs.display.plan_estimate import duration
from runs.display.progress import kept_fraction, percentages, summary_of

STATE_SECONDS = 2.0  # seconds between two writes of the state


def write_stage(folder: StudyFolder, stage: str) -> None:
    """Writes for `runs.status` what a study does before its tasks begin."""
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
        self._last = ""  # the accuracy of the last training that ended
        self._scheduler: Scheduler | None = None

    @contextlib.contextmanager
    def shown(self, scheduler: Scheduler) -> Iterator[None]:
        """Shows the progress of a scheduler while it runs."""
        self._scheduler, self._began = scheduler, time.time()
        self._bar = tqdm(total=1.0, disable=None, dynamic_ncols=True, bar_format="{percentage:3.0f}%|{bar}| {desc}")
        self._show(force=True)
        try:
            yield
        finally:
            self._show(force=True)
            self._bar.close()

    def change(self) -> None:
        """Updates what is shown."""
        self._show()

    def end(self, task: Task, outcome: Outcome) -> None:
        """Shows a line for a task that has ended."""
        if outcome.metrics is None:
            console.log.info("%s failed; its log is %s", task.key, self._folder.log_path(task))
        elif diverged(outcome.metrics):
            console.log.info("%s diverged; the tasks that need it are left out", task.key)
        else:
            console.log.info("%s %s", task.key, summary_of(outcome.metrics))
            if "rows" not in outcome.metrics:  # not a set of Supermasks
                shares = percentages(test=outcome.metrics["test_accuracy"], kept=kept_fraction(outcome.metrics))
                self._last = f"{_label(task)}: {shares}"

    def _show(self, force: bool = False) -> None:
        """Updates the bar, and now and then the study's state on disk."""
        scheduler = self._scheduler
        counts = self._counts()
        speed = scheduler.steps / max(1e-9, time.time() - self._began)
        # What is cut off on a narrow terminal comes last.
        parts = [f"{counts['finished']} of {len(scheduler.plan.tasks)}"]
        parts += [f"{counts[name]} {name}" for name in ("failed", "left out") if counts[name]]
        if scheduler.running:
            parts += [f"about {duration(scheduler.seconds_left)} left", self._accuracy(), f"{speed:,.0f} steps/s"]
        self._bar.n = scheduler.fraction_done
        self._bar.set_description_str("; ".join(filter(None, parts)))
        if force or time.time() - self._written > STATE_SECONDS:
            self._written = time.time()
            self._folder.write_state(self._state(counts, speed))

    def _accuracy(self) -> str:
        """Returns the last reading of the task that has run longest; if no reading is known, the last result."""
        for running in self._scheduler.running.values():
            if reading := running.slot.reading:
                shares = percentages(validation=reading.validation_accuracy, kept=reading.kept_fraction)
                return f"{_label(running.task)}: {shares}"
        return self._last

    def _counts(self) -> dict[str, int]:
        counts = self._scheduler.counts
        return {
            "finished": counts[TaskState.FINISHED],
            "running": counts[TaskState.RUNNING],
            "failed": counts[TaskState.FAILED],
            "waiting": counts[TaskState.WAITING] + counts[TaskState.READY],
            "left out": counts[TaskState.LEFT_OUT],
        }

    def _state(self, counts: dict[str, int], speed: float) -> dict:
        """Returns the state of the study, as it is stored."""
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
                    "of": running.task.iterations,
                }
                for key, running in scheduler.running.items()
            },
            "failed": dict(scheduler.errors),
        }

    def summary(self) -> str:
        """Describes how many tasks ended in which way, with the error of each failure."""
        scheduler = self._scheduler
        counts = ", ".join(f"{count} {name}" for name, count in self._counts().items() if count)
        lines = [f"{counts} of {len(scheduler.plan.tasks)} tasks."]
        for key, error in scheduler.errors.items():
            lines.append(
                f"\n{key} failed; its log is {self._folder.log_path(scheduler.plan.tasks[key])}\n{error.strip()}"
            )
        if scheduler.errors:
            lines.append("\nRun the same command again to retry the failed tasks.")
        return "\n".join(lines)


def _label(task: Task) -> str:
    return f"level {task.level}" if isinstance(task, LevelTask | ControlTask) else task.kind


def _date(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
