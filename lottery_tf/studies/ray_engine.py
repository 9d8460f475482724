"""The work of a study done on Ray: by actors on the nodes of a cluster, whose results travel back to the driver.

No file system has to be shared: what a unit starts from is sent with it, and the files of its result come back with its
end. Data sets lie in Ray's object store once. Needs the extra `ray`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import ray
from ray.exceptions import RayError, RayTaskError

from lottery_tf import processes
from lottery_tf.console import SURROUNDINGS
from lottery_tf.data import Dataset
from lottery_tf.errors import InputError
from lottery_tf.origin import COMMAND
from lottery_tf.results import files, paths, result_files, walk
from lottery_tf.studies.engines import Resources, append_log, dataset_folder
from lottery_tf.studies.ray_cluster import GONE, check_answers, is_gone, watched
from lottery_tf.studies.study_folder import drop_weights_before, intact_metrics, is_child
from lottery_tf.studies.tasks import LevelTask, Task
from lottery_tf.studies.temporary_folders import temporary_folder
from lottery_tf.studies.worker import Ending, Outcome, Worker, WorkerSettings, map_dataset

Files = dict[str, bytes]  # by their paths relative to the results folder


@dataclasses.dataclass(frozen=True)
class Returned:
    """What comes back from a node.

    Attributes:
      ended: how the unit ended.
      results: the files of each result that was made, by its key and then its name.
      loose: other files: a treatment's page for TensorBoard.
      log: lines for the log.
    """

    outcome: Outcome
    results: dict[str, Files]
    loose: Files
    log: list[str]


class RayEngine:
    """Actors on a Ray cluster.

    Args:
      results_dir: the driver's folder of all results.
      datasets: the folder where `worker.save_dataset` wrote the data sets.
      setup: what all units have in common.
      logs: the folder for the logs of the units.
      address: of a cluster that runs ("auto", or what `ray start` printed); None starts one on this machine.
      workers: the greatest number of actors; 0: as many as the cluster has room for.
      cpus: CPUs of each actor; None: one for each of its threads.
      gpus: GPUs of each actor, or a fraction of one.

    Raises:
      InputError: no cluster answers; later, in any method, that it is gone.
    """

    # An idle actor holds its CPUs, and after the loss of a node another one may be waiting for them.
    keeps_idle_slots = False

    def __init__(
        self,
        results_dir: Path,
        datasets: Path,
        setup: WorkerSettings,
        logs: Path,
        *,
        address: str | None = None,
        workers: int = 0,
        cpus: float | None = None,
        gpus: float = 0.0,
    ):
        self.results_dir, self.setup, self.logs = results_dir, setup, logs
        self._datasets = datasets
        self._workers, self._cpus, self._gpus = workers, cpus, gpus
        self._started = not ray.is_initialized()
        if self._started:
            check_answers(address or "")
            here = os.pathsep.join(path for path in [os.getcwd(), *sys.path] if path)
            environment = {"runtime_env": {"env_vars": {"PYTHONPATH": here}}} if address is None else {}
            alone = {"include_dashboard": False} if address is None else {}
            try:
                # "local" starts a cluster here even where another one runs.
                ray.init(address or "local", log_to_driver=False, logging_level="error", **alone, **environment)
            except (ConnectionError, ValueError) as error:
                raise InputError(f"No Ray cluster answers at {address!r} ({error}).") from error
        # Through a proxy (ray://) the cluster's own address is of no use here.
        self._cluster = "" if (address or "").startswith("ray://") else ray.get_runtime_context().gcs_address
        self._is_gone = False
        self._watched = contextlib.ExitStack()
        self._watched.enter_context(watched(self._cluster))
        self._slots: set[int] = set()
        self._datasets_there: dict[Path, ray.ObjectRef] = {}
        # Nodes keep what is unfinished under this name, so that a unit whose actor died is taken up by the next one.
        self.scratch = (
            "lottery_tf-" + hashlib.sha256(f"{os.uname().nodename}{results_dir.resolve()}".encode()).hexdigest()[:16]
        )

    def fits(self, resource_list: Sequence[Resources]) -> bool:
        """Whether the nodes have room, each slot on one of them; a single one is for `slot` to refuse."""
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
        """CPUs and GPUs of each node that is alive."""
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        return [{kind: node.get(kind, 0.0) for kind in ("CPU", "GPU")} for node in nodes]

    def _holds(self, node: dict[str, float], resources: Resources) -> bool:
        return self.cpus(resources) <= node["CPU"] and self._gpus <= node["GPU"]

    def cpus(self, resources: Resources) -> float:
        """CPUs of an actor."""
        return resources.threads if self._cpus is None else self._cpus

    def slot(self, resources: Resources) -> RaySlot:
        """A new actor.

        Raises:
          InputError: no node can hold it.
        """
        self.check_cluster()
        nodes = self._nodes()
        if not any(self._holds(node, resources) for node in nodes):
            raise InputError(
                f"A process is to have {self.cpus(resources):g} CPUs and {self._gpus:g} GPUs, more than any node of the Ray "
                f"cluster has ({nodes}). Give --cpus_per_task, --threads or --gpus_per_task less."
            )
        number = next(n for n in range(len(self._slots) + 1) if n not in self._slots)
        self._slots.add(number)
        options = {"num_cpus": self.cpus(resources), "num_gpus": self._gpus, "max_restarts": 0}
        actor = ray.remote(_Actor).options(**options).remote(resources.threads, self.setup, self.scratch, number)
        return RaySlot(self, resources, actor, number)

    def free(self, number: int) -> None:
        """A slot's number may be given to another one."""
        self._slots.discard(number)

    def dataset(self, name: str, network: str) -> ray.ObjectRef:
        """A data set in the object store, where it lies once for all networks that take images of its shape."""
        folder = dataset_folder(self._datasets, name, network)
        if folder not in self._datasets_there:
            self._datasets_there[folder] = ray.put(map_dataset(folder))
        return self._datasets_there[folder]

    def wait(self, busy: Sequence[RaySlot], seconds: float) -> list[RaySlot]:
        owners = {slot.end: slot for slot in busy}
        self.check_cluster()
        outcome, _ = ray.wait(list(owners), timeout=seconds)
        return [owners[end] for end in outcome]

    def check_cluster(self) -> None:
        """Raises InputError where the cluster is gone; Ray would wait for a minute and then end this process."""
        if is_gone(self._cluster):
            self._is_gone = True
            raise InputError(GONE.format(self._cluster))

    def stop(self, actor: ray.actor.ActorHandle) -> None:
        """Ends an actor, unless it is gone with the cluster."""
        if not self._is_gone:
            ray.kill(actor)

    def close(self) -> None:
        """Leaves the cluster, and ends it if it was started here."""
        if self._started and not self._is_gone:
            ray.shutdown()
        self._watched.close()  # last: Ray may end this process even as it is left


class RaySlot:
    """An actor, and what comes back from it."""

    steps = 0  # not known before a unit ends

    def __init__(self, engine: RayEngine, resources: Resources, actor: ray.actor.ActorHandle, number: int):
        self.resources = resources
        self._engine, self._actor, self._number = engine, actor, number
        self.end: ray.ObjectRef | None = None
        self._work: Task | None = None

    def start(self, task: Task, earlier: list[dict]) -> None:
        self._work = task
        inputs = read_inputs(self._engine.results_dir, task, self._engine.setup.keep_weights)
        dataset = self._engine.dataset(task.dataset, task.network)
        self.end = self._actor.perform.remote(task, earlier, inputs, dataset)

    def result(self) -> Outcome:
        try:
            sent: Returned = ray.get(self.end)
        except RayTaskError as error:
            return Outcome(Ending.FAILED, error=str(error))
        except RayError as error:
            self._engine.check_cluster()
            append_log(self._engine.logs, self._work, f"{self._work.result_path} is lost: {error}\n")
            return Outcome(Ending.LOST, error=str(error))
        receive(self._engine.results_dir, sent, self._work)
        for line in sent.log:
            append_log(self._engine.logs, self._work, line)
        return sent.outcome

    def stop(self) -> None:
        self._engine.stop(self._actor)
        self._engine.free(self._number)


class _Actor:
    """A worker on a node, with a folder of its own for results."""

    def __init__(self, threads: int, setup: WorkerSettings, scratch: str, number: int):
        os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")  # several may share a GPU
        os.environ.update(SURROUNDINGS | {COMMAND: setup.command})
        self._scratch = Path(tempfile.gettempdir()) / scratch
        # Whoever comes next on this node removes it once this process is gone.
        self._temporary = contextlib.ExitStack()
        processes.set_temporary_folder(self._temporary.enter_context(temporary_folder()))
        processes.start_tensorflow(threads)
        self._setup, self._number = setup, number
        self._log: list[str] = []
        self._dataset: Dataset | None = None
        self._all = self._root = Path()
        self._worker: Worker | None = None

    def _enter(self, task: Task, dataset: Dataset) -> None:
        """Takes a folder that belongs to the unit's settings and data alone: nothing of other ones is ever found there."""
        settings = files.json_bytes(task.common | {"data": dataset.fingerprint})
        self._dataset = dataset
        self._all = self._scratch / files.sha256(settings)[:16]
        if self._root != (root := self._all / f"slot-{self._number}"):
            self._root = root
            self._worker = Worker(
                root,
                lambda name, network: self._dataset,
                self._setup,
                on_line=lambda task, line: self._log.append(line),
            )

    def perform(self, task: Task, earlier: list[dict], inputs: dict[str, Files], dataset: Dataset) -> Returned:
        self._log.clear()
        self._enter(task, dataset)
        run = self._root / task.folder
        run.mkdir(parents=True, exist_ok=True)
        for left_over in walk.result_folders(run):
            shutil.rmtree(left_over)
        self._take_up(task)
        for key, contents in inputs.items():
            result_files.write_files(self._root / key, contents)
        outcome = self._worker.perform(task, earlier)
        sent = self._sent(task, outcome, inputs, run)
        # What is unfinished stays, for the next try.
        for folder in run.glob(paths.SEED_FOLDERS) if outcome.end is Ending.FINISHED else walk.result_folders(run):
            shutil.rmtree(folder)
        return sent

    def _take_up(self, task: Task) -> None:
        """Takes over what an actor that is gone left of this unit on this node."""
        partial = task.key + paths.PARTIAL
        for left in self._all.glob(f"*/{partial}"):
            if left != self._root / partial:
                (self._root / partial).parent.mkdir(parents=True, exist_ok=True)
                shutil.move(left, self._root / partial)

    def _sent(self, task: Task, outcome: Outcome, inputs: dict[str, Files], run: Path) -> Returned:
        found = walk.result_folders(run)
        made = {str(path.relative_to(self._root)): path for path in found}
        # The unit's own result comes last: it is the sign that all are there.
        results = {
            key: read_files(made[key]) for key in sorted(made, key=lambda key: key == task.key) if key not in inputs
        }
        loose = {
            str(path.relative_to(self._root)): path.read_bytes()
            for path in run.rglob(paths.EVENT_FILES)
            if path.parent not in found and path.parent.suffix != paths.PARTIAL
        }
        return Returned(outcome, results, loose, self._log)


def read_files(path: Path) -> Files:
    """The files of a result by their names."""
    return {file.name: file.read_bytes() for file in path.iterdir() if file.is_file()}


def read_inputs(results_dir: Path, task: Task, keep_weights: bool) -> dict[str, Files]:
    """The results that a unit starts from: back to the nearest one that has its weights.

    Of a level that is there, and has to be shown only, itself.
    """
    own = intact_metrics(results_dir, task, keep_weights) if isinstance(task, LevelTask) else None
    if own is not None and is_child(results_dir, task, own):
        return {task.key: read_files(results_dir / task.key)}
    inputs = {task.rewinds_to.key: read_files(results_dir / task.rewinds_to.key)} if task.rewinds_to else {}
    before = task.made_from
    while before is not None:
        inputs[before.key] = read_files(results_dir / before.key)
        before = None if paths.WEIGHTS in inputs[before.key] else before.made_from
    return inputs


def receive(results_dir: Path, sent: Returned, task: Task) -> None:
    """Stores what came back: each result whole or not at all; only then are weights dropped that it stood on."""
    for key, contents in sent.results.items():
        shutil.rmtree(results_dir / (key + paths.PARTIAL), ignore_errors=True)  # of another engine
        result_files.write_files(results_dir / key, contents)
    for name, content in sent.loose.items():
        path = results_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        for old in path.parent.glob(paths.EVENT_FILES):
            old.unlink(missing_ok=True)
        files.replace(path, content)
    drop_weights_before(results_dir, task)
