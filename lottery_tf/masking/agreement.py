"""Compares the outputs of a model and of its copy on random input, before the copy is returned."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from lottery_tf.errors import InputError
from lottery_tf.masking.sublayers import all_layers

log = logging.getLogger(__name__)

UNKNOWN_SIZES = (2, 16, 64)  # tried for a dimension without a fixed size, in this order
MANY_STEPS = 100  # of a recurrent layer; with more, making a graph pays off
TEXT_EXAMPLES = 16  # examples of text; each may be a single word


def check_same_outputs(model: keras.Model, copy: keras.Model, tolerance: float = 1e-4) -> None:
    """Raises InputError unless a copy has the outputs of its model at inference, for random inputs.

    Neither model changes: moving averages and random states stay as they are. A model is not compared if its outputs
    are random, or if it takes no random input; the log says so.

    The tolerance is the largest valid difference of two outputs, as a share of the largest output.

    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    >>> check_same_outputs(model, model)
    """
    inputs, expected = _inputs_and_outputs(model)
    if inputs is None:
        log.warning("%r takes no random input; its copy could not be compared with it.", model.name)
        return
    try:
        outputs = _outputs(copy, inputs)
    except _REFUSALS as error:
        raise InputError(f"The copy of {model.name!r} cannot compute what the model can: {error}") from error
    if _same(expected, outputs, tolerance):
        return
    if not _same(expected, _outputs(model, inputs), tolerance):
        log.warning("The outputs of %r are random; its copy could not be compared with it.", model.name)
        return
    raise InputError(
        f"The copy of {model.name!r} has other outputs than the model: the configuration of one of its classes is "
        "incomplete. Give that class a `get_config` with everything that it computes with, or build it of Keras's "
        "layers."
    )


_REFUSALS = (ArithmeticError, AttributeError, LookupError, NotImplementedError, RuntimeError, TypeError, ValueError)


def _inputs_and_outputs(model: keras.Model) -> tuple[Any, list[np.ndarray]]:
    """Returns random inputs that a model accepts, and its outputs; None if it accepts none."""
    for size in UNKNOWN_SIZES:
        inputs = random_inputs(model, size)
        if inputs is None:
            break
        try:
            return inputs, _outputs(model, inputs)
        except Exception as error:  # noqa: BLE001  a model may raise any error for inputs that it does not accept
            log.debug("%r does not compute with sizes of %d: %s", model.name, size, error)
    return None, []


def random_inputs(model: keras.Model, unknown_size: int = UNKNOWN_SIZES[0]) -> Any:
    """Returns random inputs of a model, in their structure; None if the model does not say what it takes.

    Real numbers are drawn from a normal distribution, and words from the model's vocabularies. Whole numbers are small
    enough for every embedding of the model. One example ends in zeros, like a padded sequence, so that a lost mask of
    time steps is noticed.
    """
    specs = _input_specs(model)
    if specs is None:
        return None
    rng = np.random.default_rng(0)
    count = TEXT_EXAMPLES if any(str(spec.dtype) == "string" for spec in keras.tree.flatten(specs)) else 2
    lookups = (layer for layer in all_layers(model) if isinstance(layer, keras.layers.StringLookup))
    words = [word for layer in lookups for word in layer.get_vocabulary()]
    rows = [layer.input_dim for layer in all_layers(model) if isinstance(layer, keras.layers.Embedding)]

    def draw(spec) -> Any:
        shape = (spec.shape[0] or count, *(unknown_size if size is None else size for size in spec.shape[1:]))
        values: np.ndarray
        if str(spec.dtype) == "string":
            return keras.ops.convert_to_tensor(rng.choice([*words, "unknown"], shape))
        if keras.backend.is_float_dtype(spec.dtype):
            values = rng.normal(size=shape).astype(np.float32)
        else:
            values = rng.integers(0, min([2 if str(spec.dtype) == "bool" else 100, *rows]), shape)
        if len(shape) > 1:
            values[-1, shape[1] // 2 + 1 :] = 0
        return keras.ops.cast(values, spec.dtype)

    return keras.tree.map_structure(draw, specs)


def _input_specs(model: keras.Model) -> Any:
    """Returns a symbolic tensor for each input of a model, in their structure, or None."""
    if isinstance(model, keras.Sequential):
        return model.inputs[0] if model.inputs else None
    if hasattr(model, "operations"):
        return model._inputs_struct
    return symbolic_inputs(model)


def symbolic_inputs(model: keras.Model) -> Any:
    """Returns symbolic inputs of the shapes that a subclassed model was built with; None if it was built without.

    Keras does not record their types. They are taken to be whole numbers if the first layer with weights is an
    embedding, otherwise real numbers.
    """
    config = model.get_build_config() or {}
    shapes = config.get("input_shape") or list((config.get("shapes_dict") or {}).values())
    if not shapes:
        return None
    with_weights = (layer for layer in all_layers(model)[1:] if layer.weights)
    dtype = "int32" if isinstance(next(with_weights, None), keras.layers.Embedding) else "float32"
    specs = keras.tree.map_shape_structure(lambda shape: keras.KerasTensor(shape, dtype), shapes)
    return specs[0] if isinstance(specs, list) and len(specs) == 1 else specs


def _outputs(model: keras.Model, inputs: Any) -> list[np.ndarray]:
    """Returns the outputs of a model at inference. It changes nothing in the model."""
    states = [generator.state for layer in all_layers(model) for generator in layer._seed_generators]
    # A model and its copy draw the same random numbers, and nothing that the call updates is kept.
    drawn = [(state, keras.ops.convert_to_tensor([7, index], state.dtype)) for index, state in enumerate(states)]

    def compute() -> list:
        with keras.StatelessScope(state_mapping=drawn):
            outputs = model(inputs, training=False) if model._call_has_training_arg else model(inputs)
        return [keras.ops.cast(tensor, "float32") for tensor in keras.tree.flatten(outputs)]

    longest = max(size for tensor in keras.tree.flatten(inputs) for size in (1, *tensor.shape[1:]))
    in_loops = any(isinstance(layer, keras.layers.RNN) and not layer.unroll for layer in all_layers(model))
    outputs = _as_graph(compute)() if in_loops and longest > MANY_STEPS else compute()
    return list(map(keras.ops.convert_to_numpy, outputs))


def _as_graph(compute: Callable) -> Callable:
    """Returns a function as a TensorFlow graph, in which a recurrent step takes microseconds, not milliseconds."""
    if keras.backend.backend() != "tensorflow":
        return compute
    import tensorflow as tf

    return tf.function(functools.partial(compute))  # a partial, so that TensorFlow counts no retracing of `compute`


def _same(expected: list[np.ndarray], outputs: list[np.ndarray], tolerance: float) -> bool:
    if [array.shape for array in expected] != [array.shape for array in outputs]:
        return False
    return all(
        np.allclose(b, a, rtol=0, atol=tolerance * max(1e-3, np.abs(a[np.isfinite(a)]).max(initial=0)), equal_nan=True)
        for a, b in zip(expected, outputs, strict=True)
    )
