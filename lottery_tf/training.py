"""Training one network: whole stretches of steps in one compiled call, the history, the early-stopping point.

Small dense networks are bound by overhead, not arithmetic: a stretch of steps, update and masking included, is one XLA
call. XLA's convolutions are slow on a CPU, so networks with convolutions run as a TensorFlow graph whose update alone is
compiled by XLA. Images stay in memory as bytes, are gathered by index and scaled in the graph.
"""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from lottery_tf import augmentation, networks
from lottery_tf.data import Dataset
from lottery_tf.errors import InputError
from lottery_tf.learning_rates import WarmupAndDrops, learning_rate
from lottery_tf.names import choose
from lottery_tf.randomness import draw_seed, generator
from lottery_tf.settings import OPTIMIZERS, TrainingSettings
from lottery_tf.store import Snapshot, fingerprint
from lottery_tf.treatments import State, Ticket

BADNESS = {"loss": lambda loss, accuracy: loss, "accuracy": lambda loss, accuracy: -accuracy}

EVALUATION_BATCH = 500
CONVOLUTIONAL_EVALUATION_BATCH = 100  # of 500 images, activations alone take a gigabyte
GRAPH_STEPS = 10  # steps a call where XLA is not used: few enough for a progress bar, too many to be felt


@dataclasses.dataclass(frozen=True)
class Trained:
    """What a training leaves behind.

    Attributes:
      final: every weight at the end.
      best: every weight at the early-stopping iteration.
      history: (rows, 5) float64 array with `store.HISTORY_COLUMNS`; a row every `eval_interval` iterations, from
        the first iteration (before its step) to the end.
      early_stop_iteration: the iteration of least validation loss (or best accuracy), the first of equals.
      early_stop_val_loss: the validation loss there.
      test_accuracy: on the test images, with the weights of the early-stopping iteration, in [0, 1].
      final_test_accuracy: on the test images at the end of training, in [0, 1].
      diverged: whether the validation loss stopped being a number; training ends there, and the accuracies are NaN.
      seconds: time spent training and evaluating, over all interruptions.
    """

    final: State
    best: State
    history: np.ndarray
    early_stop_iteration: int
    early_stop_val_loss: float
    test_accuracy: float
    final_test_accuracy: float
    diverged: bool
    seconds: float


def scale(images):
    """Images as the network sees them: bytes divided by 255 and nothing else; floats as they are."""
    return tf.cast(images, tf.float32) / 255 if images.dtype == tf.uint8 else tf.cast(images, tf.float32)


def make_optimizer(
    settings: TrainingSettings, rate: float | WarmupAndDrops | None = None
) -> keras.optimizers.Optimizer:
    """A Keras optimizer as the settings name it, with their learning rate or, where that is given, `rate`."""
    class_name, arguments = OPTIMIZERS[settings.optimizer]
    return getattr(keras.optimizers, class_name)(learning_rate(settings) if rate is None else rate, **arguments)


@functools.lru_cache(maxsize=4)
def _epoch_order(seed: int, level: int, epoch: int, size: int) -> np.ndarray:
    return generator(seed, "data order", level, epoch).permutation(size).astype(np.int32)


def batch_indices(first: int, count: int, size: int, batch_size: int, seed: int, level: int) -> np.ndarray:
    """Which images the iterations `first` to `first + count - 1` see.

    Every epoch is a fresh permutation of all training images whose last partial batch is dropped.

    Returns:
      (count, batch_size) int32 array of indices below `size`.

    >>> batch_indices(0, 3, size=5, batch_size=2, seed=0, level=0).shape
    (3, 2)
    """
    per_epoch = size // batch_size
    rows = []
    for iteration in range(first, first + count):
        epoch, batch = divmod(iteration, per_epoch)
        rows.append(_epoch_order(seed, level, epoch, size)[batch * batch_size : (batch + 1) * batch_size])
    return np.stack(rows)


def _fits(images: tuple[int, ...], taken: tuple[int | None, ...]) -> bool:
    """Whether images have the shape that a model takes; None is any size."""
    return len(images) == len(taken) and all(size in (own, None) for own, size in zip(images, taken, strict=True))


def _check_fit(model: keras.Model, dataset: Dataset, settings: TrainingSettings) -> None:
    """Raises InputError for images or labels that the model cannot take, or images that cannot be augmented."""
    if settings.augmentation and dataset.train.images.ndim != 4:
        raise InputError(
            f"augmentation is {settings.augmentation!r}, which wants images of height, width and channels; these have "
            f"shape {dataset.train.images.shape[1:]}."
        )
    for name, split in dataset.splits.items():
        if not _fits(images := split.images.shape[1:], model.input_shape[1:]):
            raise InputError(
                f"The {name} images have shape {images}; the model {model.name!r} takes {model.input_shape[1:]}."
            )
        if (label := int(split.labels.max())) >= model.output_shape[-1]:
            raise InputError(
                f"There are {name} labels up to {label}; the model {model.name!r} has {model.output_shape[-1]} outputs."
            )


@dataclasses.dataclass(frozen=True)
class Stretch:
    """Which iterations a training runs through.

    Attributes:
      first: the iteration it begins at: the order of the images, the history and the learning rate go on from there.
      last: the iteration it stops at; None: the end of the settings' schedule.
      rate_from: where in its schedule the learning rate begins; None: at `first`.
    """

    first: int = 0
    last: int | None = None
    rate_from: int | None = None

    @property
    def name(self) -> str:
        """What tells a snapshot of it from others; nothing for a whole training."""
        return "" if self == Stretch() else f" iterations {self.first} to {self.last}, rate from {self.rate_from}"


class Trainer:
    """Trains one model on one data set, again and again from given starts, with one compilation.

    Args:
      model: a Keras model, as a rule a masked one (`networks.build`, `networks.masked`).
      dataset: the images.
      settings: how long and how to train.
      from_logits: whether the model's outputs are logits (True) or probabilities.
      best_by: what is read on the validation images to choose the early-stopping iteration, "loss" or "accuracy".
      jit_compile: whether whole stretches of steps are compiled by XLA; None decides by the model.
    """

    def __init__(
        self,
        model: keras.Model,
        dataset: Dataset,
        settings: TrainingSettings,
        *,
        from_logits: bool = True,
        best_by: str = "loss",
        jit_compile: bool | None = None,
    ):
        if len(dataset.train) < settings.batch_size:
            raise InputError(
                f"batch_size is {settings.batch_size}, but there are {len(dataset.train)} training images."
            )
        _check_fit(model, dataset, settings)
        self.model = model
        self.dataset = dataset
        self.settings = settings
        self._options = {"from_logits": from_logits, "best_by": best_by, "jit_compile": jit_compile}
        self._from_logits = from_logits
        self._badness = choose(BADNESS, best_by, "measure")
        # A model that draws its weights (`supermask.MaskedModel`) draws once a step, and once for an evaluation.
        self._draw = getattr(model, "drawn", lambda: model)
        self._test_samples = getattr(model, "samples", 1)
        self._images = {name: tf.constant(split.images) for name, split in dataset.splits.items()}
        self._labels = {name: tf.constant(split.labels) for name, split in dataset.splits.items()}
        self._rate = learning_rate(settings)
        self._optimizer = make_optimizer(settings, self._rate)
        self._optimizer.build(model.trainable_variables)
        self._optimizer_start = [variable.numpy() for variable in self._optimizer.variables]
        own = {
            id(v) for layer in networks.masked_layers(model).values() for v in (layer.kernel_mask, layer.frozen_values)
        }
        self._variables = [variable for variable in model.variables if id(variable) not in own]
        convolutional = any(len(variable.shape) > 2 for variable in model.weights)
        if jit_compile is None:
            jit_compile = not convolutional
        self._evaluation_batch = CONVOLUTIONAL_EVALUATION_BATCH if convolutional else EVALUATION_BATCH
        self._steps_per_call = settings.eval_interval if jit_compile else min(GRAPH_STEPS, settings.eval_interval)
        self._train_steps = tf.function(self._steps, jit_compile=jit_compile)
        # Within an XLA program the update is compiled with all the rest; beside a graph it is a program of its own.
        self._update = self._apply if jit_compile else tf.function(self._apply, jit_compile=True)
        self._evaluate = {name: tf.function(functools.partial(self._evaluation, name)) for name in self._images}

    def of(self, model: keras.Model) -> Trainer:
        """A trainer of another model with the same settings, on the same images: there is one copy of them for both."""
        other = Trainer(model, self.dataset, self.settings, **self._options)
        other._images, other._labels = self._images, self._labels
        return other

    def train(
        self,
        ticket: Ticket,
        seed: int,
        level: int,
        *,
        stretch: Stretch | None = None,
        order_seed: int | None = None,
        snapshot: Snapshot | None = None,
        on_history: Callable[[np.ndarray], None] = lambda history: None,
        on_steps: Callable[[int], None] = lambda count: None,
    ) -> Trained:
        """Trains a ticket to its end (step 1 of the paper's algorithm).

        Args:
          ticket: where every weight starts, and the mask.
          seed: the run's seed, and
          level: the level's number: together they fix the order of the images, their augmentation and the dropout.
          stretch: which iterations are trained; None: all of the settings'. The optimizer's moments always start
            afresh.
          order_seed: a seed that takes the place of the run's in all that, for another training from the same start
            (instability analysis); None: the run's own.
          snapshot: where the state is saved from time to time, and taken up from if it was.
          on_history: called with the history so far after each reading of the validation loss.
          on_steps: called with the number of steps just done.

        The same arguments give the same bits on one machine, whether or not the training is interrupted.
        """
        stretch = stretch or Stretch()
        last = self.settings.iterations if stretch.last is None else stretch.last
        seed = seed if order_seed is None else order_seed
        self._reset(ticket, seed, level, stretch)
        run = _Run(iteration=stretch.first)
        what = f"{fingerprint(ticket.start, ticket.mask)} seed {seed} level {level}{stretch.name}"
        if snapshot is not None and (saved := snapshot.load(what)) is not None:
            run = self._restore(saved)
            on_steps(run.iteration - stretch.first)
        began = time.monotonic() - run.seconds
        while run.restored or not self._read_validation(run):
            run.restored = False
            on_history(np.array(run.history))
            if run.iteration >= last:
                break
            run.seconds = time.monotonic() - began
            if snapshot is not None:
                snapshot.save_if_due(what, lambda: self._saved(run))
            self._train_to_next_reading(run, last, seed, level, on_steps)
        final, final_accuracy = networks.get_state(self.model), self._test_accuracy(run)
        for variable, value in zip(self._variables, run.best, strict=True):
            variable.assign(value)
        return Trained(
            final,
            networks.get_state(self.model),
            np.array(run.history),
            run.best_iteration,
            run.best_loss,
            self._test_accuracy(run),
            final_accuracy,
            diverged=run.diverged,
            seconds=time.monotonic() - began,
        )

    def evaluate(self, split: str) -> tuple[float, float]:
        """Mean loss and accuracy (in [0, 1]) of the model as it stands on "train", "validation" or "test"."""
        loss, correct = self._evaluate[split]()
        size = len(self.dataset.splits[split])
        return float(loss) / size, float(correct) / size

    def gradient(self, ticket: Ticket, indices: np.ndarray) -> State:
        """The gradient of the mean loss of some training images at a ticket's start, for each maskable kernel."""
        networks.set_state(self.model, ticket.start, ticket.mask)
        layers = networks.masked_layers(self.model)
        with tf.GradientTape() as tape:
            loss_sum, _ = self._loss_and_correct(self._draw(), "train", indices, training=False)
            loss = loss_sum / len(indices)
        found = tape.gradient(loss, [layer.kernel.value for layer in layers.values()])
        return {name: gradient.numpy() for name, gradient in zip(layers, found, strict=True)}

    def _reset(self, ticket: Ticket, seed: int, level: int, stretch: Stretch) -> None:
        networks.set_state(self.model, ticket.start, ticket.mask)
        if isinstance(self._rate, WarmupAndDrops):
            self._rate.begins_at.assign(stretch.first if stretch.rate_from is None else stretch.rate_from)
        for variable, value in zip(self._optimizer.variables, self._optimizer_start, strict=True):
            variable.assign(value)
        rng = generator(seed, "dropout", level)
        for variable in self._variables:
            if variable.name == "seed_generator_state":
                variable.assign(np.array([draw_seed(rng), 0], variable.dtype))

    def _read_validation(self, run: _Run) -> bool:
        """Adds a row to the history and keeps the best weights; returns whether training has diverged."""
        loss, accuracy = self.evaluate("validation")
        run.history.append((run.iteration, run.train_loss, run.train_accuracy, loss, accuracy))
        run.diverged = not np.isfinite(loss)
        badness = self._badness(loss, accuracy)
        if not run.best or badness < run.least_badness:
            run.least_badness, run.best_iteration, run.best_loss = badness, run.iteration, loss
            run.best = [variable.numpy() for variable in self._variables]
        return run.diverged

    def _train_to_next_reading(
        self, run: _Run, last: int, seed: int, level: int, on_steps: Callable[[int], None]
    ) -> None:
        """Trains up to the next reading of the validation loss: at every whole interval, and at the last iteration."""
        interval, batch_size = self.settings.eval_interval, self.settings.batch_size
        steps = min(interval - run.iteration % interval, last - run.iteration)
        loss = correct = 0.0
        for done in range(0, steps, self._steps_per_call):
            count = min(self._steps_per_call, steps - done)
            batches = self._batches(run.iteration + done, seed, level)
            call_loss, call_correct = self._train_steps(tf.constant(count), *map(tf.constant, batches))
            loss, correct = loss + float(call_loss), correct + float(call_correct)
            on_steps(count)
        run.iteration += steps
        run.train_loss, run.train_accuracy = loss / (steps * batch_size), correct / (steps * batch_size)

    def _batches(self, first: int, seed: int, level: int) -> list[np.ndarray]:
        """The images of the iterations from `first` on, and what is done to them where they are augmented.

        Always as many rows as a call may need, so that XLA compiles for one shape only.
        """
        count, batch_size = self._steps_per_call, self.settings.batch_size
        batches = [batch_indices(first, count, len(self.dataset.train), batch_size, seed, level)]
        if self.settings.augmentation:
            batches.append(augmentation.draws(first, count, batch_size, seed, level))
        return batches

    def _steps(self, count, indices, drawn=None):
        loss_sum = correct_sum = tf.zeros(())
        for step in tf.range(count):
            with tf.GradientTape() as tape:
                own = None if drawn is None else drawn[step]
                loss, correct = self._loss_and_correct(self._draw(), "train", indices[step], training=True, drawn=own)
                batch_loss = loss / indices.shape[1] + sum(self.model.losses)
                if self.settings.weight_decay:
                    squares = sum(map(tf.nn.l2_loss, networks.kernel_tensors(self.model)))
                    batch_loss += self.settings.weight_decay * squares
            self._update(*tape.gradient(batch_loss, [v.value for v in self.model.trainable_variables]))
            loss_sum, correct_sum = loss_sum + loss, correct_sum + correct
        return loss_sum, correct_sum

    def _apply(self, *gradients) -> None:
        self._optimizer.apply(list(gradients), self.model.trainable_variables)

    def _evaluation(self, split: str):
        size = len(self.dataset.splits[split])
        loss_sum = correct_sum = tf.zeros((), tf.float64)
        network = self._draw()
        for first in tf.range(0, size, self._evaluation_batch):
            indices = tf.range(first, tf.minimum(first + self._evaluation_batch, size))
            loss, correct = self._loss_and_correct(network, split, indices, training=False)
            loss_sum, correct_sum = loss_sum + tf.cast(loss, tf.float64), correct_sum + tf.cast(correct, tf.float64)
        return loss_sum, correct_sum

    def _loss_and_correct(self, network: Callable, split: str, indices, training: bool, drawn=None):
        """Summed cross-entropy and number of right answers of some images, augmented if so drawn."""
        labels, images = tf.gather(self._labels[split], indices), tf.gather(self._images[split], indices)
        if drawn is not None:
            images = augmentation.AUGMENTATIONS[self.settings.augmentation](images, drawn)
        outputs = network(scale(images), training=training)
        losses = keras.losses.sparse_categorical_crossentropy(labels, outputs, from_logits=self._from_logits)
        right = tf.equal(tf.argmax(outputs, axis=-1, output_type=tf.int32), labels)
        return tf.reduce_sum(losses), tf.reduce_sum(tf.cast(right, tf.float32))

    def _test_accuracy(self, run: _Run) -> float:
        """With the weights as they are: the test images are read at the early stop and at the end, no more."""
        if run.diverged:
            return float("nan")
        return float(np.mean([self.evaluate("test")[1] for _ in range(self._test_samples)]))

    def _saved(self, run: _Run) -> dict[str, np.ndarray]:
        numbers = [run.best_iteration, run.best_loss, run.least_badness, run.seconds]
        return {
            "history": np.array(run.history),
            "numbers": np.array(numbers, np.float64),
            **{f"best/{i}": value for i, value in enumerate(run.best)},
            **{f"model/{i}": variable.numpy() for i, variable in enumerate(self._variables)},
            **{f"optimizer/{i}": variable.numpy() for i, variable in enumerate(self._optimizer.variables)},
        }

    def _restore(self, saved: dict[str, np.ndarray]) -> _Run:
        for i, variable in enumerate(self._variables):
            variable.assign(saved[f"model/{i}"])
        for i, variable in enumerate(self._optimizer.variables):
            variable.assign(saved[f"optimizer/{i}"])
        best_iteration, best_loss, least_badness, seconds = map(float, saved["numbers"])
        return _Run(
            iteration=int(saved["history"][-1, 0]),
            history=list(map(tuple, saved["history"])),
            least_badness=least_badness,
            best_iteration=int(best_iteration),
            best_loss=best_loss,
            best=[saved[f"best/{i}"] for i in range(len(self._variables))],
            seconds=seconds,
            restored=True,
        )


@dataclasses.dataclass
class _Run:
    """Where a training stands."""

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
    restored: bool = False  # from a snapshot, which is taken just after the validation images were read
