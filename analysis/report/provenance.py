"""Where results come from: the commands that make them, their settings, versions, machine and times."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.metadata
import json
import os
import platform
import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import pandas as pd

from analysis.results.load import Results, run_name
from analysis.results.select import PANEL
from lottery_tf.results.walk import finished_with_folders

TRAININGS = ("level", "learned_mask", "control", "rewind")  # kinds of results that took a training
ACTIONS = ("criterion", "mask1", "mask0")
APPLIED = {  # how a treatment is applied -> what is usual
    field.name: field.default for field in dataclasses.fields(Treatment) if field.name not in ACTIONS
}
FLAGS = {"chosen_kept_fraction": "kept_fraction"}  # columns whose flag has another name
GROUPINGS = (
    ("mask1", "mask0"),
    ("criterion", "mask0"),
    ("criterion", "mask1"),
)  # what the treatments of one command share
LEARNED = ("weights", "rescale", "g", "optimizer", "learning_rate", "batch_size", "iterations", "l1")
PACKAGES = ("lottery_tf", "tensorflow", "keras", "numpy", "scipy", "pandas", "matplotlib")


def command(module: str, flags: Flags) -> str:
    """A command line, ready for a shell.

    >>> command("runs.lottery", {"network": "fc", "seeds": (0, 1), "rescale": True, "results_dir": "my results"})
    "python -m runs.lottery --network=fc --seeds=0,1 --rescale '--results_dir=my results'"
    """
    return shlex.join(["python", "-m", module, *(_flag(name, value) for name, value in flags.items())])


def _flag(name: str, value: object) -> str:
    if value is True:
        return f"--{name}"
    many = isinstance(value, Collection) and not isinstance(value, str)
    return f"--{name}={','.join(map(str, value)) if many else value}"


def training_commands(found: Results, figure: paper.Figure) -> list[str]:
    """The commands that train what is here of a figure's treatments: a few for each network, data set and schedule."""
    commands = []
    wanted = {treatment.name for treatment in figure.lines.values()}
    for key in _panels(found.levels):
        own = panel(found.levels, key)
        own = own[own["treatment"].isin(wanted)]
        if len(own):
            rest = {"levels": int(own["level"].max()), "seeds": sorted(own["seed"].unique())}
            commands += [command("runs.lottery", _where(found, key) | which | rest) for which in _treatments(own)]
    return commands


def _treatments(levels: pd.DataFrame) -> list[dict]:
    """The flags of the fewest commands that have these treatments of one network and no others."""
    found = []
    for values, own in levels.groupby(list(APPLIED), sort=False, dropna=False):
        applied = dict(zip(APPLIED, values, strict=True))
        network = NETWORKS.get(own["network"].iloc[0])
        usual = APPLIED | ({"scope": network.scope} if network else {})
        unusual = {name: value for name, value in applied.items() if not pd.isna(value) and value != usual[name]}
        unusual = {FLAGS.get(name, name): value for name, value in unusual.items()}
        ways = []
        for shared in GROUPINGS:
            groups = own[list(ACTIONS)].drop_duplicates().groupby(list(shared), sort=False)
            ways.append([{name: list(each[name].unique()) for name in ACTIONS} | unusual for _, each in groups])
        found += min(ways, key=len)
    return found


def supermask_commands(found: Results) -> list[str]:
    """The commands that evaluate the heuristic supermasks and learn the masks that are here."""
    commands = []
    masks = found.supermasks[found.supermasks["source"] == "oneshot"]
    for key in _panels(masks):
        own = panel(masks, key)
        flags = {"criterion": list(own["criterion"].unique()), "levels": int(own["level"].max())}
        commands.append(command("runs.supermask", _where(found, key) | flags | {"seeds": sorted(own["seed"].unique())}))
    for values, own in found.learned_masks.groupby(["network", "dataset", *LEARNED], sort=False, dropna=False):
        flags = dict(zip(("network", "dataset", *LEARNED), values, strict=True))
        kept = own["chosen_kept_fraction"].dropna().unique()
        start = {"kept_fraction": list(kept)} if len(kept) else {"initial_logit": list(own["initial_logit"].unique())}
        flags |= {"iterations": int(flags["iterations"]), "batch_size": int(flags["batch_size"])} | start
        left_out = [name for name, value in flags.items() if isinstance(value, bool | float) and not value]
        flags = {
            name: bool(value) if name == "rescale" else value for name, value in flags.items() if name not in left_out
        }
        commands.append(command("runs.learn_mask", flags | {"seeds": sorted(own["seed"].unique())}))
    return commands


def control_commands(found: Results) -> list[str]:
    """The commands that train the controls that are here."""
    commands = []
    for key in _panels(found.controls):
        own = panel(found.controls, key)
        flags = {"controls": list(own["control"].unique()), "control_draws": int(own["draw"].max())}
        flags |= {"levels": int(own["level"].max()), "seeds": sorted(own["seed"].unique())}
        commands += [command("runs.lottery", _where(found, key) | which | flags) for which in _treatments(own)]
    return commands


MEASURED_BY = {  # kind of result -> the measure of runs.connectivity that makes it
    "line": "lines", "perturbation": "robustness", "spectrum": "flatness", "ray": "flatness", "limit": "limit",
    "threshold": "magnitudes", "histogram": "magnitudes",
}  # fmt: skip
RANDOM_TOO = ("lines",)  # measures that the random criterion is measured for as well
SOME_LEVELS = ("robustness", "flatness", "limit")  # measures that are made at the levels that are asked for


def measurement_commands(found: Results, kind: str) -> list[str]:
    """The commands that measure what is here of a kind of measurement; settings that are not in its table are usual ones."""
    commands, measure, rows = [], MEASURED_BY[kind], getattr(found, FRAMES[kind])
    rows = rows[rows["criterion"] != ""]  # the line between any two results is no treatment's
    for key in _panels(rows):
        own = panel(rows, key)
        deepest = max([*panel(found.levels, key)["level"], *own["level"]])
        flags = {"measure": measure, "levels": int(deepest)}
        flags |= {"at": sorted(own["level"].unique())} if measure in SOME_LEVELS else {}
        flags |= {"multiples": sorted(own["multiple"].unique())} if kind == "perturbation" else {}
        flags |= {"seeds": sorted(own["seed"].unique())}
        commands += [command("runs.connectivity", _where(found, key) | which | flags) for which in _treatments(own)]
    return commands


def wanted_measurements(found: Results, measure: str, root: str | Path) -> list[str]:
    """The commands that would measure the levels that are here, and train what this takes besides."""
    commands = []
    for key in _panels(found.levels):
        own = panel(found.levels, key)
        flags = {"measure": measure, "criterion": ["large_final"], "levels": max(1, int(own["level"].max()))}
        if measure in RANDOM_TOO:
            flags["criterion"].append("random")
            flags["rewind_to"] = [point for point in paper.REWIND_POINTS if point < own["iterations"].max()]
        flags |= {"seeds": sorted(own["seed"].unique()), "results_dir": root}
        commands.append(command("runs.connectivity", _where(found, key) | flags))
    return commands


def wanted_lottery(found: Results, root: str | Path) -> list[str]:
    """The commands that would train what the figure of winning tickets lacks, for each network that is here."""
    commands = []
    for key in _panels(found.levels):
        if missing(found, key):
            own = panel(found.levels, key)
            flags = {"study": "lottery", "networks": key[0], "dataset": key[1], "schedule": key[2]}
            flags |= {"levels": max(1, int(own["level"].max())), "seeds": sorted(own["seed"].unique())}
            flags |= {name: value for name, value in _where(found, key).items() if name in OF_STUDIES}
            commands.append(command("runs.study", flags | {"results_dir": root}))
    return commands


OF_STUDIES = ("learning_rate", "warmup_iterations", "eval_interval")  # settings that studies have flags for


def _where(found: Results, key: Panel) -> dict:
    """The flags that say which runs, with those of the settings that differ from the table's."""
    flags = dict(zip(PANEL, key, strict=True))
    stored = [folder for folder in found.folders if tuple(folder.get(name) for name in PANEL) == key]
    return flags | (_changes(stored[0], key) if stored else {})


def _changes(stored: Mapping, key: Panel) -> dict:
    """Settings of a run that are not the usual ones, by the flags that set them."""
    try:
        usual = json.loads(files.json_bytes(dataclasses.asdict(run_settings(*key, dropout=stored.get("dropout")))))
    except InputError:
        return {}  # a network or schedule that this version does not know
    changes = {"dropout": stored["dropout"]} if stored.get("dropout") else {}
    for group, ending in (("training", ""), ("pruning", "_pruned_fraction")):
        for name, value in stored.get(group, {}).items():
            if name != "iterations" and name in usual.get(group, {}) and value != usual[group][name]:
                changes[name + ending] = value
    return changes


def settings_table(found: Results, keys: Collection[tuple] | None = None) -> pd.DataFrame:
    """Settings of folders of runs, a row a setting, a column a folder.

    Args:
      found: all results.
      keys: network, data set and schedule of the folders that are wanted; the schedule of masks that were learned is
        None. Without keys: every folder.
    """
    wanted = [folder for folder in found.folders if keys is None or tuple(folder.get(name) for name in PANEL) in keys]
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
      A row a network, data set, schedule (or "learned masks"): trainings and hours in all; and a line for each set of
      versions, with the number of trainings.
    """
    times: dict[tuple, list[float]] = {}
    versions: dict[str, int] = {}
    for place, metrics in finished_with_folders(root, kind=None):
        if metrics["kind"] not in TRAININGS:
            continue
        schedule = "learned masks" if metrics["kind"] == "learned_mask" else metrics.get("schedule", "")
        key = (metrics.get("network", run_name(place)), metrics.get("dataset", ""), schedule)
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


def coverage(found: Results, figures: Mapping[str, paper.Figure]) -> pd.DataFrame:
    """How much of each figure of lines is there, wherever anything was pruned, beside what the paper has.

    Returns:
      A row a figure and panel: its lines that are there and those that are missing, seeds, the deepest level, the
      trainings that are there of those that the paper's five seeds and 24 levels take, and how many diverged.
    """
    rows = []
    for key in _panels(found.levels[found.levels["level"] > 0]):
        levels = panel(found.levels, key)
        for name, figure in figures.items():
            wanted = {line: treatment.name for line, treatment in figure.lines.items()}
            own = levels[levels["treatment"].isin(wanted.values())]
            missing = [line for line, treatment in wanted.items() if treatment not in set(own["treatment"])]
            rows.append(
                dict(zip(PANEL, key, strict=True))
                | {
                    "figure": name,
                    "lines there": f"{len(wanted) - len(missing)} of {len(wanted)}",
                    "lines missing": "; ".join(missing) or "none",
                    "seeds": _listed(own["seed"]),
                    "deepest level": int(own["level"].max()) if len(own) else 0,
                    "trainings": f"{len(own)} of {len(wanted) * paper.LEVELS * len(paper.SEEDS)}",
                    "diverged": int((own["status"] == "diverged").sum()),
                }
            )
    return pd.DataFrame(rows)


def supermask_coverage(found: Results) -> pd.DataFrame:
    """The same of Figure 7 and Table 1: which heuristic supermasks and learned masks are there."""
    criteria = [ladder.criterion for ladder in paper.HEURISTIC_MASK_SOURCES]
    rows = []
    for network, dataset in in_order(_networks(found)):
        masks = _rows_of_network(found.supermasks, network, dataset)
        learned = _rows_of_network(found.learned_masks, network, dataset)
        missing = [name for name in criteria if name not in set(masks[masks["source"] == "oneshot"]["criterion"])]
        rows.append(
            {
                "network": network,
                "dataset": dataset,
                "heuristic masks": f"{len(criteria) - len(missing)} of {len(criteria)} criteria",
                "missing": ", ".join(missing) or "none",
                "seeds": _listed(masks["seed"]),
                "untrained baseline": "there" if (masks["criterion"] == UNTRAINED.criterion).any() else "missing",
                "learned masks": len(learned),
                "of kinds": "; ".join(sorted({_kind(row) for row in learned.itertuples()})) or "none",
                "their seeds": _listed(learned["seed"]),
            }
        )
    return pd.DataFrame(rows)


def dense_seeds(found: Results) -> pd.DataFrame:
    """Which dense networks are there."""
    rows = []
    for key in _panels(found.levels):
        own = panel(found.levels, key)
        dense = own[own["treatment"] == DENSE]
        rows.append(
            dict(zip(PANEL, key, strict=True))
            | {
                "dense networks of seeds": _listed(dense["seed"]),
                "treatments": own["treatment"].nunique() - (len(dense) > 0),
                "trained levels": len(own),
            }
        )
    return pd.DataFrame(rows)


def _panels(rows: pd.DataFrame) -> list[Panel]:
    return in_order(panels(rows))


def _networks(found: Results) -> set[tuple[str, str]]:
    frames = (found.levels, found.supermasks, found.learned_masks)
    return {key for frame in frames for key in frame[["network", "dataset"]].itertuples(index=False, name=None)}


def _rows_of_network(frame: pd.DataFrame, network: str, dataset: str) -> pd.DataFrame:
    return frame[(frame["network"] == network) & (frame["dataset"] == dataset)]


def _kind(row) -> str:
    return f"{row.weights.replace('_', ' ')}{', rescaled' if row.rescale else ''}"


def _listed(seeds: Sequence[int] | Iterable[int]) -> str:
    return ", ".join(map(str, sorted(set(seeds)))) or "none"
