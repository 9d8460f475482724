"""The modules of version 0.1.0 by their old names. They can still be imported, and warn.

These are the modules that the documentation named, and those that defined a public name.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import sys
import types
from collections.abc import Callable
from typing import Any

from lottery_tf.old_names import warn_of

PACKAGE = "lottery_tf"

OLD_MODULES = {  # old module -> the modules in which its names are now
    "actions": ("pruning.mask1_actions", "pruning.mask0_actions"),
    "compaction": ("masking.compaction",),
    "controls": ("pruning.controls",),
    "criteria": ("pruning.criteria",),
    "data": ("datasets.dataset", "datasets.splits", "datasets.loading"),
    "heuristics": ("supermasks.heuristics", "supermasks.mask_sources"),
    "landscape.paths": ("landscape.interpolation",),
    "layers": ("masking.layers",),
    "mask_learning": ("supermasks.learning",),
    "mask_settings": ("supermasks.mask_settings",),
    "masks": ("pruning.masks", "pruning.ranking", "pruning.kept_counts"),
    "networks": ("models.networks", "masking.model_weights", "masking.conversion", "masking.initial_weights"),
    "settings": ("models.table_s1", "models.settings"),
    "store": ("results.store", "results.stored_result", "results.result_files", "results.walk", "results.paths"),
    "supermask": ("supermasks.mask_settings", "supermasks.gates", "supermasks.masked_model"),
    "treatments": ("pruning.treatments", "pruning.ranking"),
}
RENAMED = {  # names that have changed too, and those of modules in whose place there is a package
    "actions.GOES_ON": "pruning.mask1_actions.CONTINUE_TRAINING",
    "actions.MASK0_OFFERS": "pruning.mask0_actions.MASK0_ARGUMENTS",
    "actions.MASK1_OFFERS": "pruning.mask1_actions.MASK1_ARGUMENTS",
    "controls.check": "pruning.controls.check_control",
    "controls.control_place": "results.paths.control_path",
    "criteria.OFFERS": "pruning.criteria.CRITERION_ARGUMENTS",
    "heuristics.Ladder": "supermasks.mask_sources.MaskSource",
    "heuristics.supermask_place": "results.paths.supermask_path",
    "landscape.paths.Measured": "landscape.interpolation.LossAndError",
    "landscape.paths.Path": "landscape.interpolation.LossPath",
    "mask_learning.compiled": "supermasks.learning.compiled_settings",
    "masks.check": "pruning.masks.check_mask",
    "masks.ladder": "pruning.kept_counts.kept_fractions",
    "masks.pack": "pruning.masks.pack_mask",
    "masks.unpack": "pruning.masks.unpack_mask",
    "networks.get_state": "masking.model_weights.get_weights",
    "networks.initial_state": "masking.initial_weights.initial_weights",
    "networks.set_state": "masking.model_weights.set_weights",
    "pruning.Experiment": "experiment.Experiment",
    "pruning.paper_experiment": "paper_networks.paper_experiment",
    "settings.RunSettings": "models.settings.ExperimentSettings",
    "settings.run_settings": "models.settings.experiment_settings",
    "store.Result": "results.stored_result.StoredResult",
    "store.Snapshot": "training.checkpoint.Checkpoint",
    "store.finished_places": "results.walk.finished_with_folders",
    "store.level_place": "results.paths.level_path",
    "store.rewind_place": "results.paths.rewind_point_path",
    "tickets.Size": "tickets.packing.Size",
    "tickets.pack_supermask": "tickets.packing.pack_supermask",
    "tickets.pack_trained": "tickets.packing.pack_trained",
    "tickets.rebuild": "tickets.packing.rebuild",
    "tickets.sizes": "tickets.packing.sizes",
    "training.Stretch": "training.training_result.IterationRange",
    "training.Trained": "training.training_result.TrainingResult",
    "training.Trainer": "training.trainer.Trainer",
    "treatments.State": "pruning.treatments.Weights",
}


def old_attributes(old: str) -> Callable[[str], Any]:
    """Returns the `__getattr__` of an old module: it takes a name from where it is now, and warns."""

    def get(name: str) -> Any:
        renamed = RENAMED.get(f"{old}.{name}")
        for path in (renamed,) if renamed else [f"{home}.{name}" for home in OLD_MODULES.get(old, ())]:
            home, _, new = path.rpartition(".")
            module = importlib.import_module(f"{PACKAGE}.{home}")
            if hasattr(module, new) and not name.startswith("_"):
                value, package = getattr(module, new), sys.modules[PACKAGE]
                public = new in package.__all__ and getattr(package, new) is value
                warn_of(f"{PACKAGE}.{old}.{name}", f"{PACKAGE}.{new if public else path}")
                return value
        raise AttributeError(f"module '{PACKAGE}.{old}' has no attribute {name!r}")

    return get


class OldModules(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the old modules where Python finds no file."""

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        """Returns the spec of an old module, and None for all others."""
        package, _, old = fullname.partition(".")
        found = package == PACKAGE and old in OLD_MODULES
        return importlib.machinery.ModuleSpec(fullname, self) if found else None

    def exec_module(self, module: types.ModuleType) -> None:
        """Imports the new modules, which registers their layers with Keras, and warns."""
        old = module.__name__.partition(".")[2]
        homes = [f"{PACKAGE}.{home}" for home in OLD_MODULES[old]]
        for home in homes:
            importlib.import_module(home)
        warn_of(module.__name__, ", ".join(homes))
        vars(module)["__getattr__"] = old_attributes(old)
