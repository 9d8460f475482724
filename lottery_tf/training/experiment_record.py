"""Records what an experiment's results depend on, so that it never uses results of another experiment."""

from __future__ import annotations

import dataclasses
from typing import Any

import keras

from lottery_tf.datasets.dataset import Dataset
from lottery_tf.masking import model_weights
from lottery_tf.masking.naming import numbered_by_rank
from lottery_tf.models.architecture import describe_architecture
from lottery_tf.models.settings import PruningSettings, TrainingSettings
from lottery_tf.models.untrained_network import AS_GIVEN, Initial, UntrainedNetwork
from lottery_tf.results.paths import EXPERIMENT_RECORD, IN_MASK_PATHS, LEARNER_RECORD
from lottery_tf.results.record import check_record
from lottery_tf.results.store import MemoryResults, ResultsFolder
from lottery_tf.results.stored_result import StoredResult, diverged, fingerprint
from lottery_tf.training.scaling import Scaling


def record_experiment(
    results: MemoryResults | ResultsFolder,
    model: keras.Model,
    dataset: Dataset,
    training: TrainingSettings,
    pruning: PruningSettings,
    **further: Any,
) -> None:
    """Records an experiment with its results.

    `further` are other values that the results depend on, as JSON values.

    Raises:
      InputError: the results belong to another experiment; the message shows the differences.
    """
    about = _about(model, dataset) | {
        "training": dataclasses.asdict(training),
        "pruning": dataclasses.asdict(pruning),
        **further,
    }
    if (older := results.unrecorded_level(EXPERIMENT_RECORD)) is not None:
        _check_older(older, model, training, results)
    results.record(EXPERIMENT_RECORD, about)


def record_learner(
    results: MemoryResults | ResultsFolder,
    model: keras.Model,
    dataset: Dataset,
    training: TrainingSettings,
    **further: Any,
) -> None:
    """Records a learner of masks like an experiment, without the settings that are in the masks' paths."""
    recorded = {name: value for name, value in dataclasses.asdict(training).items() if name not in IN_MASK_PATHS}
    results.record(LEARNER_RECORD, _about(model, dataset) | {"training": recorded, **further})


def describe_initial(initial: Initial | None, network: UntrainedNetwork) -> str:
    """Says where untrained weights are from; those of a given model are identified by a hash."""
    if initial is None:
        return "drawn for each seed"
    return f"the model's own ({fingerprint(network.initial(0), {})})" if initial == AS_GIVEN else "from a function"


def _about(model: keras.Model, dataset: Dataset) -> dict:
    train = dataset.train
    return {
        "model": describe_architecture(model),
        "names": numbered_by_rank(model_weights.kernels(model)),
        "data": dataset.fingerprint,
        "images": str(Scaling(model, train.images, train.divide_by)),
    }


def _check_older(level: StoredResult, model: keras.Model, training: TrainingSettings, results: Any) -> None:
    """Raises InputError if a level that is older than the record belongs to another model or another length."""
    iterations = training.iterations if diverged(level.metrics) else level.metrics["iterations"]
    there = {"kernels": [list(kept.shape) for kept in level.mask.values()], "iterations": iterations}
    here = {"kernels": [list(kernel.variable.shape) for kernel in model_weights.masked_kernels(model).values()]}
    check_record(there, here | {"iterations": training.iterations}, results.path)
