"""Compares the outputs of a model and of its copy on random input, before the copy is handed out."""

from __future__ import annotations

import logging
from typing import Any

import keras
import numpy as np

from lottery_tf.errors import InputError
from lottery_tf.masking.sublayers import all_layers

log = logging.getLogger(__name__)

UNKNOWN_SIZES = (2, 16, 64)  # of a dimension that a model leaves open: the first with which it computes


def check_same_outputs(model: keras.Model, copy: keras.Model, tolerance: float = 1e-4) -> None:
    """Raises InputError unless a copy has the outputs of its model at inference, for random inputs.

    Nothing of either model changes: moving averages and random states that their calls would update are left alone. A
    model whose outputs are random themselves, or which takes no random input (text, say), is not compared; the log says
    so.

    Outputs may be apart by the tolerance, as a share of the largest.

    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    >>> check_same_outputs(model, model)
    """
    inputs, expected = _tried(model)
    if inputs is None:
        log.warning("%r takes no random input; its copy could not be compared with it.", model.name)
        return
    try:
        found = _outputs(copy, inputs)
    except _REFUSALS as error:
        raise InputError(f"The copy of {model.name!r} cannot compute what the model can: {error}") from error
    if _same(expected, found, tolerance):
        return
    if not _same(expected, _outputs(model, inputs), tolerance):
        log.warning("The outputs of %r are random; its copy could not be compared with it.", model.name)
        return
    raise InputError(
        f"The copy of {model.name!r} has other outputs than the model: a class in it does what its configuration does "
        "not say. Give that class a `get_config` with everything that it computes with, or build it of Keras's layers."
    )


_REFUSALS = (ArithmeticError, AttributeError, LookupError, NotImplementedError, RuntimeError, TypeError, ValueError)


def _tried(model: keras.Model) -> tuple[Any, list[np.ndarray]]:
    """Random inputs that a model computes with, and its outputs; None where there are none."""
    for size in UNKNOWN_SIZES:
        inputs = random_inputs(model, size)
        if inputs is None:
            break
        try:
            return inputs, _outputs(model, inputs)
        except Exception as error:  # noqa: BLE001  a model may raise anything for inputs that it does not like
            log.debug("%r does not compute with sizes of %d: %s", model.name, size, error)
    return None, []


def random_inputs(model: keras.Model, unknown_size: int = UNKNOWN_SIZES[0]) -> Any:
    """Random inputs of a model, in the structure in which it takes them; None where it does not say what it takes.

    Numbers are normal ones; whole numbers are such that every embedding of the model has a row for them. One example
    ends in zeros, as if it were padded, so that a mask of time steps that got lost is noticed.
    """
    specs = _input_specs(model)
    if specs is None or any(str(spec.dtype) == "string" for spec in keras.tree.flatten(specs)):
        return None
    rng = np.random.default_rng(0)
    rows = [layer.input_dim for layer in all_layers(model) if isinstance(layer, keras.layers.Embedding)]

    def draw(spec) -> np.ndarray:
        shape = (spec.shape[0] or 2, *(unknown_size if size is None else size for size in spec.shape[1:]))
        values: np.ndarray
        if keras.backend.is_float_dtype(spec.dtype):
            values = rng.normal(size=shape).astype(np.float32)
        else:
            values = rng.integers(0, min([2 if str(spec.dtype) == "bool" else 100, *rows]), shape)
        if len(shape) > 1:
            values[-1, shape[1] // 2 + 1 :] = 0
        return values

    return keras.tree.map_structure(lambda spec: keras.ops.cast(draw(spec), spec.dtype), specs)


def _input_specs(model: keras.Model) -> Any:
    """A symbolic tensor for each input of a model, in their structure, or None."""
    if isinstance(model, keras.Sequential):
        return model.inputs[0] if model.inputs else None
    if hasattr(model, "operations"):
        return model._inputs_struct
    return symbolic_inputs(model)


def symbolic_inputs(model: keras.Model) -> Any:
    """Symbolic inputs of the shapes that a subclassed model was built with, or None.

    Keras does not remember their types: they are taken for numbers, or for whole ones where the first layer with
    weights is an embedding.
    """
    config = model.get_build_config() or {}
    shapes = config.get("input_shape") or list((config.get("shapes_dict") or {}).values())
    if not shapes:
        return None
    built = (layer for layer in all_layers(model)[1:] if layer.weights)
    whole = isinstance(next(built, None), keras.layers.Embedding)
    specs = keras.tree.map_shape_structure(
        lambda shape: keras.KerasTensor(shape, "int32" if whole else "float32"), shapes
    )
    return specs[0] if isinstance(specs, list) and len(specs) == 1 else specs


def _outputs(model: keras.Model, inputs: Any) -> list[np.ndarray]:
    states = [each.state for layer in all_layers(model) for each in layer._seed_generators]
    # The same random numbers for a model and its copy, and nothing that the call updates is kept.
    drawn = [(state, keras.ops.convert_to_tensor([7, index], state.dtype)) for index, state in enumerate(states)]
    with keras.StatelessScope(state_mapping=drawn):
        outputs = model(inputs, training=False) if model._call_has_training_arg else model(inputs)
    return [keras.ops.convert_to_numpy(_float(tensor)) for tensor in keras.tree.flatten(outputs)]


def _float(tensor):
    return keras.ops.cast(tensor, "float32")


def _same(expected: list[np.ndarray], found: list[np.ndarray], tolerance: float) -> bool:
    if [each.shape for each in expected] != [each.shape for each in found]:
        return False
    return all(
        np.allclose(b, a, rtol=0, atol=tolerance * max(1e-3, np.abs(a[np.isfinite(a)]).max(initial=0)), equal_nan=True)
        for a, b in zip(expected, found, strict=True)
    )
