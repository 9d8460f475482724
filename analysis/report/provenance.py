"""Describes how results were made: their settings, times, versions and machine."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import platform
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import pandas as pd

from analysis.results.columns import ADDED_LATER
from analysis.results.load import Results, run_name
from analysis.results.select import PANEL, Panel
from lottery_tf.results.walk import finished_with_folders

TRAININGS = ("level", "learned_mask", "control", "rewind")  # kinds of results that come from a training
PACKAGES = ("lottery_tf", "tensorflow", "keras", "numpy", "scipy", "pandas", "matplotlib")


def settings_table(results: Results, keys: Collection[Panel] | None = None) -> pd.DataFrame:
    """Returns the settings of folders of runs: one row for each setting and one column for each folder.

    Args:
      results: all results.
      keys: the panels whose folders are listed; None lists all folders. Learned masks have the schedule None.
    """
    wanted = [folder for folder in results.folders if keys is None or tuple(folder.get(name) for name in PANEL) in keys]
    columns = {folder["folder"]: dict(_flat(folder)) for folder in wanted}
    rows = [name for name in dict.fromkeys(name for column in columns.values() for name in column) if name != "folder"]
    table = {"setting": rows, **{place: [column.get(name, "") for name in rows] for place, column in columns.items()}}
    return pd.DataFrame(table, dtype=object)


def _flat(settings: Mapping, prefix: str = "") -> Iterator[tuple[str, object]]:
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, "" if value is None else value


def training_times(root: str | Path) -> tuple[pd.DataFrame, list[str]]:
    """Returns how long the trainings took, and with which versions of packages they ran.

    Args:
      root: a results folder; exported CSV files do not record times and versions.

    Returns:
      One row for each panel, with its number of trainings and their times; learned masks have the schedule "learned
      masks". Then a line of text for each set of versions, with the number of its trainings.
    """
    times: dict[Panel, list[float]] = {}
    versions: dict[str, int] = {}
    for place, metrics in finished_with_folders(root, kind=None):
        if metrics["kind"] not in TRAININGS:
            continue
        about = {"network": run_name(place), **ADDED_LATER, **metrics}
        about |= {"schedule": "learned masks"} if metrics["kind"] == "learned_mask" else {}
        key = Panel(*(about.get(name, "") for name in PANEL))
        times.setdefault(key, []).append(metrics.get("seconds") or 0.0)
        used = ", ".join(f"{name} {number}" for name, number in metrics.get("versions", {}).items()) or "not recorded"
        versions[used] = versions.get(used, 0) + 1
    rows = [
        {**key._asdict(), "trainings": len(took), "total hours": f"{sum(took) / 3600:.2f}",
         "mean seconds": f"{sum(took) / len(took):.1f}"}
        for key, took in sorted(times.items())
    ]  # fmt: skip
    return pd.DataFrame(rows), [f"{used}: {count} trainings" for used, count in versions.items()]


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
