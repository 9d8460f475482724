"""Copies of Keras models with masked layers, and back to Keras's own layers."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from typing import Any

import keras
from keras.src.models.functional import Functional

from lottery_tf.argument_checks.signatures import checked
from lottery_tf.errors import InputError, first_line
from lottery_tf.masking.agreement import check_same_outputs, symbolic_inputs
from lottery_tf.masking.containers import make_container, maskable_layers, plain_class, plain_config
from lottery_tf.masking.keras_code import is_of_keras
from lottery_tf.masking.kernel_table import KERNELS, kernel_variables, kernels_of
from lottery_tf.masking.layers import MASKABLE, MaskedLayer
from lottery_tf.masking.model_weights import copy_vocabularies, copy_weights, variables
from lottery_tf.masking.naming import is_named_by_keras, name_by_position, remember
from lottery_tf.masking.selection import Selector, selected_layers
from lottery_tf.masking.sublayers import all_layers
from lottery_tf.masking.summary import mask_summary

log = logging.getLogger(__name__)

KERAS_MODELS = (keras.Sequential, Functional)  # a class derived from them may compute something else


@checked
def masked(model: keras.Model, *, only: Selector | None = None, exclude: Selector | None = None) -> keras.Model:
    """Returns a copy whose kernels, at any depth, have masks that keep every weight.

    Kernels are those of dense, convolution, embedding and recurrent layers (`kernel_table.KERNELS`): in the model, in
    models inside it, and inside attention layers, wrappers, custom layers and custom models. The weights are copied,
    but not masks that the model already has. `mask_summary` says what can be pruned.

    A custom class stays the class of its layer or model. It must be one that Keras can save, because it is rebuilt from
    its `get_config`. The copy is compared with the model on random input.

    Args:
      model: a built model: Sequential, functional or subclassed.
      only: the layers with masks: a layer class, a pattern of names such as `"encoder*"`, a function that returns
        whether a layer is selected, or a list of these. The layers inside a selected layer are selected too. None: all.
      exclude: the layers without masks; same forms as `only`.

    Raises:
      InputError: the model is not built, has no layer that can be masked, or cannot be copied exactly.
    """
    selected = {id(layer) for layer in selected_layers(model, only, exclude)}
    if not selected and not (only is None and exclude is None):
        raise InputError(f"only and exclude leave no layer of {model.name!r} that can be masked.")
    copy = _converted(model, lambda layer: id(layer) in selected)
    log_mask_summary(copy)
    return copy


def _is_trained(layer: keras.layers.Layer) -> bool:
    return any(variable.trainable for _, variable in kernel_variables(layer))


def log_mask_summary(model: keras.Model) -> None:
    """Logs how much of a masked model can be pruned."""
    log.info("%s: %s", model.name, mask_summary(model))


def masked_copy(model: keras.Model, untrained: bool = True) -> keras.Model:
    """Returns a masked copy whose names do not depend on what else the process has built (`naming`).

    The layers that have masks in the model have masks in the copy; if the model has none, all layers have. The masks
    keep every weight.

    Args:
      model: a built model.
      untrained: whether layers with `trainable=False` have masks too.

    Raises:
      InputError: as `masked`; or `untrained` is False and no kernel is trainable.
    """
    has_masks = any(isinstance(layer, MaskedLayer) for layer in all_layers(model))
    chosen = [layer for layer in maskable_layers(model) if isinstance(layer, MaskedLayer) or not has_masks]
    trained = chosen if untrained else [layer for layer in chosen if _is_trained(layer)]
    if chosen and not trained:
        raise InputError(f"No kernel of {model.name!r} is trained (trainable=False), so none can be pruned.")
    ids = set(map(id, trained))
    copy = _converted(model, lambda layer: id(layer) in ids)
    name_by_position(copy)
    return copy


@checked
def unmasked(model: keras.Model) -> keras.Model:
    """Returns a copy of a masked model with the plain layers of Keras, which does not need this package.

    Pruned weights are ordinary weights there, at their frozen values.
    """
    return _converted(model, lambda layer: False)


def _converted(model: keras.Model, is_selected: Callable[[keras.layers.Layer], bool]) -> keras.Model:
    """Returns a copy in which exactly the selected layers have masks, with the same weights and outputs."""
    if not model.built or not model.weights:
        raise InputError(f"{model.name!r} has no weights yet: give it an Input layer or call it once.")
    if not maskable_layers(model):
        if any(kernels_of(layer) for layer in all_layers(model)):
            raise InputError(
                f"{model.name!r} has only kernels of whole numbers (int8, say) or with LoRA, which cannot be pruned. "
                "Prune the model before you quantize it or enable LoRA."
            )
        raise InputError(f"{model.name!r} has no layer of {', '.join(kind.__name__ for kind in KERNELS)}.")
    with copying(model):
        copy = _Copier(is_selected).copy(model)
    copy_weights(model, copy)
    copy_vocabularies(model, copy)
    _copy_marks(model, copy)
    check_same_outputs(model, copy)
    return copy


def _copy_marks(model: keras.Model, copy: keras.Model) -> None:
    """Sets on a copy what no configuration contains: names, whether Keras chose them, which weights are not trained."""
    for layer, other in zip(all_layers(model), all_layers(copy), strict=True):
        if other.name != layer.name:
            other.name = layer.name
        remember(other, is_named_by_keras(layer))
        if other.trainable != layer.trainable:
            other.trainable = layer.trainable
    for variable, other in zip(variables(model).values(), variables(copy).values(), strict=True):
        if other.trainable != variable.trainable:
            other.trainable = variable.trainable


class _Copier:
    """Copies layers, with masks on those that are selected."""

    def __init__(self, is_selected: Callable[[keras.layers.Layer], bool]):
        self._is_selected = is_selected
        self._copies: dict[int, keras.layers.Layer] = {}

    def copy(self, layer: keras.layers.Layer) -> keras.layers.Layer:
        """Returns the copy of a layer or model; the same one for the same layer."""
        if id(layer) not in self._copies:
            self._copies[id(layer)] = self._copied(layer)
        return self._copies[id(layer)]

    def _copied(self, layer: keras.layers.Layer) -> keras.layers.Layer:
        """Returns a copy of a layer in which exactly the selected layers have masks."""
        plain, maskable = plain_class(layer), maskable_layers(layer)
        if plain in KERAS_MODELS:
            return keras.models.clone_model(layer, clone_function=self.copy)
        masked_inside = [self._is_selected(inner) for inner in maskable]
        if maskable == [layer] and plain in MASKABLE and any(masked_inside):
            return MASKABLE[plain].from_config(plain_config(layer))
        copy = rebuilt(layer, plain)
        if any(masked_inside):
            copy = make_container(copy, masked_inside)
        if isinstance(layer, keras.Model) and not copy.built:
            _build(copy, layer)
        return copy


def rebuilt(layer: keras.layers.Layer, plain: Any, **changes: Any) -> keras.layers.Layer:
    """Makes a layer of a class from a layer's configuration, with changes; usually it is not built yet.

    Raises:
      InputError: Keras cannot rebuild it.
    """
    if isinstance(layer, keras.layers.Lambda):  # Keras does not read functions back from a configuration
        config = {name: value for name, value in layer.get_config().items() if name in ("name", "trainable", "dtype")}
        shape, arguments = layer._output_shape, layer.arguments
        return plain(layer.function, output_shape=shape, mask=layer.mask, arguments=arguments, **config)
    try:
        return plain.from_config(plain_config(layer) | changes)
    except (NotImplementedError, TypeError, ValueError) as error:
        raise InputError(
            f"{layer.name!r} cannot be copied: Keras cannot rebuild its class {plain.__name__} from its "
            f"configuration. Give it a `get_config` with the arguments of its `__init__`. ({first_line(error)})"
        ) from error


def _build(copy: keras.Model, model: keras.Model) -> None:
    """Builds the copy of a subclassed model on inputs like those that the model was built with."""
    inputs = symbolic_inputs(model)
    if inputs is None:
        raise InputError(
            f"{model.name!r} cannot be copied: it does not say what shapes it was built with; call it once."
        )
    try:
        copy(inputs)
    except (RuntimeError, TypeError, ValueError) as error:
        raise InputError(f"The copy of {model.name!r} cannot be built: {first_line(error)}") from error


def _custom_classes(model: keras.Model) -> dict[str, type]:
    """Returns the classes in a model that are not part of Keras, by their names in configurations."""
    kinds = {plain_class(layer) for layer in all_layers(model)}
    return {keras.saving.get_registered_name(kind): kind for kind in kinds if not is_of_keras(kind)}


@contextlib.contextmanager
def copying(model: keras.Model) -> Iterator[None]:
    """Lets Keras rebuild a model's layers: those of classes that are not registered too."""
    with uncompiled(model), keras.saving.custom_object_scope(_custom_classes(model)):
        yield


@contextlib.contextmanager
def uncompiled(model: keras.Model) -> Iterator[None]:
    """Temporarily marks a model, and models inside it, as not compiled.

    `clone_model` would otherwise copy a loss that it may be unable to serialize.
    """
    compiled = [layer for layer in all_layers(model) if isinstance(layer, keras.Model) and layer.compiled]
    for inner in compiled:
        inner.compiled = False
    try:
        yield
    finally:
        for inner in compiled:
            inner.compiled = True
