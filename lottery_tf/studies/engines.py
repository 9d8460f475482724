"""Who does the work of a study: one small interface, and its implementation by processes on this machine.

`ray_engine` has the other implementation; the scheduler does not know which of them it has.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import multiprocessing
import multiprocessing.connection
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from lottery_tf import processes
from lottery_tf.errors import InputError
from lottery_tf.studies.costs import Cost
from lottery_tf.studies.tasks import Task
from lottery_tf.studies.worker import Ending, Outcome, Worker, WorkerSettings, map_dataset

TEMPORARY_FOLDER = "temporary"  # a folder beside the data sets for what processes write among temporary files


@dataclasses.dataclass(frozen=True)
class Resources:
    """What a slot takes: its number of threads and bytes of memory."""

    threads: int
    memory: int

    @classmethod
    def for_network(cls, cost: Cost, threads: int = 0) -> Resources:
        """What a network takes, with another number of threads if one is given."""
        return cls(threads or cost.threads, cost.memory)


class Slot(Protocol):
    """A place where one unit of work is done at a time.

    Attributes:
      need: what it takes.
      steps: training steps done so far of the unit it is at, where that is known.
    """

    resources: Resources
    steps: int

    def start(self, task: Task, earlier: list[dict]) -> None:
        """Begins a unit; see `worker.Worker.perform`."""

    def result(self) -> Outcome:
        """How the unit ended, after `Engine.wait` has named this slot. A slot whose process is gone is of no use."""

    def stop(self) -> None:
        """Ends the slot, and what it is at."""


class Engine(Protocol):
    """Slots to do work in.

    Attributes:
      keeps_idle_slots: whether a slot for which there is no work now is better kept, for it takes nothing from others.
    """

    keeps_idle_slots: bool

    def fits(self, resource_list: Sequence[Resources]) -> bool:
        """Whether there is room for slots with these needs at once."""

    def slot(self, resources: Resources) -> Slot:
        """A new slot."""

    def wait(self, busy: Sequence[Slot], seconds: float) -> list[Slot]:
        """Those of the busy slots whose work has ended; waits for one, but not longer than so many seconds."""

    def close(self) -> None:
        """Gives back what the engine holds; its slots are stopped before."""


def most_at_once(fits: Callable[[Sequence[Resources]], bool], resources: Resources) -> int:
    """How many slots with the same need have room, by `Engine.fits`.

    >>> most_at_once(Capacity(cores=4, memory=7e9).fits, Resources(threads=1, memory=2_000_000_000))
    3
    """
    count = 1
    while fits([resources] * (count + 1)):
        count += 1
    return count


@dataclasses.dataclass(frozen=True)
class Capacity:
    """What a machine has room for.

    Attributes:
      cores: processor cores.
      memory: bytes of memory.
      workers: the greatest number of processes; 0: as many as cores and memory allow.
    """

    cores: int
    memory: float
    workers: int = 0

    @classmethod
    def here(cls, workers: int = 0) -> Capacity:
        """This machine, as free as it is now."""
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        return cls(cores, available_memory(), workers)

    def fits(self, resource_list: Sequence[Resources]) -> bool:
        """Whether processes with these needs have room at once; a single one always has."""
        if len(resource_list) <= 1:
            return True
        if sum(resources.memory for resources in resource_list) > self.memory:
            return False
        if self.workers:
            return len(resource_list) <= self.workers
        return sum(resources.threads for resources in resource_list) <= self.cores


class LocalEngine:
    """Processes on this machine.

    Args:
      results_dir: the folder that holds the results of all networks.
      datasets: the folder where `worker.save_dataset` wrote the data sets; see `dataset_folder`.
      setup: what all units have in common.
      logs: the folder for the logs of the units.
      room: what there is room for.
    """

    keeps_idle_slots = True

    def __init__(self, results_dir: Path, datasets: Path, setup: WorkerSettings, logs: Path, room: Capacity):
        self._arguments = (results_dir, datasets, setup, logs)
        self._room = room

    def fits(self, resource_list: Sequence[Resources]) -> bool:
        return self._room.fits(resource_list)

    def slot(self, resources: Resources) -> LocalSlot:
        return LocalSlot(resources, *self._arguments)

    def wait(self, busy: Sequence[LocalSlot], seconds: float) -> list[LocalSlot]:
        owners = {slot.connection: slot for slot in busy}
        return [owners[ready] for ready in multiprocessing.connection.wait(list(owners), seconds)]

    def close(self) -> None:
        """There is nothing to give back but the slots."""


class LocalSlot:
    """A process of its own, which outlives the units that it does but not the one that started it."""

    def __init__(self, resources: Resources, results_dir: Path, datasets: Path, setup: WorkerSettings, logs: Path):
        self.resources = resources
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        # Without a lock: a process that is killed could die holding it.
        self._counter = context.Value("q", 0, lock=False)
        self._logs, self._work = logs, None
        arguments = (theirs, self._counter, resources.threads, results_dir, datasets, setup, logs)
        self._process = context.Process(target=_serve, args=arguments, daemon=True)
        with processes.block_terminal_signals():
            self._process.start()
        theirs.close()

    @property
    def steps(self) -> int:
        return self._counter.value

    def start(self, task: Task, earlier: list[dict]) -> None:
        self._counter.value, self._work = 0, task
        try:
            self.connection.send((task, earlier))
        except OSError:
            pass  # the process is gone, which `Engine.wait` will find

    def result(self) -> Outcome:
        try:
            outcome = self.connection.recv()
        except (EOFError, OSError):
            error = f"The process that did it is gone: {processes.cause_of_death(self._process)}."
            append_log(self._logs, self._work, f"{self._work.result_path}: {error}\n")
            return Outcome(Ending.LOST, error=error)
        if isinstance(outcome, InputError):
            raise outcome
        return outcome

    def stop(self) -> None:
        self._process.kill()
        self._process.join()
        self.connection.close()


def _serve(
    connection, counter, threads: int, results_dir: Path, datasets: Path, setup: WorkerSettings, logs: Path
) -> None:
    """What a slot's process does: units of work as they come, until nobody is there to send any.

    Where it cannot start, neither can any other: its answer to the first unit is then an InputError, which says why.
    """
    processes.die_with_parent()
    try:
        processes.set_temporary_folder(datasets / TEMPORARY_FOLDER)
        processes.start_tensorflow(threads)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is for the one who started this process
        connection.send(InputError(f"A process that is to train cannot start: {error!r}."))
        return

    def on_steps(count: int) -> None:
        counter.value += count

    worker = Worker(
        results_dir,
        functools.lru_cache(maxsize=1)(lambda name, network: map_dataset(dataset_folder(datasets, name, network))),
        setup,
        on_steps,
        functools.partial(append_log, logs),
    )
    while True:
        try:
            task, earlier = connection.recv()
        except EOFError:
            return
        connection.send(worker.perform(task, earlier))


def dataset_folder(datasets: Path, name: str, network: str) -> Path:
    """Where a data set in the shape that a network takes lies among the plain arrays of a study."""
    from lottery_tf.models.table_s1 import NETWORKS

    return datasets / "x".join(map(str, NETWORKS[network].image_shape)) / name


def append_log(logs: Path, task: Task, line: str) -> None:
    """Adds a line to the log of a unit's chain."""
    path = log_path(logs, task)
    # A disk that is full is noticed, and told, where results are written.
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(line)


def log_path(logs: Path, task: Task) -> Path:
    """The log that the units of a chain share."""
    return logs / task.folder / f"{task.chain}.log"


def available_memory() -> float:
    """Bytes of memory that processes may take here; where the system does not say, no bound."""
    try:
        found = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
        free = int(found["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return float("inf")
    return min(free, _container_memory())


def _container_memory() -> float:
    """The bound that a container sets, if one does."""
    path = Path("/sys/fs/cgroup/memory.max")
    text = path.read_text().strip() if path.exists() else "max"
    return float("inf") if text == "max" else int(text)
