"""Layers and models that hold masked layers: attention, recurrent layers, wrappers, and classes of one's own.

Such a layer keeps its class, as the base of its masked class, and so its own `call`. Once it has built the layers
inside it, those with kernels become masked ones in place. Its configuration is that of its own class and which of the
layers inside are masked, so that Keras saves and loads it.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from types import FunctionType
from typing import Any

import keras
from keras.src.saving.serialization_lib import serialize_with_public_class

from lottery_tf.masking.kernel_table import can_be_masked
from lottery_tf.masking.layers import MASKABLE, MaskedKernel, MaskedLayer, members
from lottery_tf.masking.naming import is_named_by_keras, remember
from lottery_tf.masking.sublayers import Chain, all_layers, chains


def maskable_layers(layer: keras.layers.Layer) -> list[keras.layers.Layer]:
    """The layers with kernels at any depth in a layer, itself first; those that are not built yet are left out."""
    return [chain[-1] for chain in maskable_chains(layer)]


def maskable_chains(layer: keras.layers.Layer) -> list[Chain]:
    """The same as the layers that lead to each; `SpectralNormalization` changes the kernel that it holds, none else."""
    return [
        chain
        for chain in chains(layer)
        if can_be_masked(chain[-1])
        and not any(isinstance(holder, keras.layers.SpectralNormalization) for holder in chain[:-1])
    ]


def plain_class(layer: keras.layers.Layer) -> Any:
    """A layer's class without masks."""
    return layer.plain if isinstance(layer, MaskedLayer) else type(layer)


def plain_config(layer: keras.layers.Layer) -> dict[str, Any]:
    """A layer's configuration without masks, to be given to `plain_class`."""
    config = layer.own_config() if isinstance(layer, MaskedContainer) else layer.get_config()
    # Keras does not read functions of one's own back from a configuration: the function itself takes its place.
    values = {name: getattr(layer, name, None) for name in config}
    own = {name: value for name, value in values.items() if isinstance(value, FunctionType) and not _is_of_keras(value)}
    return _without_masks(config) | own


def _is_of_keras(function: FunctionType) -> bool:
    return function.__module__.partition(".")[0] == "keras"


def _without_masks(config: Any) -> Any:
    """A configuration that names Keras's own classes where it named masked ones."""
    if isinstance(config, (list, tuple)):
        return type(config)(map(_without_masks, config))
    if not isinstance(config, dict):
        return config
    name = str(config.get("registered_name"))
    if name == CONTAINER:
        inner = _without_masks(config["config"]["layer"])
        return inner | {key: value for key, value in config.items() if key == "build_config"}
    found = {key: _without_masks(value) for key, value in config.items()}
    plain = _PLAIN.get(name)
    return found if plain is None else found | _reference(plain)


def _reference(plain: type) -> dict[str, Any]:
    """How a Keras configuration names a class."""
    found = serialize_with_public_class(plain)
    return {key: found[key] for key in ("module", "class_name", "registered_name")}


def mask_in_place(layer: keras.layers.Layer) -> None:
    """Turns a built layer into the masked layer of its class, in the place where it is; what it holds stays whole."""
    if not isinstance(layer, MaskedLayer):
        remember(layer, is_named_by_keras(layer))
        plain: Any = type(layer)
        layer.__class__ = MASKABLE.get(plain) or container_class(plain)
        object.__setattr__(layer, "_all_masked", True)
    layer.add_masks()


class MaskedContainer(MaskedLayer):
    """What the masked classes of layers that hold layers share.

    Attributes:
      masked_inside: for each layer with kernels at any depth, itself first, whether it is masked; None: all are.
    """

    masked_inside: list[bool] | None = None
    _all_masked = False

    def __call__(self, *args, **kwargs):
        """Calls the layer; after the first time everything in it is built, and masked."""
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
        """Masks the layers inside, if all of them are built by now or are known to be."""
        if self._all_masked:
            return
        found = maskable_layers(self)
        complete = complete or self.masked_inside is not None or all(each.built for each in all_layers(self))
        chosen = [True] * len(found) if self.masked_inside is None else self.masked_inside
        if not found or not complete or len(found) != len(chosen):
            return
        for layer, masked in zip(found, chosen, strict=True):
            if masked:
                mask_in_place(layer)
        for layer in all_layers(self):
            if isinstance(layer, keras.layers.RNN):
                mask_in_place(layer)
        object.__setattr__(self, "_all_masked", True)
        if not self.trainable:
            self.trainable = False  # of the layers inside too, which Keras does not freeze while it rebuilds a layer

    def own_config(self) -> dict[str, Any]:
        """The configuration of the layer's own class."""
        return super().get_config()

    def get_config(self):
        """The configuration of the layer's own class, and which layers inside are masked."""
        layer = {"config": plain_config(self), **_reference(self.plain)}
        return {"layer": layer, "masked_inside": self.masked_inside}

    @classmethod
    def from_config(cls, config):
        """A layer from what `get_config` gave; from the configuration of its own class, that one's."""
        if "masked_inside" not in config:
            return super().from_config(config)
        return contain(keras.saving.deserialize_keras_object(config["layer"]), config["masked_inside"])


def contain(layer: keras.layers.Layer, masked_inside: Iterable[bool] | None = None) -> MaskedContainer:
    """Turns a layer into the masked one of its class, in place; what is inside is masked as soon as it is built."""
    plain: Any = type(layer)
    layer.__class__ = container_class(plain)
    # Keras would track a list.
    object.__setattr__(layer, "masked_inside", None if masked_inside is None else list(masked_inside))
    layer.mask_inside()
    return layer


@functools.cache
def container_class(plain: Any) -> Any:
    """The masked class of a layer that holds layers; it takes the same arguments."""
    doc = f"`{plain.__name__}` with masks on the kernels inside it; it takes the same arguments."
    extra: dict[str, Any] = {"__doc__": doc}
    if issubclass(plain, keras.layers.RNN):
        extra["kernels_read_in_call"] = _kernels_of_cells
    found = type(f"Masked{plain.__name__}", (MaskedContainer, plain), members(plain) | extra)
    # One name for all: which class it is, the configuration says.
    return keras.saving.register_keras_serializable("lottery_tf", CONTAINER.partition(">")[2])(found)


def _kernels_of_cells(layer: keras.layers.RNN) -> list[MaskedKernel]:
    """What a recurrent layer's `call` reads, so that it is masked once a call and not once a step."""
    return [kernel for each in all_layers(layer.cell) for kernel in getattr(each, "masked_kernels", ())]


CONTAINER = "lottery_tf>MaskedContainer"
_PLAIN = {keras.saving.get_registered_name(masked): plain for plain, masked in MASKABLE.items()}

keras.saving.register_keras_serializable("lottery_tf", "MaskedContainer")(MaskedContainer)

MaskedMultiHeadAttention = container_class(keras.layers.MultiHeadAttention)
