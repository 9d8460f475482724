"""The commands that make the results of a folder, and the commands that would make its missing results.

Functions named `..._commands` return the commands behind existing results. Functions named `missing_...` return
commands for missing results.
"""

from __future__ import annotations

import dataclasses
import json
import shlex
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import pandas as pd

from analysis.results import lottery_lines
from analysis.results.columns import ADDED_LATER, FRAMES, FURTHER_MASK_SETTINGS, MASK_TRAINING, ONE_SHOT_SOURCE
from analysis.results.load import Results
from analysis.results.select import PANEL, Panel, ordered_panels, panel
from analysis.results.treatment_names import scope_of
from lottery_tf.errors import InputError
from lottery_tf.landscape.measurements.catalogue import MEASUREMENTS
from lottery_tf.models.settings import experiment_settings
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.results import files
from lottery_tf.studies import paper

Flags = Mapping[str, object]  # flag -> its value; True is a flag without a value, a collection a comma-separated list

ACTIONS = ("criterion", "mask1", "mask0")
APPLIED = {  # field that says how a treatment is applied -> its default
    field.name: field.default for field in dataclasses.fields(Treatment) if field.name not in ACTIONS
}
FLAGS = {"chosen_kept_fraction": "kept_fraction"}  # column -> its flag, where their names differ
GROUPINGS = (("mask1", "mask0"), ("criterion", "mask0"), ("criterion", "mask1"))  # fields that one command fixes
LEARNED = ("network", "dataset", "weights", "rescale", "g", "l1", *FURTHER_MASK_SETTINGS, *MASK_TRAINING)


def command(module: str, flags: Flags) -> str:
    """Returns a command line, quoted for a shell.

    >>> command("runs.lottery", {"network": "fc", "seeds": (0, 1), "rescale": True, "results_dir": "my results"})
    "python -m runs.lottery --network=fc --seeds=0,1 --rescale '--results_dir=my results'"
    """
    return shlex.join(["python", "-m", module, *(_flag(name, value) for name, value in flags.items())])


def _flag(name: str, value: object) -> str:
    if value is True:
        return f"--{name}"
    many = isinstance(value, Collection) and not isinstance(value, str)
    return f"--{name}={','.join(map(str, value)) if many else value}"


def _by_panel(results: Results, rows: pd.DataFrame) -> Iterator[tuple[Panel, pd.DataFrame, dict]]:
    """Yields each panel of some rows, its rows, and the flags of its network, data set, schedule and settings."""
    for key in ordered_panels(rows):
        yield key, panel(rows, key), _panel_flags(results, key)


def _extent(rows: pd.DataFrame) -> dict:
    """Returns the flags of the deepest level, at least 1, and of the seeds of some rows."""
    return {"levels": max(1, int(rows["level"].max())), "seeds": sorted(rows["seed"].unique())}


def training_commands(results: Results, figure: paper.Figure) -> list[str]:
    """Returns the commands that train those treatments of a figure that have results: a few for each panel."""
    rows = results.levels[results.levels["treatment"].isin([treatment.name for treatment in figure.lines.values()])]
    return [
        command("runs.lottery", base | which | _extent(levels))
        for _, levels, base in _by_panel(results, rows)
        for which in _treatments(levels)
    ]


def _treatments(levels: pd.DataFrame) -> list[dict]:
    """Returns the flags of the fewest commands that train exactly these treatments of one network."""
    flags_of_commands = []
    for values, of_setting in levels.groupby(list(APPLIED), sort=False, dropna=False):
        applied = dict(zip(APPLIED, values, strict=True))
        usual = APPLIED | {"scope": scope_of(of_setting["network"].iloc[0])}
        unusual = {name: value for name, value in applied.items() if not pd.isna(value) and value != usual[name]}
        unusual = {FLAGS.get(name, name): value for name, value in unusual.items()}
        ways = []
        for shared in GROUPINGS:
            groups = of_setting[list(ACTIONS)].drop_duplicates().groupby(list(shared), sort=False)
            ways.append([{name: list(group[name].unique()) for name in ACTIONS} | unusual for _, group in groups])
        flags_of_commands += min(ways, key=len)
    return flags_of_commands


def supermask_commands(results: Results) -> list[str]:
    """Returns the commands behind the heuristic Supermasks and the learned masks of these results."""
    masks = results.supermasks[results.supermasks["source"] == ONE_SHOT_SOURCE]
    commands = [
        command("runs.supermask", base | {"criterion": list(of_panel["criterion"].unique())} | _extent(of_panel))
        for _, of_panel, base in _by_panel(results, masks)
    ]
    for values, of_setting in results.learned_masks.groupby([*LEARNED], sort=False, dropna=False):
        flags = dict(zip(LEARNED, values, strict=True))
        kept = of_setting["chosen_kept_fraction"].dropna().unique()
        logits = of_setting["initial_logit"].unique()
        start = {"kept_fraction": list(kept)} if len(kept) else {"initial_logit": list(logits)}
        flags |= {"iterations": int(flags["iterations"]), "batch_size": int(flags["batch_size"])} | start
        left_out = [name for name, value in flags.items() if isinstance(value, bool | float) and not value]
        left_out += [name for name, usual in ADDED_LATER.items() if flags[name] == usual]
        flags = {
            name: bool(value) if name == "rescale" else value for name, value in flags.items() if name not in left_out
        }
        commands.append(command("runs.learn_mask", flags | {"seeds": sorted(of_setting["seed"].unique())}))
    return commands


def control_commands(results: Results) -> list[str]:
    """Returns the commands that train the controls of these results."""
    commands = []
    for _, of_panel, base in _by_panel(results, results.controls):
        flags = {"controls": list(of_panel["control"].unique()), "control_draws": int(of_panel["draw"].max())}
        flags |= _extent(of_panel)
        commands += [command("runs.lottery", base | which | flags) for which in _treatments(of_panel)]
    return commands


MEASURED_BY = {  # kind of result -> the first measurement of runs.landscape that makes it
    kind: name for name, measurement in reversed(MEASUREMENTS.items()) for kind in measurement.kinds
}
RANDOM_TOO = ("lines",)  # measurements that also need the random criterion


def measurement_commands(results: Results, kind: str) -> list[str]:
    """Returns the commands behind the measurements of a kind; settings that are not stored have their defaults."""
    commands, measurement, rows = [], MEASURED_BY[kind], getattr(results, FRAMES[kind])
    rows = rows[rows["criterion"] != ""]  # a line between two arbitrary results belongs to no treatment
    for key, measured, base in _by_panel(results, rows):
        deepest = max([*panel(results.levels, key)["level"], *measured["level"]])
        flags = {"measure": measurement, "levels": int(deepest)}
        flags |= {} if MEASUREMENTS[measurement].everywhere else {"at": sorted(measured["level"].unique())}
        flags |= {"multiples": sorted(measured["multiple"].unique())} if kind == "perturbation" else {}
        flags |= {"seeds": sorted(measured["seed"].unique())}
        commands += [command("runs.landscape", base | which | flags) for which in _treatments(measured)]
    return commands


def missing_measurements(results: Results, measurement: str, root: str | Path) -> list[str]:
    """Returns the commands that would make a measurement at the existing levels, with the trainings that it needs."""
    commands = []
    for _, levels, base in _by_panel(results, results.levels):
        extent = _extent(levels)
        flags = {"measure": measurement, "criterion": ["large_final"], "levels": extent["levels"]}
        if measurement in RANDOM_TOO:
            flags["criterion"].append("random")
            flags["rewind_to"] = [point for point in paper.REWIND_POINTS if point < levels["iterations"].max()]
        commands.append(command("runs.landscape", base | flags | extent | {"results_dir": root}))
    return commands


def missing_lottery(results: Results, root: str | Path) -> list[str]:
    """Returns the commands that would train the missing lines of the figure of winning tickets, for each network."""
    return [
        command(
            "runs.study",
            {"study": "lottery", "networks": key.network, "dataset": key.dataset, "schedule": key.schedule}
            | _extent(levels)
            | {name: value for name, value in base.items() if name not in ("network", "dataset", "schedule")}
            | {"results_dir": root},
        )
        for key, levels, base in _by_panel(results, results.levels)
        if lottery_lines.missing(results, key)
    ]


def _panel_flags(results: Results, key: Panel) -> dict:
    """Returns the flags of a panel: its network, data set and schedule, and the settings that are not the default."""
    flags = {name: value for name, value in key._asdict().items() if value != "float32"}
    stored = [folder for folder in results.folders if tuple(folder.get(name) for name in PANEL) == key]
    return flags | (_changed_settings(stored[0], key) if stored else {})


def _changed_settings(stored: Mapping, key: Panel) -> dict:
    """Returns the settings of an experiment that are not the default, as flags with values."""
    try:
        usual = json.loads(
            files.json_bytes(dataclasses.asdict(experiment_settings(**key._asdict(), dropout=stored.get("dropout"))))
        )
    except InputError:
        return {}  # this version does not know the network or schedule
    changes = {"dropout": stored["dropout"]} if stored.get("dropout") else {}
    for group, ending in (("training", ""), ("pruning", "_pruned_fraction")):
        for name, value in stored.get(group, {}).items():
            if name != "iterations" and name in usual.get(group, {}) and value != usual[group][name]:
                changes[name + ending] = value
    return changes
