"""The class that users call: it connects a model, data, settings and results.

A process that trains a level holds a lock. Another process that needs the same level waits for it.
"""

from __future__ import annotations

import dataclasses
import gc
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any

import keras

from lottery_tf.argument_checks.signatures import checked
from lottery_tf.argument_checks.validation import Count, Index, Name, NotNegative
from lottery_tf.datasets.dataset import Dataset, as_dataset
from lottery_tf.errors import InputError
from lottery_tf.levels.control_levels import ControlLevels
from lottery_tf.levels.dense_networks import DenseNetworks
from lottery_tf.levels.shared_parts import SharedParts
from lottery_tf.levels.treatment_levels import TreatmentLevels
from lottery_tf.levels.treatment_page import write_page
from lottery_tf.masking import conversion, model_weights
from lottery_tf.masking.summary import MaskSummary, mask_summary
from lottery_tf.models.settings import PruningSettings, TrainingSettings
from lottery_tf.models.untrained_network import Initial, UntrainedNetwork
from lottery_tf.old_names import old_name, warn_of
from lottery_tf.pruning.controls import check_control
from lottery_tf.pruning.kept_counts import PAPER_LEVELS
from lottery_tf.pruning.treatments import Treatment, Weights
from lottery_tf.results.paths import level_path
from lottery_tf.results.store import MemoryResults, ResultsFolder
from lottery_tf.results.stored_result import StoredResult, diverged
from lottery_tf.training.checkpoint import CHECKPOINT_SECONDS
from lottery_tf.training.experiment_record import describe_initial, record_experiment
from lottery_tf.training.objective import ObjectiveSettings
from lottery_tf.training.recorder import TrainingRecorder
from lottery_tf.training.trainer import Trainer


@checked
class Experiment:
    """Iterative and one-shot pruning of one model on one data set, for any seeds and treatments.

    The dense network of each seed is trained once and shared by all its treatments. Every step first looks for its
    stored result, so an interrupted experiment continues where it stopped.

    Args:
      model: a built Keras model, masked or not; the experiment works on a masked copy of it.
      dataset: the images: a `Dataset`, or three sources of training, validation and test examples, for example a
        `tf.data.Dataset` each (see `Dataset`).
      training: the settings of each training.
      pruning: how much each round prunes; None: as most networks of Table S1 (10% conv, 20% dense, 10% output).
      results: where levels are stored; None keeps them in memory.
      keep_weights: whether all finished levels keep their weights. If False, only the dense network and the latest
        level of each treatment keep them, which is enough to continue. If the weights of another level are needed
        later, it is trained again.
      labels: further entries of every result's metrics (network, dataset, schedule); they are not labels of images.
      snapshot_seconds: the shortest time between two checkpoints of a training; results in memory have no checkpoints.
      callbacks: Keras callbacks that watch each training; each reading of the validation images is an epoch for them.
      initial: function from a seed to the untrained weights; "as_given": the model's own weights for every seed
        (transfer learning); None draws each kernel anew, except in layers with `trainable=False`.
      on_steps: function that is called with the number of training steps just done.
      on_reading: function that is called after each reading of the validation loss with its numbers by name, and with
        the seed, the level, the treatment's fields and the kept fraction.
      trainer: the trainer, which trains its own model; None makes one. Experiments with the same trainer compile once.
      **objective: other losses, metrics and optimizers of Keras (from_logits, loss, metrics, loss_weights, best_by,
        best_is, optimizer): see `lt.ObjectiveSettings`.

    Raises:
      InputError: all pruned fractions are 0, the trainer has other images or settings, or the results are those of an
        experiment with another model, other images, or other settings.

    >>> import lottery_tf as lt
    >>> experiment = lt.Experiment(lt.build("fc"), lt.load("digits"), lt.TrainingSettings(iterations=20))
    >>> [round(level.metrics["kept_fraction"], 2) for level in experiment.levels(lt.Treatment(), seed=0, levels=2)]
    [1.0, 0.8, 0.64]
    """

    def __init__(
        self,
        model: keras.Model,
        dataset: Any,
        training: TrainingSettings,
        pruning: PruningSettings | None = None,
        *,
        results: MemoryResults | ResultsFolder | None = None,
        keep_weights: bool = True,
        labels: Mapping[str, str | float | bool] | None = None,
        snapshot_seconds: NotNegative = CHECKPOINT_SECONDS,
        callbacks: Sequence[keras.callbacks.Callback] = (),
        initial: Initial | None = None,
        on_steps: Callable[[int], None] = lambda count: None,
        on_reading: Callable[[dict], None] = lambda reading: None,
        trainer: Trainer | None = None,
        **objective: Annotated[Any, ObjectiveSettings],
    ):
        given = ObjectiveSettings(**objective)
        dataset = as_dataset(dataset)
        _check_trainer(trainer, dataset, training, given)
        model = conversion.masked_copy(model, untrained=False)
        conversion.log_mask_summary(model)
        pruning = pruning or PruningSettings()
        self._network = UntrainedNetwork(model, pruning, initial)
        if results is not None:  # before the trainer gives the model's layers its precision
            masks = dataclasses.asdict(mask_summary(model))
            further = given.describe() | {"initial": describe_initial(initial, self._network), "masks": masks}
            record_experiment(results, model, dataset, training, pruning, **further)
        self.results = MemoryResults() if results is None else results
        self.trainer = trainer or Trainer(model, dataset, training, **objective)
        self._recorder = TrainingRecorder(
            self.trainer,
            self.results,
            dict(labels or {}),
            keep_weights,
            snapshot_seconds,
            on_steps,
            on_reading,
            callbacks,
        )
        self._shared = SharedParts(self._network, self.trainer, self._recorder, self.results, keep_weights)
        self._dense = DenseNetworks(self._shared)

    def __del__(self):
        """Frees memory at once: a trainer and its compiled functions refer to each other, which Python notices late."""
        made = bool(vars(self))
        vars(self).clear()
        if made and not sys.is_finalizing():
            gc.collect()

    @property
    def model(self) -> keras.Model:
        """The masked model that is trained; its weights are those of the last training or evaluation."""
        return self.trainer.model

    @property
    def mask_summary(self) -> MaskSummary:
        """Describes which of the model's weights can be pruned, and which cannot."""
        return mask_summary(self.model)

    @property
    def pruned_fraction(self) -> dict[str, float]:
        """For each kernel the fraction of its unmasked weights that a round prunes; 0 if it has no mask."""
        return self._network.pruned_fraction

    @property
    def trainings(self) -> int:
        """The number of trainings that this object has done; results that it found do not count."""
        return self._recorder.trainings

    trained = property(old_name("trained", "trainings"))

    def levels(self, treatment: Treatment, seed: Index, levels: Count = PAPER_LEVELS) -> Iterator[StoredResult]:
        """Finds or trains the dense network and the levels 1 to `levels` of a treatment.

        A level is locked only while it is trained. Between two yields another process may train the next level; this
        process then finds it.

        Yields:
          Each level when it is finished, the dense network first. Its weights may have been deleted. No level is made
          from a level whose training diverged.

        Raises:
          InputError: `levels` is below 1, the rewind point lies beyond the training, or a criterion or action returns
            unusable values.
        """
        treatment_levels = self._treatment_levels(treatment, seed)
        last = treatment.last_level(levels)
        level = self.dense(seed)
        so_far = [level.metrics]
        yield level
        for number in range(1, last + 1):
            parent = so_far[treatment.parent(number)]
            if diverged(parent):
                return
            with treatment_levels.lock():
                trainings_before = self.trainings
                level = treatment_levels.next_level(number, parent["fingerprint"])
                so_far.append(level.metrics)
                if self.trainings > trainings_before or number == last:
                    write_page(self._shared, treatment, seed, so_far)
            yield level

    def dense(self, seed: Index, weights: bool = False) -> StoredResult:
        """Finds or trains the dense network of a seed; with `weights` the result has its weights."""
        return self._dense.find_or_train(seed, weights)

    def rewind_point(self, seed: Index, iteration: Index) -> StoredResult:
        """Finds or makes the dense network of a seed at an iteration of its training, with the weights at that point.

        Raises:
          InputError: the iteration lies beyond the training, or the training diverges before it.
        """
        self._check(Treatment(rewind_to=iteration), 0)
        return self._dense.rewind_point(seed, iteration)

    def level(
        self,
        treatment: Treatment,
        seed: Index,
        number: Index,
        parent: str | None = None,
        earlier: Sequence[dict] | None = None,
    ) -> StoredResult:
        """Finds one level, or trains it after training missing levels before it.

        The result has its weights if all weights are kept, or if it was just trained. `load` always returns them.

        Args:
          treatment: the treatment.
          seed: the seed.
          number: the level; 0 is the dense network.
          parent: the fingerprint of the level that it must be made from; a stored level made from another one is
            trained again. None accepts any.
          earlier: the metrics of the levels before it, those of the dense network first. If they are given, the
            treatment's TensorBoard page is written from them and this level.

        Raises:
          InputError: the level before diverged, the treatment has no such level, the rewind point lies beyond the
            training, or a criterion or action returns unusable values.
        """
        treatment_levels = self._treatment_levels(treatment, seed, number)
        if number == 0:
            return self.dense(seed)
        with treatment_levels.lock():
            level = treatment_levels.next_level(number, parent)
            if earlier is not None:
                write_page(self._shared, treatment, seed, [*earlier, level.metrics])
            return level

    def show(self, treatment: Treatment, seed: Index, finished: Sequence[dict]) -> None:
        """Writes the TensorBoard page of a treatment's finished levels, as `level` with `earlier` does now."""
        warn_of("Experiment.show(...)", "Experiment.level(..., earlier=...)")
        with self._treatment_levels(treatment, seed).lock():
            write_page(self._shared, treatment, seed, finished)

    def control(self, treatment: Treatment, seed: Index, number: Index, control: Name, draw: Count = 1) -> StoredResult:
        """Finds or trains a control of a level, after training the level if it is missing.

        Args:
          treatment: the treatment; its mask-0 action must be `zero` unless the control is `reorder`.
          seed: the seed.
          number: the level. Level 0, the dense network, has only the control `reorder`, which starts from the
            treatment's rewind point.
          control: a name in `controls.CONTROLS`.
          draw: the number of the control among those of its kind, from 1.

        Returns:
          A result with the metrics of a level, and with "kind" `control`, "control" and "draw"; its "parent" is the
          level. It keeps its weights if all levels do.

        Raises:
          InputError: this level or treatment cannot have the control; or an error of `level`.
        """
        check_control(treatment, number, control, draw)
        # A finished level is read without the lock of its treatment, which a later level may hold for a long time.
        finished = self.results.peek(level_path(seed, treatment.name, number), weights=False)
        level = finished or self.level(treatment, seed, number)
        return ControlLevels(self._shared, treatment, seed).find_or_train(level, control, draw)

    def controls(
        self, treatment: Treatment, seed: Index, levels: Count, control: Name, draw: Count = 1
    ) -> Iterator[StoredResult]:
        """Finds or trains controls of levels 1 to `levels`; levels whose training diverged have none."""
        found = [level.metrics for level in self.levels(treatment, seed, levels)]
        for metrics in found[1:]:
            if not diverged(metrics):
                yield self.control(treatment, seed, metrics["level"], control, draw)

    def load(self, treatment: Treatment, seed: Index, level: Index) -> keras.Model:
        """Returns a new model with a level's final weights and mask, after training missing levels.

        Raises:
          InputError: as in `level`.
        """
        treatment_levels = self._treatment_levels(treatment, seed, level)
        with treatment_levels.lock():
            found = treatment_levels.find_or_train(level, weights=True)
        model = conversion.masked_copy(self.model)
        model_weights.assign(model, found.final, found.mask)
        return model

    def saliency_gradient(self, before: StoredResult, number: Index) -> Weights:
        """Returns the gradient of one batch at a level's starting weights, for the criterion of level `number`."""
        return self._shared.gradient(before.metrics["seed"], before.ticket, number)

    def weights_bytes(self, treatment: Treatment, levels: Count) -> int:
        """Returns about how many bytes the weights of a treatment's levels take on disk if all are kept."""
        return self._network.weights_bytes(treatment, levels)

    def _treatment_levels(self, treatment: Treatment, seed: Index, level: Index = 0) -> TreatmentLevels:
        """Returns the levels of a treatment, after `_check`."""
        self._check(treatment, level)
        return TreatmentLevels(self._shared, treatment, seed)

    def _check(self, treatment: Treatment, level: Index) -> None:
        """Raises InputError if this network cannot have the treatment, or if the treatment has no such level."""
        if level > treatment.last_level(level):  # one-shot pruning to a chosen kept fraction
            raise InputError(f"The level is {level}; the treatment {treatment.name} has level 1 only.")
        treatment.check_training(self.trainer.settings.iterations, self.trainer.settings.decay)
        self._network.check_kept_fraction(treatment)


def _check_trainer(
    trainer: Trainer | None, dataset: Dataset, training: TrainingSettings, objective: ObjectiveSettings
) -> None:
    """Raises InputError if a given trainer trains in another way than its experiment."""
    if trainer is None:
        return
    if trainer.dataset is not dataset or trainer.settings != training:
        raise InputError("The trainer has other images or training settings than the experiment.")
    objective.check_same(trainer.objective_settings)
