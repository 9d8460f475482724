"""Trains one network with many steps in each compiled call; records the history and finds the early-stopping iteration.

In small dense networks most of the time is overhead. So all steps between two readings of the validation loss, with
their updates and masks, are one XLA program. If `compilation` chooses a TensorFlow graph instead, XLA compiles only the
update. Images stay in memory as bytes; the graph gathers them by index and scales them.
"""

from __future__ import annotations

import dataclasses
import functools
import logging
import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from lottery_tf import hardware
from lottery_tf.data import Dataset
from lottery_tf.errors import InputError
from lottery_tf.masking import conversion, model_weights
from lottery_tf.models.settings import TrainingSettings
from lottery_tf.pruning.treatments import Ticket, Weights
from lottery_tf.registry import choose
from lottery_tf.results.stored_result import fingerprint
from lottery_tf.seeds import draw_seed, generator
from lottery_tf.training import augmentation, compilation, precision, precision_speed
from lottery_tf.training.batches import batch_indices, scale
from lottery_tf.training.checkpoint import Checkpoint
from lottery_tf.training.learning_rates import ChangingRate, learning_rate
from lottery_tf.training.optimizers import make_optimizer
from lottery_tf.training.sampled_model import SampledModel
from lottery_tf.training.training_result import IterationRange, TrainingResult

log = logging.getLogger(__name__)

BADNESS = {"loss": lambda loss, accuracy: loss, "accuracy": lambda loss, accuracy: -accuracy}

EVALUATION_BATCH = 500
CONVOLUTIONAL_EVALUATION_BATCH = 100  # the activations of 500 images would take a gigabyte
GRAPH_STEPS = 10  # steps in a call without XLA; few enough for a progress bar, and enough to hide the calls' overhead


def _fits(images: tuple[int, ...], taken: tuple[int | None, ...]) -> bool:
    """Whether images have the shape that a model takes; None stands for any size."""
    return len(images) == len(taken) and all(wanted in (size, None) for size, wanted in zip(images, taken, strict=True))


def _check_fit(model: keras.Model, dataset: Dataset, settings: TrainingSettings) -> None:
    """Raises InputError if the model cannot take the images or labels, or if the images cannot be augmented."""
    if settings.augmentation and dataset.train.images.ndim != 4:
        raise InputError(
            f"augmentation is {settings.augmentation!r}, which needs images with height, width and channels; these "
            f"have shape {dataset.train.images.shape[1:]}."
        )
    for name, split in dataset.splits.items():
        if not _fits(images := split.images.shape[1:], model.input_shape[1:]):
            raise InputError(
                f"The {name} images have shape {images}; the model {model.name!r} takes {model.input_shape[1:]}."
            )
        if (label := int(split.labels.max())) >= model.output_shape[-1]:
            raise InputError(
                f"The largest {name} label is {label}; the model {model.name!r} has {model.output_shape[-1]} outputs."
            )


@functools.cache  # so that several trainers of one model log it once
def _announce(name: str, compiler: str, refused: str) -> None:
    """Logs the compiler of a model's training steps, and what XLA refused, if it did."""
    how, where = compilation.HOW_RUN[compiler], hardware.describe_device()
    if refused:
        log.warning("XLA cannot compile the training steps of %s (%s), so they run as %s.", name, refused, how)
    else:
        log.info("Training steps of %s run as %s on %s.", name, how, where)


class Trainer:
    """Trains one model on one data set, any number of times from given tickets; it compiles once.

    Args:
      model: a Keras model, usually a masked one (`networks.build`, `conversion.masked`). Its layers get the settings'
        precision, unless a layer has a dtype policy of its own. A `SampledModel` draws its weights at every step.
      dataset: the images.
      settings: the training settings.
      from_logits: whether the model's outputs are logits (True) or probabilities.
      best_by: the reading of the validation images that chooses the early-stopping iteration, "loss" or "accuracy".
      compiler: the compiler of the steps, a name in `compilation.HOW_RUN`; None: that of `compilation.compiler`.

    Attributes:
      compiler: the compiler of the steps. If XLA refuses the first steps, they run as a graph from then on.
      device: the kind of device that the steps run on, "CPU" or "GPU".
    """

    def __init__(
        self,
        model: keras.Model,
        dataset: Dataset,
        settings: TrainingSettings,
        *,
        from_logits: bool = True,
        best_by: str = "loss",
        compiler: str | None = None,
    ):
        if len(dataset.train) < settings.batch_size:
            raise InputError(
                f"batch_size is {settings.batch_size}, but there are {len(dataset.train)} training images."
            )
        _check_fit(model, dataset, settings)
        self.model = model
        self.dataset = dataset
        self.settings = settings
        self.device = hardware.training_device()
        self.compiler = compilation.compiler(model, self.device) if compiler is None else compiler
        self._refused = ""
        self._options = {"from_logits": from_logits, "best_by": best_by, "compiler": compiler}
        self._from_logits = from_logits
        self._badness = choose(BADNESS, best_by, "measure")
        self._samples = model.samples if isinstance(model, SampledModel) else 1
        self._images = {name: tf.constant(split.images) for name, split in dataset.splits.items()}
        self._labels = {name: tf.constant(split.labels) for name, split in dataset.splits.items()}
        half = self._set_precision()
        self._rate = learning_rate(settings)
        self._optimizer = make_optimizer(settings, self._rate, scale_loss="float16" in half)
        self._optimizer.build(model.trainable_variables)
        self._optimizer_start = [variable.numpy() for variable in self._optimizer.variables]
        mask_variables = {
            id(v)
            for kernel in model_weights.masked_kernels(model).values()
            for v in (kernel.kernel_mask, kernel.frozen_values)
        }
        self._variables = [variable for variable in model.variables if id(variable) not in mask_variables]
        self._compile()

    def _set_precision(self) -> set[str]:
        """Sets the precision of the layers, and returns the half-precision types that they compute in."""
        network = self.model.network if isinstance(self.model, SampledModel) else self.model
        precision.set_precision(network, self.settings.precision)
        if half := precision.half_types(network):
            precision_speed.warn_if_slow(network, f"mixed_{min(half)}", self.settings.batch_size)
        return half

    def _compile(self) -> None:
        xla = self.compiler == "xla"
        convolutional = compilation.has_convolutions(self.model)
        self._evaluation_batch = CONVOLUTIONAL_EVALUATION_BATCH if convolutional else EVALUATION_BATCH
        self._steps_per_call = self.settings.eval_interval if xla else min(GRAPH_STEPS, self.settings.eval_interval)
        self._compiled_steps = tf.function(self._steps, jit_compile=xla)
        self._train_steps: Callable = self._first_steps
        # In an XLA program the update is compiled with the steps; with a graph it is a program of its own.
        self._update = tf.function(self._apply, jit_compile=True) if self.compiler == "graph" else self._apply
        self._evaluate = {name: tf.function(functools.partial(self._evaluation, name)) for name in self._images}

    def with_model(self, model: keras.Model, **options) -> Trainer:
        """Returns a trainer of another model that shares the images in memory.

        Args:
          model: the other model.
          **options: arguments of `Trainer` that differ from this trainer's.
        """
        arguments: dict[str, Any] = {"settings": self.settings} | self._options | options
        other = Trainer(model, self.dataset, **arguments)
        other._images, other._labels = self._images, self._labels
        return other

    @functools.cached_property
    def in_float32(self) -> Trainer:
        """A trainer of a float32 copy of the model; this trainer if the model computes only in float32."""
        if isinstance(self.model, SampledModel) or not precision.half_types(self.model):
            return self
        copy = conversion.masked_copy(self.model)
        precision.set_float32(copy)
        return self.with_model(copy, settings=dataclasses.replace(self.settings, precision="float32"))

    def train(
        self,
        ticket: Ticket,
        seed: int,
        level: int,
        *,
        iteration_range: IterationRange | None = None,
        order_seed: int | None = None,
        checkpoint: Checkpoint | None = None,
        on_history: Callable[[np.ndarray], None] = lambda history: None,
        on_steps: Callable[[int], None] = lambda count: None,
    ) -> TrainingResult:
        """Trains a ticket to its end (step 1 of the paper's algorithm).

        Args:
          ticket: the starting value of every weight, and the mask.
          seed: the run's seed.
          level: the level. Seed and level determine the order of images, the augmentation and the dropout.
          iteration_range: the iterations to train; None: all iterations of the settings. The optimizer always starts
            anew.
          order_seed: replaces the seed in the order of images, the augmentation and the dropout, for instability
            analysis. None: the run's own seed.
          checkpoint: where the state of the training is saved from time to time. If a state was saved, the training
            continues from it.
          on_history: function that is called with the history so far after each reading of the validation loss.
          on_steps: function that is called with the number of steps just done.

        The same arguments give results that are equal to the bit on one kind of processor, even after interruptions.
        """
        iteration_range = iteration_range or IterationRange()
        last = self.settings.iterations if iteration_range.last is None else iteration_range.last
        order = (seed if order_seed is None else order_seed, level)
        name = f"{fingerprint(ticket.start, ticket.mask)} seed {order[0]} level {level}{iteration_range.name}"
        self._reset(ticket, order, iteration_range)
        began = time.monotonic()
        saved = None if checkpoint is None else checkpoint.load(name)
        if saved is None:
            progress = _Progress(iteration_range.first)
            self._read_validation(progress)
        else:
            progress = self._restore(saved)
            on_steps(progress.iteration - iteration_range.first)
        began -= progress.seconds
        on_history(np.array(progress.history))
        while progress.iteration < last and not progress.diverged:
            progress.seconds = time.monotonic() - began
            if checkpoint is not None:
                checkpoint.save_if_due(name, functools.partial(self._saved, progress))
            self._train_to_next_reading(progress, last, order, on_steps)
            self._read_validation(progress)
            on_history(np.array(progress.history))
        return self._trained(progress, began)

    def evaluate(self, split: str) -> tuple[float, float]:
        """Returns mean loss and accuracy (in [0, 1]) of the model on "train", "validation" or "test"."""
        loss, correct = self._evaluate[split]()
        size = len(self.dataset.splits[split])
        return float(loss) / size, float(correct) / size

    def gradient(self, ticket: Ticket, indices: np.ndarray) -> Weights:
        """Returns the gradient of the mean loss of some training images at a ticket's start, by maskable kernel."""
        model_weights.set_weights(self.model, ticket.start, ticket.mask)
        kernels = model_weights.masked_kernels(self.model)
        with tf.GradientTape() as tape:
            loss_sum, _ = self._loss_and_correct(self._network(), "train", indices, training=False)
            loss = loss_sum / len(indices)
        found = tape.gradient(loss, [kernel.kernel.value for kernel in kernels.values()])
        return {name: gradient.numpy() for name, gradient in zip(kernels, found, strict=True)}

    def _network(self) -> Callable:
        """The network to compute with; a `SampledModel` draws its weights here."""
        return self.model.draw_network() if isinstance(self.model, SampledModel) else self.model

    def _reset(self, ticket: Ticket, order: tuple[int, int], iteration_range: IterationRange) -> None:
        model_weights.set_weights(self.model, ticket.start, ticket.mask)
        if isinstance(self._rate, ChangingRate):
            self._rate.begins_at.assign(
                iteration_range.first if iteration_range.rate_from is None else iteration_range.rate_from
            )
        for variable, value in zip(self._optimizer.variables, self._optimizer_start, strict=True):
            variable.assign(value)
        seed, level = order
        rng = generator(seed, "dropout", level)
        for variable in self._variables:
            if variable.name == "seed_generator_state":
                variable.assign(np.array([draw_seed(rng), 0], variable.dtype))

    def _read_validation(self, progress: _Progress) -> None:
        """Adds a row to the history, and keeps the weights if they are the best so far."""
        loss, accuracy = self.evaluate("validation")
        progress.history.append((progress.iteration, progress.train_loss, progress.train_accuracy, loss, accuracy))
        progress.diverged = not np.isfinite(loss)
        badness = self._badness(loss, accuracy)
        if not progress.best or badness < progress.least_badness:
            progress.least_badness, progress.best_iteration, progress.best_loss = badness, progress.iteration, loss
            progress.best = [variable.numpy() for variable in self._variables]

    def _train_to_next_reading(
        self, progress: _Progress, last: int, order: tuple[int, int], on_steps: Callable[[int], None]
    ) -> None:
        """Trains up to the next reading of the validation loss, at the next multiple of the interval or at the end."""
        interval, batch_size = self.settings.eval_interval, self.settings.batch_size
        steps = min(interval - progress.iteration % interval, last - progress.iteration)
        loss = correct = 0.0
        for done in range(0, steps, self._steps_per_call):
            count = min(self._steps_per_call, steps - done)
            batches = self._batches(progress.iteration + done, *order)
            call_loss, call_correct = self._train_steps(tf.constant(count), *map(tf.constant, batches))
            loss, correct = loss + float(call_loss), correct + float(call_correct)
            on_steps(count)
        progress.iteration += steps
        progress.train_loss, progress.train_accuracy = loss / (steps * batch_size), correct / (steps * batch_size)

    def _batches(self, first: int, seed: int, level: int) -> list[np.ndarray]:
        """The indices of the images of the iterations from `first` on and, with augmentation, its random draws.

        The number of rows is always the same, so that XLA compiles for one shape only.
        """
        count, batch_size = self._steps_per_call, self.settings.batch_size
        batches = [batch_indices(first, count, len(self.dataset.train), batch_size, seed, level)]
        if self.settings.augmentation:
            batches.append(augmentation.draws(first, count, batch_size, seed, level))
        return batches

    def _first_steps(self, *arguments):
        """Runs the first steps, which compiles them; if the compiler refuses them, tries the next compiler."""
        before = [(variable, variable.numpy()) for variable in (*self._variables, *self._optimizer.variables)]
        try:
            found = self._compiled_steps(*arguments)
        except tf.errors.OpError as error:
            fallback = compilation.fallback(self.compiler, error)
            if fallback is None:
                raise
            for variable, value in before:  # a graph may have changed variables before it failed
                variable.assign(value)
            self.compiler, self._refused = fallback, self._refused or compilation.reason(error)
            self._compile()
            return self._first_steps(*arguments)
        _announce(self.model.name, self.compiler, self._refused)
        self._train_steps = self._compiled_steps
        return found

    def _steps(self, count, indices, augmentation_draws=None):
        loss_sum = correct_sum = tf.zeros(())
        for step in tf.range(count):
            with tf.GradientTape() as tape:
                draws = None if augmentation_draws is None else augmentation_draws[step]
                loss, correct = self._loss_and_correct(
                    self._network(), "train", indices[step], training=True, augmentation_draws=draws
                )
                penalties = (tf.cast(penalty, tf.float32) for penalty in self.model.losses)
                batch_loss = loss / indices.shape[1] + sum(penalties)
                if self.settings.weight_decay:
                    squares = sum(map(tf.nn.l2_loss, model_weights.kernel_tensors(self.model)))
                    batch_loss += self.settings.weight_decay * squares
                batch_loss = self._optimizer.scale_loss(batch_loss)
            self._update(*tape.gradient(batch_loss, [v.value for v in self.model.trainable_variables]))
            loss_sum, correct_sum = loss_sum + loss, correct_sum + correct
        return loss_sum, correct_sum

    def _apply(self, *gradients) -> None:
        self._optimizer.apply(list(gradients), self.model.trainable_variables)

    def _evaluation(self, split: str):
        size = len(self.dataset.splits[split])
        loss_sum = correct_sum = tf.zeros((), tf.float64)
        network = self._network()
        for first in tf.range(0, size, self._evaluation_batch):
            indices = tf.range(first, tf.minimum(first + self._evaluation_batch, size))
            loss, correct = self._loss_and_correct(network, split, indices, training=False)
            loss_sum, correct_sum = loss_sum + tf.cast(loss, tf.float64), correct_sum + tf.cast(correct, tf.float64)
        return loss_sum, correct_sum

    def _loss_and_correct(self, network: Callable, split: str, indices, training: bool, augmentation_draws=None):
        """The summed cross-entropy and the number of correct answers for some images, both float32."""
        labels, images = tf.gather(self._labels[split], indices), tf.gather(self._images[split], indices)
        if self.settings.augmentation is not None and augmentation_draws is not None:
            images = augmentation.AUGMENTATIONS[self.settings.augmentation](
                images, augmentation_draws, augmentation.channels_come_first(self.model)
            )
        outputs = tf.cast(network(scale(images), training=training), tf.float32)
        losses = keras.losses.sparse_categorical_crossentropy(labels, outputs, from_logits=self._from_logits)
        right = tf.equal(tf.argmax(outputs, axis=-1, output_type=tf.int32), labels)
        return tf.reduce_sum(losses), tf.reduce_sum(tf.cast(right, tf.float32))

    def _trained(self, progress: _Progress, began: float) -> TrainingResult:
        """Returns the result of the training. Only here test images are evaluated: at its end and at the early stop."""
        final, final_accuracy = model_weights.get_weights(self.model), self._test_accuracy(progress)
        overflow = progress.diverged and self._overflowed(final)
        for variable, value in zip(self._variables, progress.best, strict=True):
            variable.assign(value)
        return TrainingResult(
            final,
            model_weights.get_weights(self.model),
            np.array(progress.history),
            progress.best_iteration,
            progress.best_loss,
            self._test_accuracy(progress),
            final_accuracy,
            diverged=progress.diverged,
            overflow=overflow,
            compiler=self.compiler,
            xla_refused=self._refused,
            seconds=time.monotonic() - began,
        )

    def _test_accuracy(self, progress: _Progress) -> float:
        if progress.diverged:
            return float("nan")
        return float(np.mean([self.evaluate("test")[1] for _ in range(self._samples)]))

    def _overflowed(self, state: Weights) -> bool:
        """Whether weights whose loss is not finite in half precision have a finite loss in float32."""
        trainer = self.in_float32
        if trainer is self:
            return False
        model_weights.set_weights(trainer.model, state)
        return bool(np.isfinite(trainer.evaluate("validation")[0]))

    def _saved(self, progress: _Progress) -> dict[str, np.ndarray]:
        numbers = [progress.best_iteration, progress.best_loss, progress.least_badness, progress.seconds]
        return {
            "history": np.array(progress.history),
            "numbers": np.array(numbers, np.float64),
            **{f"best/{i}": value for i, value in enumerate(progress.best)},
            **{f"model/{i}": variable.numpy() for i, variable in enumerate(self._variables)},
            **{f"optimizer/{i}": variable.numpy() for i, variable in enumerate(self._optimizer.variables)},
        }

    def _restore(self, saved: dict[str, np.ndarray]) -> _Progress:
        """Restores the variables and returns the progress of a training that was saved after a reading."""
        for i, variable in enumerate(self._variables):
            variable.assign(saved[f"model/{i}"])
        for i, variable in enumerate(self._optimizer.variables):
            variable.assign(saved[f"optimizer/{i}"])
        best_iteration, best_loss, least_badness, seconds = map(float, saved["numbers"])
        return _Progress(
            iteration=int(saved["history"][-1, 0]),
            history=list(map(tuple, saved["history"])),
            least_badness=least_badness,
            best_iteration=int(best_iteration),
            best_loss=best_loss,
            best=[saved[f"best/{i}"] for i in range(len(self._variables))],
            seconds=seconds,
        )


@dataclasses.dataclass
class _Progress:
    """The progress of a training."""

    iteration: int = 0
    train_loss: float = float("nan")
    train_accuracy: float = float("nan")
    history: list[tuple[float, ...]] = dataclasses.field(default_factory=list)
    least_badness: float = float("inf")
    best_iteration: int = 0
    best_loss: float = float("inf")
    best: list[np.ndarray] = dataclasses.field(default_factory=list)
    diverged: bool = False
    seconds: float = 0.0
