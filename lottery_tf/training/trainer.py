"""Trains one network: evaluate, record, save, train to the next reading; finds the early-stopping iteration.

`programs` has the compiled training steps and evaluations.
"""

from __future__ import annotations

import dataclasses
import functools
import logging
import time
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import keras
import numpy as np

from lottery_tf.argument_checks.signatures import checked
from lottery_tf.argument_checks.validation import Index, Name
from lottery_tf.datasets.dataset import as_dataset
from lottery_tf.errors import InputError
from lottery_tf.masking import conversion, model_weights
from lottery_tf.models.settings import TrainingSettings
from lottery_tf.old_names import old_arguments, old_name
from lottery_tf.pruning.treatments import Ticket, Weights
from lottery_tf.registry import choose
from lottery_tf.results.stored_result import fingerprint
from lottery_tf.system import hardware
from lottery_tf.training import compilation, precision, precision_speed
from lottery_tf.training.checkpoint import Checkpoint
from lottery_tf.training.checks import check_fit, explaining_evaluation
from lottery_tf.training.feeds import MemoryFeed, StreamFeed
from lottery_tf.training.objective import BestReading, ObjectiveSettings
from lottery_tf.training.optimizers import make_optimizer
from lottery_tf.training.programs import Programs
from lottery_tf.training.progress import TrainingProgress
from lottery_tf.training.sampled_model import SampledModel, network_of
from lottery_tf.training.training_result import IterationRange, TrainingResult
from lottery_tf.training.training_variables import TrainingVariables

log = logging.getLogger(__name__)


@old_arguments(
    {"jit_compile": {True: "xla", False: "graph"}},
    jit_compile="compiler",
    stretch="iteration_range",
    snapshot="checkpoint",
)
@checked
class Trainer:
    """Trains one model on one data set, any number of times from given tickets; it compiles once.

    Args:
      model: a Keras model, usually a masked one (`networks.build`, `conversion.masked`). Its layers get the settings'
        precision, unless a layer has a dtype policy of its own. A `SampledModel` draws its weights at every step.
      dataset: the images: a `Dataset`, or the sources of its three splits.
      settings: the training settings.
      compiler: the compiler of the steps, a name in `compilation.HOW_RUN`; None: that of `compilation.compiler`.
      feeds: the `feeds` of another trainer of the same data set, which then share its memory; None reads the examples.
      **objective: what the model is trained for (from_logits, loss, metrics, loss_weights, best_by, best_is), and the
        optimizer: see `lt.ObjectiveSettings`.

    Attributes:
      device: the kind of device that the steps run on, "CPU" or "GPU".
      columns: the names of the columns of a history.
      objective_settings: what the model is trained for, and by which optimizer.

    Raises:
      InputError: the images, labels, loss, metrics or optimizer do not fit the model or each other.
    """

    def __init__(
        self,
        model: keras.Model,
        dataset: Any,
        settings: TrainingSettings,
        *,
        compiler: Name | None = None,
        feeds: dict[str, MemoryFeed | StreamFeed] | None = None,
        **objective: Annotated[Any, ObjectiveSettings],
    ):
        given = ObjectiveSettings(**objective)
        dataset = as_dataset(dataset)
        check_fit(model, dataset, settings)
        self.model = model
        self.dataset = dataset
        self.settings = settings
        self.objective_settings = given
        self.device = hardware.training_device()
        self._samples = model.samples if isinstance(model, SampledModel) else 1
        self._given_compiler = compiler
        compiler = compilation.compiler(model, self.device) if compiler is None else compiler
        choose(compilation.HOW_RUN, compiler, "compiler")
        self._programs = Programs(model, dataset, settings, compiler, feeds)
        network = network_of(model)
        precision.set_precision(network, settings.precision)
        if half := precision.half_types(network):
            precision_speed.warn_if_slow(network, f"mixed_{min(half)}", settings.batch_size)
        self._objective = given.make(model, dataset, *self._programs.first_example())
        self._best = BestReading(self._objective, given.best_by, given.best_is)
        read = ("loss", *self._objective.metrics)
        self.columns = ("iteration", *(f"{split}_{name}" for split in ("train", "validation") for name in read))
        self._optimizer = make_optimizer(settings, "float16" in half, given.optimizer)
        self._variables = TrainingVariables(model, self._optimizer)
        self._programs.compile(self._objective, self._optimizer)

    @property
    def compiler(self) -> str:
        """The compiler of the steps; if it refuses the first steps, the next one in `compilation.HOW_RUN`."""
        return self._programs.compiler

    def with_model(self, model: keras.Model, settings: TrainingSettings | None = None) -> Trainer:
        """Returns a trainer of another model, and of other settings if given, that shares the images in memory."""
        return Trainer(
            model,
            self.dataset,
            settings or self.settings,
            compiler=self._given_compiler,
            feeds=self._programs.feeds,
            **vars(self.objective_settings),
        )

    of = old_name("of", "with_model")

    @functools.cached_property
    def in_float32(self) -> Trainer:
        """A trainer of a float32 copy of the model; this trainer if the model computes only in float32."""
        if isinstance(self.model, SampledModel) or not precision.half_types(self.model):
            return self
        copy = conversion.masked_copy(self.model)
        precision.set_float32(copy)
        return self.with_model(copy, dataclasses.replace(self.settings, precision="float32"))

    def train(
        self,
        ticket: Ticket,
        seed: Index,
        level: Index,
        *,
        iteration_range: IterationRange | None = None,
        order_seed: Index | None = None,
        checkpoint: Checkpoint | None = None,
        on_history: Callable[[np.ndarray], None] = lambda history: None,
        on_steps: Callable[[int], None] = lambda count: None,
    ) -> TrainingResult:
        """Trains a ticket to its end (step 1 of the paper's algorithm).

        Args:
          ticket: the starting value of every weight, and the mask.
          seed: the seed.
          level: the level. Seed and level determine the order of images, the augmentation and the dropout.
          iteration_range: the iterations to train; None: all iterations of the settings. The optimizer always starts
            anew.
          order_seed: replaces the seed in the order of images, the augmentation and the dropout, for instability
            analysis. None: the seed itself.
          checkpoint: where the state of the training is saved from time to time. If a state was saved, the training
            continues from it.
          on_history: function that is called with the history so far after each reading of the validation loss.
          on_steps: function that is called with the number of steps just done.

        The same arguments give results that are equal to the bit on one kind of processor, even after interruptions.
        """
        iteration_range = iteration_range or IterationRange()
        last = self.settings.iterations if iteration_range.last is None else iteration_range.last
        seed_and_level = (seed if order_seed is None else order_seed, level)
        name = f"{fingerprint(ticket.start, ticket.mask)} seed {seed_and_level[0]} level {level}{iteration_range.name}"
        self._variables.begin(ticket, seed_and_level, iteration_range)
        started = time.monotonic()
        saved = None if checkpoint is None else checkpoint.load(name, self._checkpoint_shapes)
        if saved is None:
            progress = TrainingProgress(iteration_range.first, self._nothing_read)
            self._read_validation(progress)
        else:
            self._variables.restore(saved)
            progress = TrainingProgress.from_checkpoint(saved, self._nothing_read)
            on_steps(progress.iteration - iteration_range.first)
        began = started - progress.seconds  # the time before an interruption counts too
        on_history(np.array(progress.history))
        while progress.iteration < last and not progress.diverged:
            progress.seconds = time.monotonic() - began
            if checkpoint is not None:
                checkpoint.save_if_due(name, lambda: progress.arrays() | self._variables.arrays())
            self._train_to_next_reading(progress, last, seed_and_level, on_steps)
            self._read_validation(progress)
            on_history(np.array(progress.history))
        return self._result(progress, began)

    def _read_validation(self, progress: TrainingProgress) -> None:
        """Evaluates the model on the validation split and records the reading."""
        readings = self.evaluate("validation")
        progress.record(readings, self._best.cost(readings), self._variables.model_values)

    def _train_to_next_reading(
        self, progress: TrainingProgress, last: int, seed_and_level: tuple[int, int], on_steps: Callable[[int], None]
    ) -> None:
        """Trains up to the next reading of the validation loss, at the next multiple of the interval or at the end."""
        interval = self.settings.eval_interval
        steps = min(interval - progress.iteration % interval, last - progress.iteration)
        self._objective.reset_metrics()
        loss, correct = self._programs.train(progress.iteration, steps, seed_and_level, on_steps)
        progress.iteration += steps
        progress.train_readings = self._objective.readings(loss, correct, steps * self.settings.batch_size)

    def evaluate(self, split: Name) -> tuple[float, ...]:
        """Returns mean loss and accuracy (in [0, 1]) of the model on "train", "validation" or "test".

        With another loss and other metrics, it returns their values.

        Raises:
          InputError: a layer of the model cannot be evaluated.
        """
        choose(self.dataset.splits, split, "split")
        self._objective.reset_metrics()
        with explaining_evaluation(self.model):
            sums = self._programs.evaluate(split)
        return self._objective.readings(*sums, len(self.dataset.splits[split]))

    def accuracy(self, split: Name) -> float:
        """Returns the accuracy of the model; NaN if it is not one of the metrics."""
        return self._named(self.evaluate(split)).get("accuracy", float("nan"))

    def check_accuracy(self) -> None:
        """Raises InputError if the accuracy is not one of the metrics."""
        if "accuracy" not in self._objective.metrics:
            raise InputError("This measurement needs the accuracy; add 'accuracy' to the metrics.")

    @property
    def _checkpoint_shapes(self) -> dict[str, tuple[int | None, ...]]:
        """The shapes of the arrays of a checkpoint; None stands for any size."""
        return TrainingProgress.shapes(self._variables.model_shapes, len(self.columns)) | self._variables.shapes

    def _named(self, readings: Sequence[float]) -> dict[str, float]:
        return dict(zip(("loss", *self._objective.metrics), readings, strict=True))

    @property
    def _nothing_read(self) -> tuple[float, ...]:
        """Readings before any training step."""
        return (float("nan"),) * (1 + len(self._objective.metrics))

    def gradient(self, ticket: Ticket, indices: np.ndarray) -> Weights:
        """Returns the gradient of the mean loss of some training images at a ticket's start, by maskable kernel.

        Raises:
          InputError: the loss does not depend on a kernel.
        """
        model_weights.assign(self.model, ticket.start, ticket.mask)
        kernels = model_weights.masked_kernels(self.model)
        found = self._programs.gradient(indices, [kernel.variable for kernel in kernels.values()])
        if unconnected := [name for name, gradient in zip(kernels, found, strict=True) if gradient is None]:
            raise InputError(
                f"The loss does not depend on {', '.join(unconnected)} (is there a stop_gradient behind it?), so its "
                "weights cannot be ranked by their gradient. Choose another criterion."
            )
        return {name: gradient.numpy() for name, gradient in zip(kernels, found, strict=True)}

    def _result(self, progress: TrainingProgress, began: float) -> TrainingResult:
        """Returns the result. Test images are read only here: with the last and with the best weights."""
        last, last_test = model_weights.get_weights(self.model), self._test_readings(progress)
        overflow = progress.diverged and self._overflowed(last)
        self._variables.assign_model(progress.best)
        best, best_test = model_weights.get_weights(self.model), self._test_readings(progress)
        return TrainingResult(
            final=last,
            best=best,
            history=np.array(progress.history),
            early_stop_iteration=progress.best_iteration,
            early_stop_val_loss=progress.best_loss,
            test=best_test,
            final_test=last_test,
            columns=self.columns,
            diverged=progress.diverged,
            overflow=overflow,
            compiler=self.compiler,
            xla_refused=self._programs.refused,
            seconds=time.monotonic() - began,
        )

    def _test_readings(self, progress: TrainingProgress) -> dict[str, float]:
        if progress.diverged:
            return self._named(self._nothing_read)
        readings = [self.evaluate("test") for _ in range(self._samples)]
        return self._named([float(np.mean(each)) for each in zip(*readings, strict=True)])

    def _overflowed(self, weights: Weights) -> bool:
        """Returns whether weights whose loss is not finite in half precision have a finite loss in float32."""
        trainer = self.in_float32
        if trainer is self:
            return False
        model_weights.assign(trainer.model, weights)
        return bool(np.isfinite(trainer.evaluate("validation")[0]))
