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

from lottery_tf import files, processes, store
from lottery_tf.console import SURROUNDINGS
from lottery_tf.data import Dataset
from lottery_tf.errors import InputError
from lottery_tf.origin import COMMAND
from lottery_tf.study.clusters import GONE, check_answers, is_gone, watched
from lottery_tf.study.engines import Need, append_log, dataset_folder
from lottery_tf.study.folder import drop_weights_before, intact_metrics, is_child
from lottery_tf.study.temporary import temporary_folder
from lottery_tf.study.work import LevelWork, Work
from lottery_tf.study.worker import End, Ended, Setup, Worker, map_dataset

Files = dict[str, bytes]  # by their paths relative to the results folder


@dataclasses.dataclass(frozen=True)
class Sent:
    """What comes back from a node.

    Attributes:
      ended: how the unit ended.
      results: the files of each result that was made, by its key and then its name.
      loose: other files: a treatment's page for TensorBoard.
      log: lines for the log.
    """

    ended: Ended
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
        setup: Setup,
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

    def fits(self, needs: Sequence[Need]) -> bool:
        """Whether the nodes have room, each slot on one of them; a single one is for `slot` to refuse."""
        if len(needs) <= 1:
            return True
        if self._workers and len(needs) > self._workers:
            return False
        self.check_cluster()
        free = self._nodes()
        for need in sorted(needs, key=self.cpus, reverse=True):
            node = next((n for n in free if self._holds(n, need)), None)
            if node is None:
                return False
            node["CPU"] -= self.cpus(need)
            node["GPU"] -= self._gpus
        return True

    @staticmethod
    def _nodes() -> list[dict[str, float]]:
        """CPUs and GPUs of each node that is alive."""
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        return [{kind: node.get(kind, 0.0) for kind in ("CPU", "GPU")} for node in nodes]

    def _holds(self, node: dict[str, float], need: Need) -> bool:
        return self.cpus(need) <= node["CPU"] and self._gpus <= node["GPU"]

    def cpus(self, need: Need) -> float:
        """CPUs of an actor."""
        return need.threads if self._cpus is None else self._cpus

    def slot(self, need: Need) -> RaySlot:
        """A new actor.

        Raises:
          InputError: no node can hold it.
        """
        self.check_cluster()
        nodes = self._nodes()
        if not any(self._holds(node, need) for node in nodes):
            raise InputError(
                f"A process is to have {self.cpus(need):g} CPUs and {self._gpus:g} GPUs, more than any node of the Ray "
                f"cluster has ({nodes}). Give --cpus_per_task, --threads or --gpus_per_task less."
            )
        number = next(n for n in range(len(self._slots) + 1) if n not in self._slots)
        self._slots.add(number)
        options = {"num_cpus": self.cpus(need), "num_gpus": self._gpus, "max_restarts": 0}
        actor = ray.remote(_Actor).options(**options).remote(need.threads, self.setup, self.scratch, number)
        return RaySlot(self, need, actor, number)

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
        ended, _ = ray.wait(list(owners), timeout=seconds)
        return [owners[end] for end in ended]

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

    def __init__(self, engine: RayEngine, need: Need, actor: ray.actor.ActorHandle, number: int):
        self.need = need
        self._engine, self._actor, self._number = engine, actor, number
        self.end: ray.ObjectRef | None = None
        self._work: Work | None = None

    def start(self, work: Work, earlier: list[dict]) -> None:
        self._work = work
        inputs = read_inputs(self._engine.results_dir, work, self._engine.setup.keep_weights)
        dataset = self._engine.dataset(work.dataset, work.network)
        self.end = self._actor.perform.remote(work, earlier, inputs, dataset)

    def result(self) -> Ended:
        try:
            sent: Sent = ray.get(self.end)
        except RayTaskError as error:
            return Ended(End.FAILED, error=str(error))
        except RayError as error:
            self._engine.check_cluster()
            append_log(self._engine.logs, self._work, f"{self._work.place} is lost: {error}\n")
            return Ended(End.LOST, error=str(error))
        receive(self._engine.results_dir, sent, self._work)
        for line in sent.log:
            append_log(self._engine.logs, self._work, line)
        return sent.ended

    def stop(self) -> None:
        self._engine.stop(self._actor)
        self._engine.free(self._number)


class _Actor:
    """A worker on a node, with a folder of its own for results."""

    def __init__(self, threads: int, setup: Setup, scratch: str, number: int):
        os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")  # several may share a GPU
        os.environ.update(SURROUNDINGS | {COMMAND: setup.command})
        self._scratch = Path(tempfile.gettempdir()) / scratch
        # Whoever comes next on this node removes it once this process is gone.
        self._temporary = contextlib.ExitStack()
        processes.temporary_files_in(self._temporary.enter_context(temporary_folder()))
        processes.start_tensorflow(threads)
        self._setup, self._number = setup, number
        self._log: list[str] = []
        self._dataset: Dataset | None = None
        self._all = self._root = Path()
        self._worker: Worker | None = None

    def _enter(self, work: Work, dataset: Dataset) -> None:
        """Takes a folder that belongs to the unit's settings and data alone: nothing of other ones is ever found there."""
        settings = files.json_bytes(work.common | {"data": dataset.fingerprint})
        self._dataset = dataset
        self._all = self._scratch / files.sha256(settings)[:16]
        if self._root != (root := self._all / f"slot-{self._number}"):
            self._root = root
            self._worker = Worker(
                root,
                lambda name, network: self._dataset,
                self._setup,
                on_line=lambda work, line: self._log.append(line),
            )

    def perform(self, work: Work, earlier: list[dict], inputs: dict[str, Files], dataset: Dataset) -> Sent:
        self._log.clear()
        self._enter(work, dataset)
        run = self._root / work.folder
        run.mkdir(parents=True, exist_ok=True)
        for left_over in store.result_folders(run):
            shutil.rmtree(left_over)
        self._take_up(work)
        for key, contents in inputs.items():
            store.write_files(self._root / key, contents)
        ended = self._worker.perform(work, earlier)
        sent = self._sent(work, ended, inputs, run)
        # What is unfinished stays, for the next try.
        for folder in run.glob("seed-*") if ended.end is End.FINISHED else store.result_folders(run):
            shutil.rmtree(folder)
        return sent

    def _take_up(self, work: Work) -> None:
        """Takes over what an actor that is gone left of this unit on this node."""
        partial = work.key + store.PARTIAL
        for left in self._all.glob(f"*/{partial}"):
            if left != self._root / partial:
                (self._root / partial).parent.mkdir(parents=True, exist_ok=True)
                shutil.move(left, self._root / partial)

    def _sent(self, work: Work, ended: Ended, inputs: dict[str, Files], run: Path) -> Sent:
        found = store.result_folders(run)
        made = {str(path.relative_to(self._root)): path for path in found}
        # The unit's own result comes last: it is the sign that all are there.
        results = {
            key: read_files(made[key]) for key in sorted(made, key=lambda key: key == work.key) if key not in inputs
        }
        loose = {
            str(path.relative_to(self._root)): path.read_bytes()
            for path in run.rglob(store.EVENT_FILES)
            if path.parent not in found and path.parent.suffix != store.PARTIAL
        }
        return Sent(ended, results, loose, self._log)


def read_files(path: Path) -> Files:
    """The files of a result by their names."""
    return {file.name: file.read_bytes() for file in path.iterdir() if file.is_file()}


def read_inputs(results_dir: Path, work: Work, keep_weights: bool) -> dict[str, Files]:
    """The results that a unit starts from: back to the nearest one that has its weights.

    Of a level that is there, and has to be shown only, itself.
    """
    own = intact_metrics(results_dir, work, keep_weights) if isinstance(work, LevelWork) else None
    if own is not None and is_child(results_dir, work, own):
        return {work.key: read_files(results_dir / work.key)}
    inputs = {work.rewinds_to.key: read_files(results_dir / work.rewinds_to.key)} if work.rewinds_to else {}
    before = work.made_from
    while before is not None:
        inputs[before.key] = read_files(results_dir / before.key)
        before = None if store.WEIGHTS in inputs[before.key] else before.made_from
    return inputs


def receive(results_dir: Path, sent: Sent, work: Work) -> None:
    """Stores what came back: each result whole or not at all; only then are weights dropped that it stood on."""
    for key, contents in sent.results.items():
        shutil.rmtree(results_dir / (key + store.PARTIAL), ignore_errors=True)  # of another engine
        store.write_files(results_dir / key, contents)
    for name, content in sent.loose.items():
        path = results_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        for old in path.parent.glob(store.EVENT_FILES):
            old.unlink(missing_ok=True)
        files.replace(path, content)
    drop_weights_before(results_dir, work)
