"""Where results come from: their settings, times, versions and machine."""

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
from analysis.results.select import PANEL
from lottery_tf.results.walk import finished_with_folders

TRAININGS = ("level", "learned_mask", "control", "rewind")  # kinds of results that took a training
PACKAGES = ("lottery_tf", "tensorflow", "keras", "numpy", "scipy", "pandas", "matplotlib")


def settings_table(results: Results, keys: Collection[tuple] | None = None) -> pd.DataFrame:
    """Settings of folders of runs, a row a setting, a column a folder.

    Args:
      results: all results.
      keys: the panels whose folders are wanted; masks that were learned have the schedule None. Without keys: all.
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
    """How long trainings took, and which versions they ran with.

    Args:
      root: a results folder; a folder of exported CSV files says neither.

    Returns:
      A row a panel, whose schedule is "learned masks" for those: trainings and hours in all; and a line for each set
      of versions, with the number of trainings.
    """
    times: dict[tuple, list[float]] = {}
    versions: dict[str, int] = {}
    for place, metrics in finished_with_folders(root, kind=None):
        if metrics["kind"] not in TRAININGS:
            continue
        about = {"network": run_name(place), **ADDED_LATER, **metrics}
        about |= {"schedule": "learned masks"} if metrics["kind"] == "learned_mask" else {}
        key = tuple(about.get(name, "") for name in PANEL)
        times.setdefault(key, []).append(metrics.get("seconds") or 0.0)
        used = ", ".join(f"{name} {number}" for name, number in metrics.get("versions", {}).items()) or "not recorded"
        versions[used] = versions.get(used, 0) + 1
    rows = [
        {**dict(zip(PANEL, key, strict=True)), "trainings": len(took), "hours in all": f"{sum(took) / 3600:.2f}",
         "seconds each, mean": f"{sum(took) / len(took):.1f}"}
        for key, took in sorted(times.items())
    ]  # fmt: skip
    return pd.DataFrame(rows), [f"{used}: {count} trainings" for used, count in versions.items()]


def machine() -> dict[str, str]:
    """The machine and the versions that this very process runs on; not what the trainings ran on."""
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
