"""Lottery tickets, deconstructed: find, take apart and keep sparse subnetworks of Keras models.

What is listed here is the public interface. It is imported when it is first used, so that the pure NumPy parts
(criteria, actions, masks, results) load in milliseconds, without TensorFlow.
"""

import importlib

_HOMES = {
    "CRITERIA": "criteria",
    "MASK0": "actions",
    "MASK1": "actions",
    "DATASETS": "settings",
    "NETWORKS": "settings",
    "SCHEDULES": "settings",
    "PruningSettings": "settings",
    "RunSettings": "settings",
    "TrainingSettings": "settings",
    "run_settings": "settings",
    "Dataset": "data",
    "Split": "data",
    "load": "data",
    "DamagedFile": "errors",
    "InputError": "errors",
    "Result": "store",
    "MemoryResults": "store",
    "ResultsFolder": "store",
    "finished": "store",
    "Ticket": "treatments",
    "Treatment": "treatments",
    "next_ticket": "treatments",
    "MaskedConv1D": "layers",
    "MaskedConv2D": "layers",
    "MaskedConv3D": "layers",
    "MaskedDense": "layers",
    "build": "networks",
    "masked": "networks",
    "unmasked": "networks",
    "compact": "compaction",
    "Trainer": "training",
    "Stretch": "training",
    "CONTROLS": "controls",
    "Evaluator": "landscape.evaluator",
    "line": "landscape.paths",
    "barrier": "landscape.paths",
    "successive": "landscape.paths",
    "Curvature": "landscape.curvature",
    "OneShot": "landscape.pruning_limit",
    "instability": "landscape.stability",
    "robustness": "landscape.stability",
    "below_threshold": "landscape.retraining",
    "MaskedModel": "supermask",
    "MaskLearner": "mask_learning",
    "MaskSettings": "mask_settings",
    "HeuristicSupermasks": "heuristics",
    "Ladder": "heuristics",
    "PackedTicket": "tickets",
    "pack_supermask": "tickets",
    "pack_trained": "tickets",
    "rebuild": "tickets",
    "Experiment": "pruning",
    "paper_experiment": "pruning",
}

__all__ = sorted(_HOMES)  # noqa: PLE0605


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"module 'lottery_tf' has no attribute {name!r}")
    return getattr(importlib.import_module(f"lottery_tf.{_HOMES[name]}"), name)


def __dir__():
    return __all__
