"""Learns Supermasks: trains the logits of a `MaskedModel` and stores the most likely mask."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple, Self

import keras
import numpy as np

from lottery_tf.argument_checks.signatures import checked
from lottery_tf.argument_checks.validation import FilePath, Index, NotNegative
from lottery_tf.datasets.dataset import Dataset, as_dataset
from lottery_tf.masking import conversion, initial_weights, model_weights
from lottery_tf.models import networks
from lottery_tf.models.settings import TrainingSettings
from lottery_tf.old_names import old_name
from lottery_tf.pruning import masks, treatments
from lottery_tf.pruning.treatments import Ticket
from lottery_tf.results import files
from lottery_tf.results.files import finite
from lottery_tf.results.paths import learned_mask_path, learned_masks_folder
from lottery_tf.results.store import MemoryResults, ResultsFolder
from lottery_tf.results.stored_result import DIVERGED, FINISHED, StoredResult
from lottery_tf.seeds import draw_seed, generator
from lottery_tf.supermasks.mask_settings import MaskSettings, common_settings, logits_by_kernel
from lottery_tf.supermasks.masked_model import MaskedModel, untrained_kernels
from lottery_tf.system.origin import origin
from lottery_tf.training.checkpoint import CHECKPOINT_SECONDS, checkpoint_in
from lottery_tf.training.experiment_record import record_learner
from lottery_tf.training.level_metrics import own_readings
from lottery_tf.training.objective import ObjectiveSettings
from lottery_tf.training.trainer import Trainer
from lottery_tf.training.training_result import TrainingResult
from lottery_tf.training.watched import watched
from lottery_tf.training.watchers import check_callbacks


def compiled_settings(settings: MaskSettings) -> MaskSettings:
    """Returns the settings with default weights, multiplier and logits, because these need no new compilation.

    Settings that are then equal share a compiled model.

    >>> settings = MaskSettings("signed_constant", rescale=True, initial_logit=2.0)
    >>> compiled_settings(settings) == MaskSettings(rescale=True)
    True
    """
    return dataclasses.replace(settings, weights="initial", initial_logit=0.0, weight_multiplier=1.0)


class _CompiledModel(NamedTuple):
    """A masked model, its weights when it was made, and its trainer, for some `compiled_settings`."""

    model: MaskedModel
    start: treatments.Weights
    trainer: Trainer


class _MaskMeasurements(NamedTuple):
    """The most likely mask of a masked model, the test accuracy of this mask, and the pruned fractions."""

    mask: masks.Mask
    accuracy: float
    pruned_fraction: float | None
    pruned_by_layer: dict[str, float | None]


@checked
class MaskLearner:
    """Learns Supermasks of one network on one data set, for given settings and any seeds.

    `with_settings` makes learners for other settings, which share the images. They also share the compiled model if the
    settings differ only in weights and logits: compiling takes seconds, and TensorFlow never frees its memory.

    Args:
      network: a built Keras model; each seed draws its kernels anew.
      dataset: the images: a `Dataset`, or the sources of its three splits.
      settings: the settings of the Supermask.
      training: the settings with which it is trained.
      results: where masks are stored; None keeps them in memory.
      labels: further metrics of every mask (network, dataset).
      snapshot_seconds: the shortest time between two checkpoints.
      best_by: the reading of the validation images that chooses the stored mask; None: the accuracy, or the loss if a
        loss is given.
      callbacks: Keras callbacks that watch the training.
      on_steps: function that is called with the number of training steps just done.
      on_reading: function that is called after each reading of the validation images, with its numbers by name and the
        seed.
      **objective: other losses, metrics and optimizers of Keras, as for an `Experiment`: see `lt.ObjectiveSettings`.
    """

    def __init__(
        self,
        network: keras.Model,
        dataset: Any,
        settings: MaskSettings,
        training: TrainingSettings,
        *,
        results: MemoryResults | ResultsFolder | None = None,
        labels: Mapping[str, str | float | bool] | None = None,
        snapshot_seconds: NotNegative = CHECKPOINT_SECONDS,
        best_by: str | None = None,
        callbacks: Sequence[keras.callbacks.Callback] = (),
        on_steps: Callable[[int], None] = lambda count: None,
        on_reading: Callable[[dict], None] = lambda reading: None,
        **objective: Annotated[Any, ObjectiveSettings],
    ):
        objective["best_by"] = best_by or ("accuracy" if objective.get("loss") is None else "loss")
        described = ObjectiveSettings(**objective).describe()
        self._optimizer = described.pop("optimizer")  # it is in the masks' paths
        self._network = conversion.masked_copy(network)
        self._untrained = model_weights.get_weights(self._network)
        dataset = as_dataset(dataset)
        check_callbacks(callbacks)
        self._callbacks = callbacks
        if results is not None:
            record_learner(results, self._network, dataset, training, **described)
        self.training = training
        self.results = MemoryResults() if results is None else results
        self._labels = dict(labels or {})
        self._snapshot_seconds = snapshot_seconds
        self._on_steps = on_steps
        self._on_reading = on_reading
        self._plain_network = conversion.unmasked(self._network)  # evaluates the most likely mask
        self._plain_trainer = Trainer(self._plain_network, dataset, training, **objective)
        self._compiled: dict[MaskSettings, _CompiledModel] = {}
        self._use(settings)

    def with_settings(self, settings: MaskSettings) -> Self:
        """Returns a learner for other settings, with the same network, images and results.

        Raises:
          InputError: initial logits are missing for a kernel, or given for an unknown kernel.
        """
        other = copy.copy(self)
        other._use(settings)
        return other

    of = old_name("of", "with_settings")

    def _use(self, settings: MaskSettings) -> None:
        self.settings, shared = settings, compiled_settings(settings)
        if shared not in self._compiled:
            model = MaskedModel(self._network, **dataclasses.asdict(shared))
            weights = model_weights.get_weights(model)
            self._compiled[shared] = _CompiledModel(model, weights, self._plain_trainer.with_model(model))
        self.model, start, self._trainer = self._compiled[shared]
        self._start = start | self._initial_logits()

    def _initial_logits(self) -> treatments.Weights:
        """Returns the initial logits of all kernels, by the names of the masked model's weights."""
        given, names = self.settings.initial_logit, self.model.kernel_names
        values = logits_by_kernel(dict(given) if isinstance(given, tuple) else given, names)
        return {
            f"{mask.name}/logits": np.full(mask.logits.shape, values[name], np.float32)
            for name, mask in zip(names, self.model.masks, strict=True)
        }

    def learn(self, seed: Index) -> StoredResult:
        """Learns the mask of a seed, or finds it in the results.

        Returns:
          A result with the most likely mask at the iteration of the best reading (`best_by`; by default of the highest
          validation accuracy). Its final weights are the logits at this iteration.
        """
        result_path = learned_mask_path(self.settings.name, self.training, seed, self._optimizer_name)
        with self.results.lock(result_path):
            found = self.results.read(result_path, weights=True)
            return self._learn_and_store(seed, result_path) if found is None else found

    @property
    def _optimizer_name(self) -> str:
        """The part of a mask's path that identifies an optimizer that replaces that of the settings."""
        if self._optimizer is None:
            return ""
        name = self._optimizer if isinstance(self._optimizer, str) else self._optimizer.get("class_name", "optimizer")
        return f"-{name.lower()}-{files.sha256(files.json_bytes({'optimizer': self._optimizer}))[:8]}"

    def _learn_and_store(self, seed: int, result_path: str) -> StoredResult:
        """Learns the mask of a seed, from a checkpoint if there is one, and stores it."""
        partial = self.results.partial(result_path)
        checkpoint = checkpoint_in(partial, self._snapshot_seconds)
        shown = watched(self._trainer, partial, {"seed": seed}, self._callbacks, self._on_reading)
        with shown as (events, report):

            def report_with_mask(history: np.ndarray) -> None:
                report(history)
                events.probabilities(self.model.probabilities(), int(history[-1, 0]))

            ticket = Ticket(self._starting_weights(seed), {})
            trained = self._trainer.train(
                ticket, seed, 0, checkpoint=checkpoint, on_history=report_with_mask, on_steps=self._on_steps
            )
            result = self._result(seed, trained)
        self.results.write(result_path, result)
        return result

    def _starting_weights(self, seed: int) -> treatments.Weights:
        """Returns all weights of the masked model for a seed: newly drawn frozen kernels, and the initial logits."""
        drawn = initial_weights.initial_weights(self._network, self._untrained, seed)
        start = dict(self._start)
        kernels = {name: drawn[name] for name in model_weights.kernels(self._network)}
        under_masks = {name: kernel for name, kernel in kernels.items() if name in self.model.kernel_names}
        kernels |= untrained_kernels(under_masks, self.settings.weights, self.settings.weight_multiplier)
        start |= {f"{self.model.network.name}/{name}": kernel for name, kernel in kernels.items()}
        if self.settings.g == "edge_popup":
            self.model.draw_scores(draw_seed(generator(seed, "scores")))
            start |= _logits(model_weights.get_weights(self.model))
        return start

    def _result(self, seed: int, trained: TrainingResult) -> StoredResult:
        """Returns the mask, metrics and logits of a finished training."""
        final, best = self._measure(trained.final), self._measure(trained.best)
        # The loss is not enough: logits that are NaN give an empty mask, whose loss is finite.
        diverged = trained.diverged or not all(np.isfinite(value).all() for value in trained.final.values())
        metrics = {
            "kind": "learned_mask",
            **self._labels,
            "seed": seed,
            **{name: value for name, value in dataclasses.asdict(self.settings).items() if name != "kept_fraction"},
            "chosen_kept_fraction": self.settings.kept_fraction,
            "initial_logit": self.settings.logit_name,
            "optimizer": self._optimizer_name.removeprefix("-") or self.training.optimizer,
            "learning_rate": self.training.learning_rate,
            "batch_size": self.training.batch_size,
            "decay": self.training.decay,
            "precision": self.training.precision,
            "iterations": int(trained.history[-1, 0]),
            "status": DIVERGED if diverged else FINISHED,
            "overflow": trained.overflow,
            "best_iteration": trained.early_stop_iteration,
            "best_val_accuracy": _best_accuracy(trained),
            "test_accuracy": finite(trained.test_accuracy),
            **own_readings(trained),
            "most_likely_test_accuracy": finite(best.accuracy),
            "pruned_fraction": best.pruned_fraction,
            "final_test_accuracy": finite(trained.final_test_accuracy),
            "final_most_likely_test_accuracy": finite(final.accuracy),
            "final_pruned_fraction": final.pruned_fraction,
            "kept_fraction_of_most_likely": masks.kept_fraction(best.mask),
            "pruned_fraction_by_layer": best.pruned_by_layer,
            "seconds": round(trained.seconds, 3),
            **origin(**trained.compiled_by),
        }
        return StoredResult(best.mask, metrics, trained.history, {}, _logits(trained.best), trained.columns)

    def _measure(self, weights: treatments.Weights) -> _MaskMeasurements:
        model_weights.assign(self.model, weights)
        probabilities = self.model.probabilities()
        total = sum(p.size for p in probabilities.values())
        model_weights.assign(self._plain_network, model_weights.get_weights(self.model.most_likely_network()))
        return _MaskMeasurements(
            self.model.most_likely_mask(),
            self._plain_trainer.accuracy("test"),
            finite(1 - sum(float(p.sum(dtype=np.float64)) for p in probabilities.values()) / total),
            {name: finite(1 - float(p.mean(dtype=np.float64))) for name, p in probabilities.items()},
        )


def _best_accuracy(trained: TrainingResult) -> float | None:
    """Returns the accuracy on the validation images at the early-stopping iteration; None if it is not read."""
    if "validation_accuracy" not in trained.columns:
        return None
    row = trained.history[:, 0] == trained.early_stop_iteration
    return finite(trained.history[row, trained.columns.index("validation_accuracy")][0])


def _logits(weights: treatments.Weights) -> treatments.Weights:
    """Returns the mask logits among the weights of a masked model."""
    return {name: value for name, value in weights.items() if name.endswith("/logits")}


def paper_learner(
    network: str,
    dataset: Dataset,
    settings: MaskSettings,
    training: TrainingSettings,
    results_dir: FilePath,
    **options,
) -> MaskLearner:
    """Makes a learner for one of the paper's networks, with a results folder.

    Args:
      network: a name in `table_s1.NETWORKS`.
      dataset: the images.
      settings: the settings of the Supermask.
      training: the settings with which it is trained.
      results_dir: the folder that holds the results of all networks.
      **options: further arguments of `MaskLearner`.
    """
    labels = {"network": network, "dataset": dataset.name}
    results = ResultsFolder(
        Path(results_dir) / learned_masks_folder(network, dataset.name),
        common_settings(network, dataset.name, training) | {"data": dataset.fingerprint},
    )
    built = networks.build(network, dataset.train.images.shape[1:], networks.classes_of(dataset.name))
    return MaskLearner(built, dataset, settings, training, results=results, labels=labels, **options)
