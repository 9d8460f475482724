"""The engine that does tasks in processes on this machine. Importing this module does not import TensorFlow."""

from __future__ import annotations

import dataclasses
import functools
import math
import multiprocessing
import multiprocessing.connection
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lottery_tf.errors import InputError
from lottery_tf.studies.engines import Reading, Resources, append_log
from lottery_tf.studies.shared_datasets import TEMPORARY_FOLDER, dataset_folder, map_dataset
from lottery_tf.studies.tasks import Task
from lottery_tf.studies.worker import Ending, Outcome, Worker, WorkerSettings
from lottery_tf.system import hardware, processes

NO_READING = (math.nan, math.nan)  # shared memory holds numbers, not None


@dataclasses.dataclass(frozen=True)
class Capacity:
    """The cores and memory of a machine that slots can use.

    Attributes:
      cores: number of processor cores.
      memory: bytes of memory.
      workers: the largest number of processes; 0: as many as cores and memory allow.
    """

    cores: int
    memory: float
    workers: int = 0

    @classmethod
    def of_this_machine(cls, workers: int = 0) -> Capacity:
        """Returns the cores and the free memory of this machine."""
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return cls(cores, min(hardware.available_memory(), _container_memory()), workers)

    def fits(self, resource_list: Sequence[Resources]) -> bool:
        """Returns whether processes with these resources can run at the same time; a single process always can."""
        if len(resource_list) <= 1:
            return True
        if sum(resources.memory for resources in resource_list) > self.memory:
            return False
        if self.workers:
            return len(resource_list) <= self.workers
        return sum(resources.threads for resources in resource_list) <= self.cores


class LocalEngine:
    """An `engines.Engine` whose slots are processes on this machine. Their workers write to the results folder."""

    keeps_idle_slots = True

    def __init__(self, results_dir: Path, datasets: Path, settings: WorkerSettings, logs: Path, capacity: Capacity):
        self._arguments = (results_dir, datasets, settings, logs)
        self.fits = capacity.fits

    def slot(self, resources: Resources) -> LocalSlot:
        """Starts a process."""
        return LocalSlot(resources, *self._arguments)

    def wait(self, busy: Sequence[LocalSlot], seconds: float) -> list[LocalSlot]:
        """Waits for processes, and returns the slots whose processes have answered or died."""
        slots: dict[Any, LocalSlot] = {slot.connection: slot for slot in busy}
        return [slots[ready] for ready in multiprocessing.connection.wait(list(slots), seconds)]

    def close(self) -> None:
        """Does nothing, because the engine holds only its slots."""


class LocalSlot:
    """A process that does one task after another, and ends when the process that started it ends."""

    def __init__(self, resources: Resources, results_dir: Path, datasets: Path, settings: WorkerSettings, logs: Path):
        self.resources = resources
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        # There is no lock, because a killed process could die while it holds the lock.
        self._counter = context.Value("q", 0, lock=False)
        self._reading = context.Array("d", NO_READING, lock=False)
        self._logs = logs
        self._task: Task | Any = None
        arguments = (theirs, self._counter, self._reading, resources.threads, results_dir, datasets, settings, logs)
        self._process = context.Process(target=_serve, args=arguments, daemon=True)
        with processes.block_terminal_signals():
            self._process.start()
        theirs.close()

    @property
    def steps(self) -> int:
        """The number of training steps of the present task so far."""
        return self._counter.value

    @property
    def reading(self) -> Reading | None:
        """The last reading of the present task; None before the first."""
        accuracy, kept = (None if math.isnan(share) else share for share in self._reading)
        return None if accuracy is None else Reading(accuracy, kept)

    def start(self, task: Task, earlier: list[dict]) -> None:
        """Sends a task to the process."""
        self._counter.value, self._reading[:], self._task = 0, NO_READING, task
        try:
            self.connection.send((task, earlier))
        except OSError:
            pass  # the process died; `Engine.wait` will find that

    def result(self) -> Outcome:
        """Returns the answer of the process; `Ending.LOST` if the process died."""
        try:
            outcome = self.connection.recv()
        except (EOFError, OSError):
            error = f"The process of this task has ended: {processes.cause_of_death(self._process)}."
            append_log(self._logs, self._task, f"{self._task.result_path}: {error}\n")
            return Outcome(Ending.LOST, error=error)
        if isinstance(outcome, InputError):
            raise outcome
        return outcome

    def stop(self) -> None:
        """Kills the process."""
        self._process.kill()
        self._process.join()
        self.connection.close()


def _serve(
    connection,
    counter,
    shared_reading,
    threads: int,
    results_dir: Path,
    datasets: Path,
    settings: WorkerSettings,
    logs: Path,
) -> None:
    """Runs a worker in a slot's process, which does tasks until the other end closes the connection.

    If the worker cannot start, no other process can. So it answers the first task with an InputError.
    """
    processes.die_with_parent()
    try:
        processes.set_temporary_folder(datasets / TEMPORARY_FOLDER)
        processes.start_tensorflow(threads)
    except Exception as error:  # noqa: BLE001 - every error is passed to the process that started this one
        connection.send(InputError(f"A worker process cannot start: {error!r}."))
        return

    def on_steps(count: int) -> None:
        counter.value += count

    def on_reading(reading: dict) -> None:
        shared_reading[:] = reading["validation_accuracy"], reading.get("kept_fraction", math.nan)

    worker = Worker(
        results_dir,
        functools.lru_cache(maxsize=1)(lambda name, network: map_dataset(dataset_folder(datasets, name, network))),
        settings,
        on_steps,
        on_reading,
        functools.partial(append_log, logs),
    )
    while True:
        try:
            task, earlier = connection.recv()
        except EOFError:
            return
        connection.send(worker.perform(task, earlier))


def _container_memory() -> float:
    """Returns the memory limit of the container; infinite if there is none."""
    path = Path("/sys/fs/cgroup/memory.max")
    text = path.read_text().strip() if path.exists() else "max"
    return float("inf") if text == "max" else int(text)
