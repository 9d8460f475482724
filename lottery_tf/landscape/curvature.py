"""The curvature of the training loss at a network: products of its Hessian with vectors, compiled once.

The Hessian is that of the mean cross-entropy of chosen training images, without penalties on the weights. The network
is in inference mode: no dropout, batch-norm statistics as they stand. Its coordinates are the weights that training
moves: kernel weights that survive the mask, all biases, and the gains and offsets of batch norm. Pruned weights are
left out, for the networks of later levels cannot differ there.
"""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from scipy.sparse.linalg import LinearOperator

from lottery_tf.data import Split
from lottery_tf.errors import InputError
from lottery_tf.landscape.subspace import Subspace
from lottery_tf.masking import conversion, model_weights
from lottery_tf.pruning.masks import Mask
from lottery_tf.pruning.treatments import Weights
from lottery_tf.seeds import generator
from lottery_tf.training.batches import scale
from lottery_tf.training.precision import set_float32

CHUNK = 200  # images at once: a product keeps several times their activations, about a gigabyte for conv2


def some_images(split: Split, count: int, seed: int = 0) -> Split:
    """Images chosen at random without repetition, the same for all networks that are compared.

    Raises:
      InputError: more images than there are, or none.
    """
    if not 1 <= count <= len(split):
        raise InputError(f"{count} images are asked for; there are {len(split)}, and at least 1 is needed.")
    chosen = generator(seed, "images of the Hessian").permutation(len(split))[:count]
    return Split(split.images[chosen], split.labels[chosen])


class Curvature:
    """The loss of some images as a function of a model's weights, with its gradient and Hessian at any of them.

    Products with the Hessian are reverse over reverse: the gradient of gradient times vector, in a TensorFlow graph. On
    a CPU that is faster than forward over reverse, for dense and convolutional networks alike, and XLA gains nothing.

    Args:
      model: a Keras model, masked or not; a plain float32 copy of it is made, and the model itself is left alone.
      images: the images and labels, `some_images(dataset.train, 5000)` for example; the more, the smoother the loss.
      from_logits: whether the model's outputs are logits or probabilities.
      chunk: how many images are in memory at once.

    >>> import lottery_tf as lt
    >>> from lottery_tf.pruning import masks; from lottery_tf.masking import model_weights
    >>> from lottery_tf.landscape import spectrum
    >>> model, digits = lt.build("fc"), lt.load("digits")
    >>> weights, mask = model_weights.get_weights(model), masks.full(model_weights.kernels(model))
    >>> hessian = Curvature(model, digits.train).at(weights, mask)
    >>> hessian.shape == (266610, 266610) and spectrum.top_eigenvalues(hessian, 1).shape
    (1,)
    """

    def __init__(self, model: keras.Model, images: Split, *, from_logits: bool = True, chunk: int = CHUNK):
        self._model = conversion.unmasked(model)
        set_float32(self._model)
        self._images, self._labels = tf.constant(images.images), tf.constant(images.labels)
        self._count, self._chunk, self._from_logits = len(images), chunk, from_logits
        named = model_weights.variables(self._model)
        self._trainable = {name: variable for name, variable in named.items() if variable.trainable}
        self._held: Weights | None = None
        self._product = tf.function(self._summed_product)
        self._gradient = tf.function(self._summed_gradient)
        self._loss = tf.function(self._summed_loss)

    def at(self, weights: Weights, mask: Mask) -> Hessian:
        """The Hessian at a network, in the subspace of its surviving weights.

        Args:
          weights: every weight; pruned ones at their frozen values.
          mask: for each maskable kernel.

        Raises:
          InputError: weights or a mask of another network.
        """
        shapes = {name: tuple(variable.shape) for name, variable in self._trainable.items()}
        return Hessian(self, weights, Subspace(shapes, mask))

    def loss(self, weights: Weights) -> float:
        """The mean loss of the images."""
        self._hold(weights)
        return float(self._loss()) / self._count

    def gradient(self, weights: Weights) -> Weights:
        """The gradient of the mean loss, for every trainable array in float64."""
        self._hold(weights)
        return self._means(self._gradient())

    def product(self, weights: Weights, direction: Weights) -> Weights:
        """The Hessian at a network times a direction, for every trainable array in float64.

        Args:
          weights: every weight.
          direction: an array for every trainable one.
        """
        self._hold(weights)
        return self._means(self._product([tf.constant(direction[name], tf.float32) for name in self._trainable]))

    def _means(self, sums) -> Weights:
        return {name: total.numpy() / self._count for name, total in zip(self._trainable, sums, strict=True)}

    def _hold(self, weights: Weights) -> None:
        """Sets the weights, unless it was this very dict that was set last."""
        if weights is not self._held:
            model_weights.set_weights(self._model, weights)
            self._held = weights

    def _chunk_loss(self, first):
        """Summed cross-entropy of the chunk of images that starts at `first`."""
        labels = self._labels[first : first + self._chunk]
        outputs = self._model(scale(self._images[first : first + self._chunk]), training=False)
        losses = keras.losses.sparse_categorical_crossentropy(labels, outputs, from_logits=self._from_logits)
        return tf.reduce_sum(losses)

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
    """Sums over chunks are kept in float64."""
    return [total + tf.cast(part, tf.float64) for total, part in zip(totals, parts, strict=True)]


class Hessian(LinearOperator):
    """A loss's Hessian at one network, restricted to the weights that training moves: a SciPy linear operator.

    `Curvature.at` makes one; products and vectors are float64, computed in float32.

    Attributes:
      weights: the network's weights.
      space: from weights to vectors and back.
    """

    def __init__(self, curvature: Curvature, weights: Weights, space: Subspace):
        super().__init__(np.float64, (space.size, space.size))
        self.weights, self.space = weights, space
        self._curvature = curvature

    def _matvec(self, vector: np.ndarray) -> np.ndarray:
        direction = self.space.arrays(np.ravel(vector))
        return self.space.vector(self._curvature.product(self.weights, direction))

    def _adjoint(self) -> Hessian:
        return self  # a Hessian is symmetric

    def gradient(self) -> np.ndarray:
        """The gradient at the network, in the same coordinates."""
        return self.space.vector(self._curvature.gradient(self.weights))

    def increase(self, direction: Weights) -> float:
        """How much the loss grows along a direction by the quadratic model at the network: g.d + d^T H d / 2."""
        vector = self.space.vector(direction)
        return float(self.gradient() @ vector + vector @ self.matvec(vector) / 2)
