"""What an experiment says of itself beside its results, so that it never takes another one's for its own."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import keras

from lottery_tf.dataset import Dataset
from lottery_tf.masking import model_weights
from lottery_tf.models.architecture import describe_architecture
from lottery_tf.models.settings import PruningSettings, TrainingSettings
from lottery_tf.results.paths import EXPERIMENT_RECORD, LEARNER_RECORD
from lottery_tf.results.record import check_record
from lottery_tf.results.store import MemoryResults, ResultsFolder
from lottery_tf.results.stored_result import StoredResult
from lottery_tf.training.scaling import Scaling

# What the path of a learned mask says (`paths.learned_mask_path`); masks that differ there share a folder.
IN_MASK_PATHS = ("iterations", "learning_rate", "optimizer", "batch_size", "precision", "decay")


def record_experiment(
    results: MemoryResults | ResultsFolder,
    model: keras.Model,
    dataset: Dataset,
    training: TrainingSettings,
    pruning: PruningSettings,
    **further: Any,
) -> None:
    """Records an experiment with its results.

    Args:
      results: where they are kept.
      model: the model, its kernels masked.
      dataset: the images.
      training: how each network is trained.
      pruning: how much each round prunes.
      **further: what else its results depend on, JSON values only.

    Raises:
      InputError: results of another experiment are there; the message shows the differences.
    """
    about = _about(model, dataset) | {
        "training": dataclasses.asdict(training),
        "pruning": dataclasses.asdict(pruning),
        **further,
    }
    if (older := results.unrecorded_level(EXPERIMENT_RECORD)) is not None:
        _check_older(older, model, training, results.path)
    results.record(EXPERIMENT_RECORD, about)


def record_learner(
    results: MemoryResults | ResultsFolder,
    model: keras.Model,
    dataset: Dataset,
    training: TrainingSettings,
    **further: Any,
) -> None:
    """The same for learned masks, whose paths say most of how they are trained."""
    own = {name: value for name, value in dataclasses.asdict(training).items() if name not in IN_MASK_PATHS}
    results.record(LEARNER_RECORD, _about(model, dataset) | {"training": own, **further})


def _about(model: keras.Model, dataset: Dataset) -> dict:
    train = dataset.train
    return {
        "model": describe_architecture(model),
        "data": dataset.fingerprint,
        "images": str(Scaling(model, train.images, train.divide_by)),
    }


def _check_older(level: StoredResult, model: keras.Model, training: TrainingSettings, path: Path) -> None:
    """Raises InputError where a level that is older than the record is not of this model or this length."""
    iterations = level.metrics["iterations"] if level.metrics["status"] == "finished" else training.iterations
    there = {"kernels": [list(kept.shape) for kept in level.mask.values()], "iterations": iterations}
    here = {"kernels": [list(kernel.kernel.shape) for kernel in model_weights.masked_kernels(model).values()]}
    check_record(there, here | {"iterations": training.iterations}, path)
