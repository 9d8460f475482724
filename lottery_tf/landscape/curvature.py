"""Computes products of the Hessian of the training loss with vectors, compiled once.

The loss is the mean cross-entropy of chosen training images, without weight decay. The network is in inference mode:
no dropout, and batch-norm statistics stay fixed. The Hessian covers the weights that training changes: kept kernel
weights, all biases, and the gains and offsets of batch norm. Pruned weights are left out, because later levels do not
change them.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from scipy.sparse.linalg import LinearOperator

from lottery_tf.argument_checks.signatures import checked
from lottery_tf.argument_checks.validation import Count
from lottery_tf.datasets.splits import Split, map_arrays
from lottery_tf.errors import InputError
from lottery_tf.landscape.subspace import Subspace
from lottery_tf.masking import conversion, model_weights
from lottery_tf.old_names import old_arguments, old_name
from lottery_tf.pruning.masks import Mask, check_layers
from lottery_tf.pruning.treatments import Weights
from lottery_tf.seeds import generator
from lottery_tf.training.compilation import compiled
from lottery_tf.training.objective import Classification, KerasObjective, Objective
from lottery_tf.training.precision import set_float32
from lottery_tf.training.scaling import Scaling

CHUNK = 200  # images processed at once; a product takes several times their activations, about 1 GB for conv2


def some_images(split: Split, count: int, seed: int = 0) -> Split:
    """Chooses some images at random, without repetition; equal arguments give equal images.

    Raises:
      InputError: the count is below 1 or above the number of images.
    """
    if not 1 <= count <= len(split):
        raise InputError(f"The number of images is {count}; it must be 1 to {len(split)}.")
    chosen = generator(seed, "images of the Hessian").permutation(len(split))[:count]
    return split.take(chosen)


@old_arguments(state="weights")
@checked
class Curvature:
    """The loss of some images as a function of a model's weights, with its gradient and Hessian.

    Products with the Hessian are computed in reverse-over-reverse mode: the gradient of (gradient times vector), in a
    TensorFlow graph. On a CPU this is faster than forward-over-reverse mode, and XLA does not make it faster.

    Args:
      model: a Keras model, masked or not. It is copied to a plain float32 model and not changed.
      images: images and labels, for example `some_images(dataset.train, 5000)`. More images give a smoother loss.
      from_logits: whether the model's outputs are logits or probabilities.
      loss, loss_weights: the loss, as Keras's `compile` takes it; None: the cross-entropy of whole-number labels.
      chunk: the number of images that are processed at once.

    >>> import lottery_tf as lt
    >>> from lottery_tf.pruning import masks; from lottery_tf.masking import model_weights
    >>> from lottery_tf.landscape import spectrum
    >>> model, digits = lt.build("fc"), lt.load("digits")
    >>> weights, mask = model_weights.get_weights(model), masks.full(model_weights.kernels(model))
    >>> hessian = Curvature(model, digits.train).at(weights, mask)
    >>> hessian.shape == (266610, 266610) and spectrum.top_eigenvalues(hessian, 1).shape
    (1,)
    """

    def __init__(
        self,
        model: keras.Model,
        images: Split,
        *,
        from_logits: bool = True,
        loss: Any = None,
        loss_weights: Any = None,
        chunk: Count = CHUNK,
    ):
        self._model = conversion.unmasked(model)
        set_float32(self._model)
        self._scaling = Scaling(self._model, images.images, images.divide_by)
        self._examples = map_arrays(tf.constant, images.examples)
        self._count, self._chunk = len(images), chunk
        self._objective: Objective = Classification(from_logits)
        if loss is not None:
            self._objective = KerasObjective(self._model, loss, loss_weights=loss_weights)
            inputs, *others = self._some(0, 1)
            self._objective.build(self._scaling(inputs), *others)
        named = model_weights.variables(self._model)
        self._trainable = {name: variable for name, variable in named.items() if variable.trainable}
        self._held: Weights | None = None
        self._product = compiled(self._summed_product)
        self._gradient = compiled(self._summed_gradient)
        self._loss = compiled(self._summed_loss)

    def at(self, weights: Weights, mask: Mask) -> Hessian:
        """Returns the Hessian at a network, in the subspace of its kept weights.

        Args:
          weights: every weight; pruned weights have their frozen values.
          mask: the mask of each maskable kernel.

        Raises:
          InputError: the weights or the mask belong to another network.
        """
        shapes = {name: tuple(variable.shape) for name, variable in self._trainable.items()}
        return Hessian(self, weights, Subspace(shapes, mask))

    def loss(self, weights: Weights) -> float:
        """Returns the mean loss of the images."""
        self._hold(weights)
        return float(self._loss()) / self._count

    def gradient(self, weights: Weights) -> Weights:
        """Returns the gradient of the mean loss for every trainable array, in float64."""
        self._hold(weights)
        return self._means(self._gradient())

    def product(self, weights: Weights, direction: Weights) -> Weights:
        """Returns the product of the Hessian at a network with a direction for every trainable array, in float64."""
        check_layers("direction", direction, self._trainable)
        self._hold(weights)
        return self._means(self._product([tf.constant(direction[name], tf.float32) for name in self._trainable]))

    def _means(self, sums) -> Weights:
        return {name: total.numpy() / self._count for name, total in zip(self._trainable, sums, strict=True)}

    def _hold(self, weights: Weights) -> None:
        """Sets the model's weights, unless the last call set the same dict."""
        if weights is not self._held:
            model_weights.assign(self._model, weights)
            self._held = weights

    def _chunk_loss(self, first):
        """Returns the summed loss of the chunk of images that starts at `first`."""
        inputs, *others = self._some(first, self._chunk)
        return self._objective.sums(others[0], self._model(self._scaling(inputs), training=False), *others[1:])[0]

    def _some(self, first, count: int):
        """Returns images, labels and, where there are any, weights, from `first` on."""
        return map_arrays(lambda tensor: tensor[first : first + count], self._examples)

    def _chunk_gradient(self, first, values):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(values)
            loss = self._chunk_loss(first)
        return tape.gradient(loss, values, unconnected_gradients=tf.UnconnectedGradients.ZERO)

    def _values(self):
        return [variable.value for variable in self._trainable.values()]

    def _zeros(self):
        return [tf.zeros(variable.shape, tf.float64) for variable in self._trainable.values()]

    def _summed_loss(self):
        total = tf.zeros((), tf.float64)
        for first in tf.range(0, self._count, self._chunk):
            total += tf.cast(self._chunk_loss(first), tf.float64)
        return total

    def _summed_gradient(self):
        totals = self._zeros()
        for first in tf.range(0, self._count, self._chunk):
            totals = _added(totals, self._chunk_gradient(first, self._values()))
        return totals

    def _summed_product(self, direction):
        values, totals = self._values(), self._zeros()
        for first in tf.range(0, self._count, self._chunk):
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(values)
                gradient = self._chunk_gradient(first, values)
                along = tf.add_n([tf.reduce_sum(a * b) for a, b in zip(gradient, direction, strict=True)])
            products = tape.gradient(along, values, unconnected_gradients=tf.UnconnectedGradients.ZERO)
            totals = _added(totals, products)
        return totals


def _added(totals, parts):
    """Adds the values of a chunk to sums in float64."""
    return [total + tf.cast(part, tf.float64) for total, part in zip(totals, parts, strict=True)]


class Hessian(LinearOperator):
    """The Hessian of a loss at one network, restricted to the weights that training changes; a SciPy linear operator.

    `Curvature.at` makes one. Vectors are float64; products are computed in float32.

    Attributes:
      weights: the network's weights.
      space: the subspace, which converts between weights and vectors.
    """

    def __init__(self, curvature: Curvature, weights: Weights, space: Subspace):
        super().__init__(np.float64, (space.size, space.size))
        self.weights, self.space = weights, space
        self._curvature = curvature

    state = property(old_name("state", "weights"))

    def _matvec(self, vector: np.ndarray) -> np.ndarray:
        direction = self.space.arrays(np.ravel(vector))
        return self.space.vector(self._curvature.product(self.weights, direction))

    def _adjoint(self) -> Hessian:
        return self  # a Hessian is symmetric

    def gradient(self) -> np.ndarray:
        """Returns the gradient at the network, as a vector of the subspace."""
        return self.space.vector(self._curvature.gradient(self.weights))

    def increase(self, direction: Weights) -> float:
        """Returns the increase of the loss along a direction by the quadratic model: g.d + d^T H d / 2."""
        vector = self.space.vector(direction)
        return float(self.gradient() @ vector + vector @ self.matvec(vector) / 2)
