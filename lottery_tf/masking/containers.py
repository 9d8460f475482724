"""Layers and models that hold masked layers: attention, recurrent layers, wrappers, and custom classes.

The masked class of such a layer is derived from the layer's own class, so `call` stays the same. When the layers
inside it are built, those with kernels become masked ones in place. Its configuration is that of its plain class, plus
which of the layers inside are masked; so Keras can save and load it.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from types import FunctionType
from typing import Any

import keras
from keras.src.saving.serialization_lib import serialize_with_public_class

from lottery_tf.masking.keras_code import is_of_keras
from lottery_tf.masking.kernel_table import can_be_masked
from lottery_tf.masking.layers import MASKABLE, MaskedKernel, MaskedLayer, masked_attributes
from lottery_tf.masking.naming import is_named_by_keras, remember
from lottery_tf.masking.sublayers import Chain, all_layers, chains, freeze


def maskable_layers(layer: keras.layers.Layer) -> list[keras.layers.Layer]:
    """Returns the layers with kernels at any depth in a layer, itself first, without those that are not built yet."""
    return [chain[-1] for chain in maskable_chains(layer)]


def maskable_chains(layer: keras.layers.Layer) -> list[Chain]:
    """Returns `maskable_layers` as chains.

    The layer in a `SpectralNormalization`, which changes its kernel, is left out.
    """
    return [
        chain
        for chain in chains(layer)
        if can_be_masked(chain[-1])
        and not any(isinstance(holder, keras.layers.SpectralNormalization) for holder in chain[:-1])
    ]


def plain_class(layer: keras.layers.Layer) -> Any:
    """Returns a layer's class without masks."""
    return layer.plain if isinstance(layer, MaskedLayer) else type(layer)


def plain_config(layer: keras.layers.Layer) -> dict[str, Any]:
    """Returns a layer's configuration without masks, to be given to `plain_class`."""
    config = layer.plain_class_config() if isinstance(layer, MaskedContainer) else layer.get_config()
    # Keras cannot rebuild custom functions from a configuration, so the functions themselves are put into it.
    values = {name: getattr(layer, name, None) for name in config}
    return _without_masks(config) | {name: value for name, value in values.items() if _is_custom_function(value)}


def _is_custom_function(value: Any) -> bool:
    return isinstance(value, FunctionType) and not is_of_keras(value)


def _without_masks(config: Any) -> Any:
    """Returns a configuration with the plain classes in the place of masked ones."""
    if isinstance(config, (list, tuple)):
        return type(config)(map(_without_masks, config))
    if not isinstance(config, dict):
        return config
    name = str(config.get("registered_name"))
    if name == CONTAINER:
        inner = _without_masks(config["config"]["layer"])
        return inner | {key: value for key, value in config.items() if key == "build_config"}
    values = {key: _without_masks(value) for key, value in config.items()}
    plain = _PLAIN.get(name)
    return values if plain is None else values | _reference(plain)


def _reference(plain: type) -> dict[str, Any]:
    """Returns how a Keras configuration names a class."""
    config = serialize_with_public_class(plain)
    return {key: config[key] for key in ("module", "class_name", "registered_name")}


def mask_in_place(layer: keras.layers.Layer) -> None:
    """Turns a built layer into the masked layer of its class, in place; the layers inside it are not masked."""
    if not isinstance(layer, MaskedLayer):
        remember(layer, is_named_by_keras(layer))
        plain: Any = type(layer)
        layer.__class__ = MASKABLE.get(plain) or container_class(plain)
        object.__setattr__(layer, "_masking_done", True)
    layer.add_masks()


class MaskedContainer(MaskedLayer):
    """The base class of the masked classes of layers that hold layers.

    Attributes:
      masked_inside: for each layer with kernels at any depth, itself first, whether it is masked; None: all are.
    """

    masked_inside: list[bool] | None = None
    _masking_done = False

    def __call__(self, *args, **kwargs):
        """Calls the layer. After the first call the layers inside are built, so they are masked."""
        outputs = super().__call__(*args, **kwargs)
        self.mask_inside(complete=True)
        return outputs

    def build_from_config(self, config):
        """Builds the layer as it was saved."""
        super().build_from_config(config)
        self.mask_inside()

    def _post_build(self):
        super()._post_build()
        self.mask_inside()

    def mask_inside(self, complete: bool = False) -> None:
        """Masks the layers inside if all of them are built; `complete` says that they are."""
        if self._masking_done:
            return
        layers = maskable_layers(self)
        complete = complete or self.masked_inside is not None or all(layer.built for layer in all_layers(self))
        selected = [True] * len(layers) if self.masked_inside is None else self.masked_inside
        if not layers or not complete or len(layers) != len(selected):
            return
        for layer, is_selected in zip(layers, selected, strict=True):
            if is_selected:
                mask_in_place(layer)
        for layer in all_layers(self):
            if isinstance(layer, keras.layers.RNN):
                mask_in_place(layer)
        object.__setattr__(self, "_masking_done", True)
        if not self.trainable:
            freeze(self)  # Keras does not freeze the layers inside while it rebuilds a layer

    def plain_class_config(self) -> dict[str, Any]:
        """Returns the configuration that the plain class gives."""
        return super().get_config()

    def get_config(self):
        """Returns the plain class with its configuration, and which layers inside are masked."""
        layer = {"config": plain_config(self), **_reference(self.plain)}
        return {"layer": layer, "masked_inside": self.masked_inside}

    @classmethod
    def from_config(cls, config):
        """Rebuilds a layer from `get_config`, or from the configuration of its plain class."""
        if "masked_inside" not in config:
            return super().from_config(config)
        return make_container(keras.saving.deserialize_keras_object(config["layer"]), config["masked_inside"])


def make_container(layer: keras.layers.Layer, masked_inside: Iterable[bool] | None = None) -> MaskedContainer:
    """Turns a layer into the masked layer of its class, in place. Layers inside are masked when they are built."""
    plain: Any = type(layer)
    layer.__class__ = container_class(plain)
    # Not an ordinary assignment, because Keras would track the list.
    object.__setattr__(layer, "masked_inside", None if masked_inside is None else list(masked_inside))
    layer.mask_inside()
    return layer


@functools.cache
def container_class(plain: Any) -> Any:
    """Returns the masked class of a layer that holds layers. It takes the same arguments."""
    doc = f"`{plain.__name__}` with masks on the kernels inside it; it takes the same arguments."
    extra: dict[str, Any] = {"__doc__": doc}
    if issubclass(plain, keras.layers.RNN):
        extra["kernels_read_in_call"] = _kernels_of_cells
    masked = type(f"Masked{plain.__name__}", (MaskedContainer, plain), masked_attributes(plain) | extra)
    # All have one registered name; the configuration contains the plain class.
    return keras.saving.register_keras_serializable("lottery_tf", CONTAINER.partition(">")[2])(masked)


def _kernels_of_cells(layer: keras.layers.RNN) -> list[MaskedKernel]:
    """Returns the kernels that a recurrent layer's `call` reads; they are masked once a call, not at each step."""
    return [kernel for cell in all_layers(layer.cell) for kernel in getattr(cell, "masked_kernels", ())]


CONTAINER = "lottery_tf>MaskedContainer"
_PLAIN = {keras.saving.get_registered_name(masked): plain for plain, masked in MASKABLE.items()}

keras.saving.register_keras_serializable("lottery_tf", "MaskedContainer")(MaskedContainer)

MaskedMultiHeadAttention = container_class(keras.layers.MultiHeadAttention)
