"""The commands that make what a results folder has, and what it lacks.

Functions named `..._commands` return the commands behind results that are there; those named `missing_...` return
commands for results that are not.
"""

from __future__ import annotations

import dataclasses
import json
import shlex
from collections.abc import Collection, Mapping
from pathlib import Path

import pandas as pd

from analysis.results import lottery_lines
from analysis.results.columns import ADDED_LATER, FRAMES
from analysis.results.load import Results
from analysis.results.select import PANEL, Panel, ordered_panels, panel
from lottery_tf.errors import InputError
from lottery_tf.models.settings import run_settings
from lottery_tf.models.table_s1 import NETWORKS
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.results import files
from lottery_tf.studies import paper

Flags = Mapping[str, object]  # flag -> its value; True stands alone, a collection is a comma list

ACTIONS = ("criterion", "mask1", "mask0")
APPLIED = {  # how a treatment is applied -> what is usual
    field.name: field.default for field in dataclasses.fields(Treatment) if field.name not in ACTIONS
}
FLAGS = {"chosen_kept_fraction": "kept_fraction"}  # columns whose flag has another name
GROUPINGS = (("mask1", "mask0"), ("criterion", "mask0"), ("criterion", "mask1"))  # what one command's treatments share
LEARNED = (
    "weights", "rescale", "g", "optimizer", "learning_rate", "batch_size", "iterations", "l1", "decay", "precision",
)  # fmt: skip


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


def training_commands(results: Results, figure: paper.Figure) -> list[str]:
    """The commands that train what is here of a figure's treatments: a few for each panel."""
    commands = []
    wanted = {treatment.name for treatment in figure.lines.values()}
    for key in ordered_panels(results.levels):
        own = panel(results.levels, key)
        own = own[own["treatment"].isin(wanted)]
        if len(own):
            rest = {"levels": int(own["level"].max()), "seeds": sorted(own["seed"].unique())}
            commands += [command("runs.lottery", _where(results, key) | which | rest) for which in _treatments(own)]
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


def supermask_commands(results: Results) -> list[str]:
    """The commands that evaluate the heuristic supermasks and learn the masks that are here."""
    commands = []
    masks = results.supermasks[results.supermasks["source"] == "oneshot"]
    for key in ordered_panels(masks):
        own = panel(masks, key)
        flags = {"criterion": list(own["criterion"].unique()), "levels": int(own["level"].max())}
        commands.append(
            command("runs.supermask", _where(results, key) | flags | {"seeds": sorted(own["seed"].unique())})
        )
    for values, own in results.learned_masks.groupby(["network", "dataset", *LEARNED], sort=False, dropna=False):
        flags = dict(zip(("network", "dataset", *LEARNED), values, strict=True))
        kept = own["chosen_kept_fraction"].dropna().unique()
        start = {"kept_fraction": list(kept)} if len(kept) else {"initial_logit": list(own["initial_logit"].unique())}
        flags |= {"iterations": int(flags["iterations"]), "batch_size": int(flags["batch_size"])} | start
        left_out = [name for name, value in flags.items() if isinstance(value, bool | float) and not value]
        left_out += [name for name, usual in ADDED_LATER.items() if flags[name] == usual]
        flags = {
            name: bool(value) if name == "rescale" else value for name, value in flags.items() if name not in left_out
        }
        commands.append(command("runs.learn_mask", flags | {"seeds": sorted(own["seed"].unique())}))
    return commands


def control_commands(results: Results) -> list[str]:
    """The commands that train the controls that are here."""
    commands = []
    for key in ordered_panels(results.controls):
        own = panel(results.controls, key)
        flags = {"controls": list(own["control"].unique()), "control_draws": int(own["draw"].max())}
        flags |= {"levels": int(own["level"].max()), "seeds": sorted(own["seed"].unique())}
        commands += [command("runs.lottery", _where(results, key) | which | flags) for which in _treatments(own)]
    return commands


MEASURED_BY = {  # kind of result -> the measure of runs.landscape that makes it
    "line": "lines", "perturbation": "robustness", "spectrum": "flatness", "ray": "flatness", "limit": "limit",
    "threshold": "magnitudes", "histogram": "magnitudes",
}  # fmt: skip
RANDOM_TOO = ("lines",)  # measures that the random criterion is measured for as well
SOME_LEVELS = ("robustness", "flatness", "limit")  # measures that are made at the levels that are asked for


def measurement_commands(results: Results, kind: str) -> list[str]:
    """The commands that measure what is here of a kind; settings that its table does not have are the usual ones."""
    commands, measure, rows = [], MEASURED_BY[kind], getattr(results, FRAMES[kind])
    rows = rows[rows["criterion"] != ""]  # the line between any two results is no treatment's
    for key in ordered_panels(rows):
        own = panel(rows, key)
        deepest = max([*panel(results.levels, key)["level"], *own["level"]])
        flags = {"measure": measure, "levels": int(deepest)}
        flags |= {"at": sorted(own["level"].unique())} if measure in SOME_LEVELS else {}
        flags |= {"multiples": sorted(own["multiple"].unique())} if kind == "perturbation" else {}
        flags |= {"seeds": sorted(own["seed"].unique())}
        commands += [command("runs.landscape", _where(results, key) | which | flags) for which in _treatments(own)]
    return commands


def missing_measurements(results: Results, measure: str, root: str | Path) -> list[str]:
    """The commands that would measure the levels that are here, and train what this takes besides."""
    commands = []
    for key in ordered_panels(results.levels):
        own = panel(results.levels, key)
        flags = {"measure": measure, "criterion": ["large_final"], "levels": max(1, int(own["level"].max()))}
        if measure in RANDOM_TOO:
            flags["criterion"].append("random")
            flags["rewind_to"] = [point for point in paper.REWIND_POINTS if point < own["iterations"].max()]
        flags |= {"seeds": sorted(own["seed"].unique()), "results_dir": root}
        commands.append(command("runs.landscape", _where(results, key) | flags))
    return commands


def missing_lottery(results: Results, root: str | Path) -> list[str]:
    """The commands that would train what the figure of winning tickets lacks, for each network that is here."""
    commands = []
    for key in ordered_panels(results.levels):
        if lottery_lines.missing(results, key):
            own = panel(results.levels, key)
            flags = {"study": "lottery", "networks": key[0], "dataset": key[1], "schedule": key[2]}
            flags |= {"levels": max(1, int(own["level"].max())), "seeds": sorted(own["seed"].unique())}
            flags |= {name: value for name, value in _where(results, key).items() if name in OF_STUDIES}
            commands.append(command("runs.study", flags | {"results_dir": root}))
    return commands


OF_STUDIES = (
    "learning_rate",
    "warmup_iterations",
    "eval_interval",
    "precision",
    "decay",
)  # settings that studies have flags for


def _where(results: Results, key: Panel) -> dict:
    """The flags that say which runs, with those of the settings that differ from the table's."""
    flags = {name: value for name, value in zip(PANEL, key, strict=True) if value != "float32"}
    stored = [folder for folder in results.folders if tuple(folder.get(name) for name in PANEL) == key]
    return flags | (_changes(stored[0], key) if stored else {})


def _changes(stored: Mapping, key: Panel) -> dict:
    """Settings of a run that are not the usual ones, by the flags that set them."""
    try:
        usual = json.loads(
            files.json_bytes(
                dataclasses.asdict(run_settings(*key[:3], precision=key[3], dropout=stored.get("dropout")))
            )
        )
    except InputError:
        return {}  # a network or schedule that this version does not know
    changes = {"dropout": stored["dropout"]} if stored.get("dropout") else {}
    for group, ending in (("training", ""), ("pruning", "_pruned_fraction")):
        for name, value in stored.get(group, {}).items():
            if name != "iterations" and name in usual.get(group, {}) and value != usual[group][name]:
                changes[name + ending] = value
    return changes
