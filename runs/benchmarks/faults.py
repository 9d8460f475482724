"""Kills small studies at random moments, fills the disk, and compares the results with those of undisturbed studies."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from lottery_tf.errors import InputError
from lottery_tf.results import result_files, walk
from lottery_tf.results.paths import DENSE, level_path

KILLS = 24  # for each engine
KILLS_OF_EACH_KIND = 8
SMALL = ("--study=demo", "--seeds=0,1", "--levels=3", "--schedule=8000", "--snapshot_seconds=0.2")
EACH_KIND = ("--study=trial", "--levels=2", "--schedule=4000", "--snapshot_seconds=0.2")
STUDIES = {"levels": (SMALL, KILLS), "each kind of task": (EACH_KIND, KILLS_OF_EACH_KIND)}
WORKERS = {"local": b"multiprocessing.spawn", "ray": b"ray::NodeWorker"}  # part of a worker's command line
THE_STUDY, A_WORKER = "the study", "a worker"
VICTIMS = {THE_STUDY: 0.3, A_WORKER: 0.7}  # what may be killed -> probability
KILLED_WHILE_STARTING = 0.2  # probability of a kill that does not wait for workers to start
NOT_COMPARED = ("seconds", "made_by")  # metrics that differ from run to run


def run(repeats: int) -> None:
    """Prints for each engine how often a study was killed and whether its results are equal to the bit."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name, (study, kills) in STUDIES.items():
            finish(command(root / name, *study))
            wanted = contents(root / name)
            print(f"An undisturbed study of {name}: {len(wanted)} results and files.", flush=True)
            for engine, repeat in itertools.product(WORKERS, range(repeats)):
                disturbed = root / f"{name}-{engine}-{repeat}"
                killed = disturb(command(disturbed, *study, f"--engine={engine}"), engine, kills, seed=repeat)
                kills = ", ".join(f"{what} {count} times" for what, count in killed.items())
                print(f"{engine}: killed {kills}; {compared(disturbed, wanted)} to the undisturbed study", flush=True)
        print(f"A disk of 6 MB: {full_disk(root, contents(root / 'levels'))}", flush=True)
        print(f"A Ray cluster that stops: {lost_cluster(root, contents(root / 'levels'))}", flush=True)


def command(results_dir: Path, *flags: str) -> list[str]:
    """Returns the command line of a study."""
    return [sys.executable, "-m", "runs.study", *flags, f"--results_dir={results_dir}"]


def finish(study: list[str]) -> None:
    """Runs a command to its end; raises InputError if it fails."""
    done = subprocess.run(study, capture_output=True, text=True, check=False)
    if done.returncode:
        raise InputError(f"{' '.join(study)} ended with {done.returncode}: {done.stderr[-2000:]}")


def disturb(study: list[str], engine: str, kills: int, seed: int, seconds: float = 8.0) -> dict[str, int]:
    """Runs a study, kills it or one of its workers at random moments, and at last runs it to its end.

    Args:
      study: the command.
      engine: its engine.
      kills: the number of kills; there are fewer if the study finishes before.
      seed: seed of the random moments and of what is killed.
      seconds: the longest time from the start of the workers to a kill. Workers first import TensorFlow, which takes
        some seconds.

    Returns:
      How often the study and its workers were killed.
    """
    rng, killed = np.random.default_rng(seed), dict.fromkeys(VICTIMS, 0)
    process = subprocess.Popen(study, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while sum(killed.values()) < kills:
        what, starting = str(rng.choice(list(VICTIMS), p=list(VICTIMS.values()))), rng.random() < KILLED_WHILE_STARTING
        wait, which = rng.uniform(0.1, seconds), rng.random()
        while process.poll() is None and not (starting or workers(process.pid, engine)):
            time.sleep(0.1)
        time.sleep(wait)
        if process.poll() == 0:
            break
        if victims := [process.pid] if what == THE_STUDY else workers(process.pid, engine):
            with contextlib.suppress(ProcessLookupError):
                os.kill(victims[int(which * len(victims))], signal.SIGKILL)
                killed[what] += 1
        if what == THE_STUDY:
            process.wait()
        if process.poll() is not None:
            process = subprocess.Popen(study, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    process.kill()
    process.wait()
    finish(study)
    return killed


def workers(parent: int, engine: str) -> list[int]:
    """Returns the ids of the worker processes of a study."""
    return [process for process in descendants(parent) if WORKERS[engine] in _read(process, "cmdline")]


def descendants(parent: int) -> Iterator[int]:
    """Yields the ids of all descendants of a process. It reads /proc, so it works on Linux only."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and (stat := _read(int(entry.name), "stat")):
            parents[int(entry.name)] = int(stat.rpartition(b")")[2].split()[1])
    found = [parent]
    for process in found:
        children = [child for child, its in parents.items() if its == process]
        found += children
        yield from children


def _read(process: int, name: str) -> bytes:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/{name}").read_bytes()
    return b""


def contents(results_dir: Path) -> dict[str, object]:
    """Returns what is reproducible in a results folder: metrics without times, bytes of arrays and tables."""
    found: dict[str, object] = {}
    for folder in walk.result_folders(results_dir):
        relative = str(folder.relative_to(results_dir))
        metrics = result_files.intact(folder)
        found[relative] = {name: value for name, value in metrics.items() if name not in NOT_COMPARED}
        for path in folder.iterdir():
            if path.suffix in (".npz", ".csv"):
                found[f"{relative}/{path.name}"] = path.read_bytes()
    return found


def compared(results_dir: Path, wanted: dict[str, object]) -> str:
    """Describes whether a results folder has the wanted content."""
    found = contents(results_dir)
    differ = sorted(name for name in found.keys() | wanted.keys() if found.get(name) != wanted.get(name))
    return f"NOT EQUAL ({', '.join(differ)})" if differ else "equal"


def full_disk(root: Path, wanted: dict[str, object], flags: Sequence[str] = SMALL) -> str:
    """Runs a study on a small disk until it is full, frees space, and continues it; describes what happened."""
    small = root / "small disk"
    small.mkdir()
    if not _mount("-t", "tmpfs", "-o", "size=6m", "tmpfs", small):
        return "not tried, because mounting a file system is not permitted"
    try:
        study = command(small, *flags)
        stopped = subprocess.run(study, capture_output=True, text=True, check=False)
        last_line = stopped.stderr.strip().splitlines()[-1] if stopped.stderr.strip() else ""
        _mount("-o", "remount,size=200m", small)
        finish(study)
        return f"exit status {stopped.returncode}, {last_line!r}; after freeing space: {compared(small, wanted)}"
    finally:
        subprocess.run(["umount", str(small)], check=True)


def lost_cluster(root: Path, wanted: dict[str, object]) -> str:
    """Stops the Ray cluster of a study and continues the study on another cluster; describes what happened."""
    from ray.cluster_utils import Cluster

    results_dir = root / "lost cluster"
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "include_dashboard": False})
    try:
        study = command(results_dir, *SMALL, "--engine=ray", f"--address={cluster.address}")
        process = subprocess.Popen(study, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        while process.poll() is None and not any(results_dir.glob(f"*/*/{level_path(0, DENSE, 0)}")):
            time.sleep(0.1)
    finally:
        cluster.shutdown()
    lines = process.communicate()[1].strip().splitlines()
    finish(command(results_dir, *SMALL, "--engine=ray"))
    return (
        f"exit status {process.returncode}, {lines[-1] if lines else ''!r}; on another cluster: "
        f"{compared(results_dir, wanted)}"
    )


def _mount(*arguments: str | Path) -> bool:
    try:
        return subprocess.run(["mount", *map(str, arguments)], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False
