"""Describes how results were made: their settings, times, versions and machine."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import platform
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from analysis.results.load import Results, completed
from analysis.results.select import PANEL, Panel
from lottery_tf.results.walk import finished_with_folders

TRAININGS = ("level", "learned_mask", "control", "rewind")  # kinds of results that come from a training
MADE_BY = ("machine", "threads", "compiler", "commit")  # entries of `made_by` that the report shows
UNKNOWN = "not recorded"
PACKAGES = ("lottery_tf", "tensorflow", "keras", "numpy", "scipy", "pandas", "matplotlib")


def settings_table(results: Results, keys: Collection[Panel] | None = None) -> pd.DataFrame:
    """Returns the settings of experiments: one row for each setting and one column for each experiment.

    Args:
      results: all results.
      keys: the panels whose folders are listed; None lists all folders. Learned masks have the schedule None.
    """
    wanted = [folder for folder in results.folders if keys is None or tuple(folder.get(name) for name in PANEL) in keys]
    columns = {folder["folder"]: dict(_flat(folder)) for folder in wanted}
    rows = [name for name in dict.fromkeys(name for column in columns.values() for name in column) if name != "folder"]
    table = {"setting": rows, **{folder: [column.get(name, "") for name in rows] for folder, column in columns.items()}}
    return pd.DataFrame(table, dtype=object)


def _flat(settings: Mapping, prefix: str = "") -> Iterator[tuple[str, object]]:
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, "" if value is None else value


class Trainings(NamedTuple):
    """How long the trainings took, and how they were made.

    Attributes:
      times: one row for each panel, with its number of trainings and their times; learned masks have the schedule
        "learned masks".
      origins: one row for each set of package versions, machine, threads, compiler and commit, with its number of
        trainings.
      commands: the command lines, and how many trainings each made.
    """

    times: pd.DataFrame
    origins: pd.DataFrame
    commands: Mapping[str, int]


def trainings(root: str | Path) -> Trainings:
    """Returns how the trainings in a results folder were made; exported CSV files do not record it."""
    times: dict[Panel, list[float]] = {}
    origins: Counter[tuple[str, ...]] = Counter()
    commands: Counter[str] = Counter()
    for folder, metrics in finished_with_folders(root, kind=None):
        if metrics["kind"] not in TRAININGS:
            continue
        about = completed(folder, metrics)
        about |= {"schedule": "learned masks"} if metrics["kind"] == "learned_mask" else {}
        key = Panel(*(about.get(name, "") for name in PANEL))
        times.setdefault(key, []).append(metrics.get("seconds") or 0.0)
        made_by = metrics.get("made_by", {})
        packages = ", ".join(f"{name} {number}" for name, number in metrics.get("versions", {}).items())
        origins[packages or UNKNOWN, *(str(made_by.get(name) or UNKNOWN) for name in MADE_BY)] += 1
        if command := made_by.get("command"):
            commands[str(command)] += 1
    rows = [
        {**key._asdict(), "trainings": len(took), "total hours": f"{sum(took) / 3600:.2f}",
         "mean seconds": f"{sum(took) / len(took):.1f}"}
        for key, took in sorted(times.items())
    ]  # fmt: skip
    made = pd.DataFrame([*origins], columns=["packages", *MADE_BY]).assign(trainings=[*origins.values()])
    return Trainings(pd.DataFrame(rows), made, commands)


def machine() -> dict[str, str]:
    """Returns the machine and the versions of the running process. The trainings may have had others."""
    versions = []
    for name in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions.append(f"{name} {importlib.metadata.version(name)}")
    return {
        "system": f"{platform.system()} {platform.release()}, {platform.machine()}",
        "processors": str(os.cpu_count()),
        "Python": platform.python_version(),
        "packages": ", ".join(versions),
    }
