"""The compiled functions of a trainer: many training steps in one call, and the evaluation of a split.

In small dense networks most of the time is overhead. So all steps between two readings of the validation loss, with
their updates and masks, are one XLA program. If `compilation` chooses a TensorFlow graph instead, XLA compiles only the
update. Images stay in memory as bytes; the graph gathers them by index and scales them.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from lottery_tf.datasets.dataset import Dataset
from lottery_tf.datasets.splits import map_arrays
from lottery_tf.datasets.streams import Stream
from lottery_tf.masking import model_weights
from lottery_tf.masking.layers import masking_gradients_later
from lottery_tf.models.settings import TrainingSettings
from lottery_tf.system import hardware
from lottery_tf.training import augmentation, compilation
from lottery_tf.training.feeds import MemoryFeed, StreamFeed
from lottery_tf.training.objective import Objective
from lottery_tf.training.sampled_model import SampledModel
from lottery_tf.training.scaling import Scaling

log = logging.getLogger(__name__)

EVALUATION_BATCH = 500
CONVOLUTIONAL_EVALUATION_BATCH = 100  # the activations of 500 images would take a gigabyte
GRAPH_STEPS = 10  # steps in a call without XLA; few enough for a progress bar, and enough to hide the calls' overhead


@functools.cache  # so that several trainers of one model log it once
def _announce(name: str, compiler: str, refused: str) -> None:
    """Logs the compiler of a model's training steps, and what XLA refused, if it did."""
    how, where = compilation.HOW_RUN[compiler], hardware.describe_device()
    if refused:
        log.warning("XLA cannot compile the training steps of %s (%s), so they run as %s.", name, refused, how)
    else:
        log.info("Training steps of %s run as %s on %s.", name, how, where)


class Programs:
    """Training steps and evaluations of one model on one data set, compiled at their first use.

    It shares the feeds of other programs if they are given.

    Attributes:
      feeds: the examples of each split, as the programs read them.
      compiler: the compiler of the steps. If it refuses the first steps, the next one in `compilation.HOW_RUN` is used.
      refused: what XLA refused, in a few words; "" if nothing.
    """

    def __init__(
        self,
        model: keras.Model,
        dataset: Dataset,
        settings: TrainingSettings,
        compiler: str,
        feeds: dict[str, MemoryFeed | StreamFeed] | None = None,
    ):
        self._model = model
        self._dataset = dataset
        self._settings = settings
        self.compiler = compiler
        self.refused = ""
        self._scaling = {name: Scaling(model, split.images, split.divide_by) for name, split in dataset.splits.items()}
        self.feeds = feeds or {
            name: StreamFeed(split) if isinstance(split, Stream) else MemoryFeed(split)
            for name, split in dataset.splits.items()
        }

    def first_example(self) -> tuple:
        """Returns the model's input, the label and, if there is one, the weight of the first training example."""
        image, *others = self.feeds["train"].gather([0])
        return self._scaling["train"](image), *others

    def compile(self, objective: Objective, optimizer: keras.optimizers.Optimizer) -> None:
        """Makes the programs for a loss with its metrics, and for an optimizer that is built."""
        self._objective, self._optimizer = objective, optimizer
        self._make()

    def _make(self) -> None:
        xla = self.compiler == "xla"
        convolutional = compilation.has_convolutions(self._model)
        self._evaluation_batch = CONVOLUTIONAL_EVALUATION_BATCH if convolutional else EVALUATION_BATCH
        # Not more than the whole training: the images of all steps of a call are chosen before it.
        interval = min(self._settings.eval_interval, self._settings.iterations)
        self._steps_per_call = interval if xla and self.feeds["train"].in_memory else min(GRAPH_STEPS, interval)
        self._compiled_steps = compilation.compiled(self._take_steps, jit_compile=xla)
        self._train_steps: Callable = self._compile_and_take_steps
        # With "xla" the update is compiled with the steps, with "graph" it is an XLA program of its own.
        self._update = compilation.compiled(self._apply, jit_compile=True) if self.compiler == "graph" else self._apply
        self._evaluations = {name: self._evaluation_of(name, feed) for name, feed in self.feeds.items()}

    def train(
        self, first: int, steps: int, seed_and_level: tuple[int, int], on_steps: Callable[[int], None]
    ) -> tuple[float, float]:
        """Takes training steps, and returns the summed loss and number of correct predictions of their examples.

        With a Keras loss the number is 0, because the objective keeps its metrics. Seed and level determine the order
        of images and the augmentation. `on_steps` is called with the number of steps just done.
        """
        loss = correct = 0.0
        for done in range(0, steps, self._steps_per_call):
            count = min(self._steps_per_call, steps - done)
            call_loss, call_correct = self._train_steps(
                tf.constant(count), *self._batches(first + done, *seed_and_level)
            )
            loss, correct = loss + float(call_loss), correct + float(call_correct)
            on_steps(count)
        return loss, correct

    def evaluate(self, split: str) -> tuple[float, float]:
        """Returns the summed loss and number of correct predictions of all examples of a split."""
        loss, correct = self._evaluations[split]()
        return float(loss), float(correct)

    def gradient(self, indices: np.ndarray, kernels: list) -> list:
        """Returns the gradient of the mean loss of some training examples for each kernel.

        It is None for a kernel on which the loss does not depend.
        """
        with tf.GradientTape() as tape:
            examples = self.feeds["train"].gather(indices)
            loss_sum, _ = self._loss_and_correct(self._network(), "train", examples, training=False)
            loss = loss_sum / len(indices)
        return tape.gradient(loss, [kernel.value for kernel in kernels])

    def _evaluation_of(self, split: str, feed: MemoryFeed | StreamFeed) -> Callable:
        """Returns a function that sums the losses and correct predictions of all examples of a split."""
        if isinstance(feed, MemoryFeed):
            return compilation.compiled(self._evaluation_in_memory, split)
        sums = compilation.compiled(self._batch_sums, split)
        return functools.partial(self._streamed_evaluation, sums, feed)

    def _network(self) -> Callable:
        """Returns the network to compute with; a `SampledModel` draws its weights here."""
        return self._model.draw_network() if isinstance(self._model, SampledModel) else self._model

    def _batches(self, first: int, seed: int, level: int) -> list:
        """Returns the examples of the iterations from `first` on, in the form of their feed, and draws of augmentation.

        The number of rows is always the same, so that XLA compiles for one shape only.
        """
        count, batch_size = self._steps_per_call, self._settings.batch_size
        chunk = self.feeds["train"].chunk(first, count, batch_size, seed, level)
        batches = [map_arrays(tf.constant, chunk)]
        if self._settings.augmentation:
            batches.append(tf.constant(augmentation.draws(first, count, batch_size, seed, level)))
        return batches

    def _compile_and_take_steps(self, *arguments):
        """Takes the first steps, which compiles them; if the compiler refuses them, tries the next compiler."""
        before = [(variable, variable.numpy()) for variable in (*self._model.variables, *self._optimizer.variables)]
        try:
            found = self._compiled_steps(*arguments)
        except tf.errors.OpError as error:
            fallback = compilation.fallback(self.compiler, error)
            if fallback is None:
                raise
            for variable, value in before:  # a graph may have changed variables before it failed
                variable.assign(value)
            self._objective.reset_metrics()
            self.compiler, self.refused = fallback, self.refused or compilation.reason(error)
            self._make()
            return self._compile_and_take_steps(*arguments)
        _announce(self._model.name, self.compiler, self.refused)
        self._train_steps = self._compiled_steps
        return found

    def _take_steps(self, count, chunk, augmentation_draws=None):
        """Takes `count` training steps; returns the summed loss and correct predictions of their examples."""
        loss_sum = correct_sum = tf.zeros(())
        for step in tf.range(count):
            with tf.GradientTape() as tape, masking_gradients_later():
                draws = None if augmentation_draws is None else augmentation_draws[step]
                examples = self.feeds["train"].batch(chunk, step)
                loss, correct = self._loss_and_correct(self._network(), "train", examples, True, draws)
                penalties = (tf.cast(penalty, tf.float32) for penalty in self._model.losses)
                batch_loss = loss / self._settings.batch_size + sum(penalties)
                if self._settings.weight_decay:
                    kernels = model_weights.kernel_tensors(self._model)
                    squares = sum(tf.cast(tf.nn.l2_loss(kernel), tf.float32) for kernel in kernels)
                    batch_loss += self._settings.weight_decay * squares
                batch_loss = self._optimizer.scale_loss(batch_loss)
            self._update(*tape.gradient(batch_loss, [v.value for v in self._model.trainable_variables]))
            loss_sum, correct_sum = loss_sum + loss, correct_sum + correct
        return loss_sum, correct_sum

    def _apply(self, *gradients) -> None:
        """Updates the trained weights. A pruned weight has no gradient, and its kernel's constraint holds it."""
        kernels = model_weights.masked_kernels(self._model).values()
        masks = {id(kernel.variable): kernel.kernel_mask.value for kernel in kernels}
        variables = self._model.trainable_variables
        masked = [
            _masked(gradient, masks.get(id(variable))) for gradient, variable in zip(gradients, variables, strict=True)
        ]
        self._optimizer.apply(masked, variables)

    def _evaluation_in_memory(self, split: str):
        size = len(self._dataset.splits[split])
        loss_sum = correct_sum = tf.zeros((), tf.float64)
        network = self._network()
        for first in tf.range(0, size, self._evaluation_batch):
            indices = tf.range(first, tf.minimum(first + self._evaluation_batch, size))
            examples = self.feeds[split].gather(indices)
            with masking_gradients_later():
                loss, correct = self._loss_and_correct(network, split, examples, training=False)
            loss_sum, correct_sum = loss_sum + tf.cast(loss, tf.float64), correct_sum + tf.cast(correct, tf.float64)
        return loss_sum, correct_sum

    def _streamed_evaluation(self, sums: Callable, feed: StreamFeed) -> tuple[float, float]:
        """Sums losses and correct predictions over all examples of a split that is not in memory, batch by batch."""
        batches = (sums(map_arrays(tf.constant, batch)) for batch in feed.in_order(self._evaluation_batch))
        losses, counts = zip(*((float(loss), float(correct)) for loss, correct in batches), strict=True)
        return sum(losses), sum(counts)

    def _batch_sums(self, split: str, examples):
        with masking_gradients_later():
            return self._loss_and_correct(self._network(), split, examples, training=False)

    def _loss_and_correct(self, network: Callable, split: str, examples, training: bool, augmentation_draws=None):
        """Returns the summed loss and number of correct predictions of some examples, both float32."""
        images, labels, *weights = examples
        if self._settings.augmentation is not None and augmentation_draws is not None:
            images = getattr(augmentation, self._settings.augmentation)(
                images, augmentation_draws, augmentation.channels_come_first(self._model)
            )
        outputs = network(self._scaling[split](images), training=training)
        return self._objective.sums(labels, outputs, *weights)


def _masked(gradient, kernel_mask):
    """Returns a gradient with zeros where a mask is False; unchanged without a mask, or if it is None."""
    if gradient is None or kernel_mask is None:
        return gradient
    dense = tf.convert_to_tensor(gradient)  # an embedding's is a list of rows
    return tf.where(kernel_mask, dense, tf.zeros_like(dense))
