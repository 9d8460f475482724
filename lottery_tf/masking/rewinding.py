"""Sets the weights of a masked model back and keeps its masks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import keras
import numpy as np
from keras import ops

from lottery_tf.argument_checks.signatures import checked
from lottery_tf.errors import InputError
from lottery_tf.masking import model_weights
from lottery_tf.pruning.treatments import Weights


@checked
def rewind(model: keras.Model, weights: Weights | Sequence[np.ndarray]) -> None:
    """Sets the kept weights of a masked model, and all weights without a mask; masks and frozen values do not change.

    Keras's own `model.set_weights` also sets the masks, because they are weights of the model. With weights from before
    `set_mask`, all weights would be kept again.

    Args:
      model: a masked model.
      weights: weights by name, from `lt.get_weights`, or a list from Keras's `get_weights`: of this model, or of the
        model that it was made from.

    Raises:
      InputError: the model has no masks, or the weights do not match the model, or are not finite.

    >>> import lottery_tf as lt
    >>> network = lt.masked(keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]))
    >>> w0, layer = network.get_weights(), network.layers[0]
    >>> layer.set_mask(np.eye(3, 2), np.full((3, 2), 5.0))
    >>> _ = layer.kernel.assign(layer.kernel + np.eye(3, 2))  # a training
    >>> lt.rewind(network, w0)
    >>> bool((layer.kernel.numpy() == np.where(np.eye(3, 2), w0[0], 5)).all())
    True
    """
    if not (masked := model_weights.masked_kernels(model)):
        raise InputError("rewind needs a masked model (lt.masked). For other models, use model.set_weights.")
    start = dict(weights) if isinstance(weights, Mapping) else _by_name(model, weights)
    now = model_weights.get_weights(model)
    mask = {name: np.asarray(ops.convert_to_numpy(kernel.kernel_mask)) for name, kernel in masked.items()}
    if all(name in start and np.shape(start[name]) == kept.shape for name, kept in mask.items()):
        start |= {name: np.where(kept, start[name], now[name]) for name, kept in mask.items()}
    model_weights.set_weights(model, start, mask)  # raises InputError for names or shapes that do not fit


def _by_name(model: keras.Model, weights: Sequence[np.ndarray]) -> Weights:
    """Returns weights in Keras's order by their names, without masks and frozen values."""
    names = model_weights.names_by_variable(model)
    with_masks = [id(variable) for variable in model.weights]
    without_masks = [variable for variable in with_masks if variable in names]
    variables = with_masks if len(weights) == len(with_masks) else without_masks
    if len(weights) != len(variables):
        raise InputError(
            f"{len(weights)} arrays are given; {model.name!r} has {len(with_masks)}, and {len(without_masks)} without "
            "its masks."
        )
    pairs = zip(variables, weights, strict=True)
    return {names[variable]: np.asarray(value) for variable, value in pairs if variable in names}
