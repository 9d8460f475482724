"""The engine that does tasks in actors on the nodes of a Ray cluster. It needs the extra `ray`.

Nodes need no shared file system. The results that a task starts from are sent with it, and the files of its own result
are returned when it ends. Each data set is stored once in Ray's object store.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from lottery_tf.errors import InputError, user_message
from lottery_tf.results import files, paths, result_files
from lottery_tf.studies.engines import Resources, append_log
from lottery_tf.studies.ray_cluster import GONE, check_answers, is_gone, watched
from lottery_tf.studies.ray_node import Files, NodeWorker, Returned, clean_node, read_files
from lottery_tf.studies.shared_datasets import dataset_folder, map_dataset
from lottery_tf.studies.task_results import drop_weights_before, has_current_parent, intact_metrics
from lottery_tf.studies.tasks import LevelTask, Task
from lottery_tf.studies.worker import Ending, Outcome, WorkerSettings

CLEAN_SECONDS = 20.0  # the longest time that nodes may take to clean up


class RayEngine:
    """An `engines.Engine` whose slots are actors on a Ray cluster. Results return to the driver's results folder.

    Args:
      address: the address of a running cluster ("auto", or the address that `ray start` prints); None starts a cluster
        on this machine.
      workers: the largest number of actors; 0: as many as the cluster has room for.
      cpus: CPUs of each actor; None: one for each of its threads.
      gpus: GPUs of each actor; may be a fraction.

    Raises:
      InputError: no cluster answers. Every method raises it when the cluster has stopped.
    """

    # An idle actor occupies its CPUs. After a node is lost, an actor for another network may need them.
    keeps_idle_slots = False

    def __init__(
        self,
        results_dir: Path,
        datasets: Path,
        settings: WorkerSettings,
        logs: Path,
        *,
        address: str | None = None,
        workers: int = 0,
        cpus: float | None = None,
        gpus: float = 0.0,
    ):
        self.results_dir, self.settings, self.logs = results_dir, settings, logs
        self._datasets = datasets
        self._workers, self._cpus, self._gpus = workers, cpus, gpus
        self._started = not ray.is_initialized()
        if self._started:
            check_answers(address or "")
            here = os.pathsep.join(path for path in [os.getcwd(), *sys.path] if path)
            local: dict[str, Any] = {"include_dashboard": False, "runtime_env": {"env_vars": {"PYTHONPATH": here}}}
            options = local if address is None else {}
            try:
                # "local" starts a cluster on this machine even if another one is running.
                ray.init(address or "local", log_to_driver=False, logging_level=logging.ERROR, **options)
            except (ConnectionError, ValueError) as error:
                raise InputError(f"No Ray cluster answers at {address!r} ({error}).") from error
        # Behind a proxy (ray://) the cluster's own address cannot be reached.
        self._cluster = "" if (address or "").startswith("ray://") else ray.get_runtime_context().gcs_address
        self._is_gone = False
        self._watched = contextlib.ExitStack()
        self._watched.enter_context(watched(self._cluster))
        self._slots: set[int] = set()
        self._datasets_there: dict[Path, ray.ObjectRef] = {}
        # Nodes keep unfinished trainings in a folder of this name. If an actor dies, the next one continues them.
        self.scratch = hashlib.sha256(f"{os.uname().nodename}{os.path.realpath(results_dir)}".encode()).hexdigest()[:16]

    def fits(self, resource_list: Sequence[Resources]) -> bool:
        """Returns whether slots with these resources can run at once, each on one node; `slot` checks a single slot."""
        if len(resource_list) <= 1:
            return True
        if self._workers and len(resource_list) > self._workers:
            return False
        self.check_cluster()
        free = self._nodes()
        for resources in sorted(resource_list, key=self.cpus, reverse=True):
            node = next((n for n in free if self._holds(n, resources)), None)
            if node is None:
                return False
            node["CPU"] -= self.cpus(resources)
            node["GPU"] -= self._gpus
        return True

    @staticmethod
    def _nodes() -> list[dict[str, float]]:
        """Returns the CPUs and GPUs of each node that is alive."""
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        return [{kind: node.get(kind, 0.0) for kind in ("CPU", "GPU")} for node in nodes]

    def _holds(self, node: dict[str, float], resources: Resources) -> bool:
        return self.cpus(resources) <= node["CPU"] and self._gpus <= node["GPU"]

    def cpus(self, resources: Resources) -> float:
        """Returns the CPUs of the actor of a slot."""
        return resources.threads if self._cpus is None else self._cpus

    def slot(self, resources: Resources) -> RaySlot:
        """Makes a new slot with an actor.

        Raises:
          InputError: no node has enough CPUs and GPUs.
        """
        self.check_cluster()
        nodes = self._nodes()
        if not any(self._holds(node, resources) for node in nodes):
            raise InputError(
                f"A process needs {self.cpus(resources):g} CPUs and {self._gpus:g} GPUs, more than any node of the Ray "
                f"cluster has ({nodes}). Lower --cpus_per_task, --threads or --gpus_per_task."
            )
        number = next(n for n in range(len(self._slots) + 1) if n not in self._slots)
        self._slots.add(number)
        options = {"num_cpus": self.cpus(resources), "num_gpus": self._gpus, "max_restarts": 0}
        actor_class: Any = ray.remote(NodeWorker).options(**options)
        actor = actor_class.remote(resources.threads, self.settings, self.scratch, number)
        return RaySlot(self, resources, actor, number)

    def free(self, number: int) -> None:
        """Makes the number of a stopped slot available again."""
        self._slots.discard(number)

    def dataset(self, name: str, network: str) -> ray.ObjectRef:
        """Returns a data set in the object store; networks with images of the same shape share it."""
        folder = dataset_folder(self._datasets, name, network)
        if folder not in self._datasets_there:
            self._datasets_there[folder] = ray.put(map_dataset(folder))
        return self._datasets_there[folder]

    def wait(self, busy: Sequence[RaySlot], seconds: float) -> list[RaySlot]:
        """Waits for actors, and returns the slots whose actors have answered or died."""
        slots = {slot.returned: slot for slot in busy}
        self.check_cluster()
        ready, _ = ray.wait(list(slots), timeout=seconds)
        return [slots[returned] for returned in ready]

    def check_cluster(self) -> None:
        """Raises InputError if the cluster has stopped; Ray would wait for a minute and then end this process."""
        if is_gone(self._cluster):
            self._is_gone = True
            raise InputError(GONE.format(self._cluster))

    def stop(self, actor: ray.actor.ActorHandle) -> None:
        """Ends an actor, unless the cluster has stopped."""
        if not self._is_gone:
            ray.kill(actor)

    def close(self) -> None:
        """Cleans up on the nodes and leaves the cluster; stops the cluster if this engine started it."""
        if self._datasets_there and not self._is_gone:
            self._clean_nodes()
        if self._started and not self._is_gone:
            ray.shutdown()
        self._watched.close()  # last, because Ray may end this process even while it shuts down

    def _clean_nodes(self) -> None:
        nodes = [node["NodeID"] for node in ray.nodes() if node["Alive"]]
        where = [NodeAffinitySchedulingStrategy(node, soft=False) for node in nodes]
        clean: Any = ray.remote(clean_node)
        cleaned = [clean.options(num_cpus=0, scheduling_strategy=each).remote(self.scratch) for each in where]
        ray.wait(cleaned, num_returns=len(cleaned), timeout=CLEAN_SECONDS)


class RaySlot:
    """A slot with an actor on a node."""

    steps, reading = 0, None  # they are not known before a task ends

    def __init__(self, engine: RayEngine, resources: Resources, actor: ray.actor.ActorHandle, number: int):
        self.resources = resources
        self._engine, self._actor, self._slot = engine, actor, number
        self.returned: ray.ObjectRef | Any = None
        self._task: Task | Any = None

    def start(self, task: Task, earlier: list[dict]) -> None:
        """Sends a task to the actor, with the results and the data set that it needs."""
        self._task = task
        inputs = read_inputs(self._engine.results_dir, task, self._engine.settings.keep_weights)
        dataset = self._engine.dataset(task.dataset, task.network)
        self.returned = self._actor.perform.remote(task, earlier, inputs, dataset)

    def result(self) -> Outcome:
        """Stores the actor's results and returns the outcome; `Ending.LOST` if the actor died."""
        try:
            returned: Returned = ray.get(self.returned)
        except RayTaskError as error:
            return Outcome(Ending.FAILED, error=user_message(error.cause) or str(error))
        except RayError as error:
            self._engine.check_cluster()
            append_log(self._engine.logs, self._task, f"{self._task.result_path} is lost: {error}\n")
            return Outcome(Ending.LOST, error=str(error))
        store_returned(self._engine.results_dir, returned, self._task)
        for line in returned.log:
            append_log(self._engine.logs, self._task, line)
        return returned.outcome

    def stop(self) -> None:
        """Ends the actor."""
        self._engine.stop(self._actor)
        self._engine.free(self._slot)


def read_inputs(results_dir: Path, task: Task, keep_weights: bool) -> dict[str, Files]:
    """Returns the results that a task starts from, back to the nearest one that has its weights.

    If the level of the task is finished but not yet on the TensorBoard page, returns the level itself.
    """
    if isinstance(task, LevelTask):
        metrics = intact_metrics(results_dir, task, keep_weights)
        if metrics is not None and has_current_parent(results_dir, task, metrics):
            return {task.key: read_files(results_dir / task.key)}
    inputs = {task.rewinds_to.key: read_files(results_dir / task.rewinds_to.key)} if task.rewinds_to else {}
    before = task.made_from
    while before is not None:
        inputs[before.key] = read_files(results_dir / before.key)
        before = None if paths.WEIGHTS in inputs[before.key] else before.made_from
    return inputs


def store_returned(results_dir: Path, returned: Returned, task: Task) -> None:
    """Stores returned results, each completely or not at all, then deletes the weights of the level before."""
    for key, contents in returned.results.items():
        result_files.remove_own_files(paths.partial_path(results_dir / key))  # left by another engine
        result_files.write_files(results_dir / key, contents)
    for name, content in returned.pages.items():
        path = results_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        for old in path.parent.glob(paths.EVENT_FILES):
            old.unlink(missing_ok=True)
        files.replace(path, content)
    drop_weights_before(results_dir, task)
