"""The paper's networks, anybody's Keras model with masks, and a model's weights as plain arrays.

A model's state is a `dict[str, np.ndarray]` with every weight (kernels, biases, batch-norm statistics) under
"layer/variable"; a mask is such a dict with a boolean array for each maskable kernel.
"""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
from collections.abc import Callable, Iterator

import keras
import numpy as np

from lottery_tf.errors import InputError
from lottery_tf.families import FAMILIES
from lottery_tf.layers import MASKABLE, MaskedLayer
from lottery_tf.masks import Mask
from lottery_tf.names import choose
from lottery_tf.processes import usual_keras
from lottery_tf.randomness import draw_seed, generator, glorot_normal
from lottery_tf.settings import NETWORKS
from lottery_tf.treatments import State

OWN_VARIABLES = ("kernel_mask", "frozen_values")  # a masked layer's weights that are not part of a model's state


def build(
    name: str, image_shape: tuple[int, ...] | None = None, classes: int = 10, dropout: float | None = None
) -> keras.Model:
    """A masked network, untrained, nothing pruned; its outputs are logits.

    Args:
      name: a name in `settings.NETWORKS`.
      image_shape: height, width, channels; None takes the shape the paper uses the network for.
      classes: units of the output layer.
      dropout: share of the units of each hidden dense layer that a training step leaves out; None: none.

    >>> sum(kernel.size for kernel in kernels(build("fc")).values())
    266200
    """
    table = dataclasses.replace(choose(NETWORKS, name, "network"), dropout=dropout)
    with usual_keras():
        return FAMILIES[table.family](name, table, image_shape or table.image_shape, classes)


def masked(model: keras.Model) -> keras.Model:
    """A copy of a Keras model whose Dense and Conv1D, 2D and 3D layers carry masks that keep every weight.

    The weights are copied. A model that is masked already is copied without its masks.

    Layers of other classes stay as they are, and so do subclasses of those four, whose `call` may be their own.

    Args:
      model: a built Sequential or functional model (models inside it are converted too).

    Raises:
      InputError: a subclassed or unbuilt model, or one without a layer that can be masked.
    """
    return _converted(model, MASKABLE)


def unmasked(model: keras.Model) -> keras.Model:
    """A copy of a masked model with Keras's own layers, pruned weights at their frozen values: it needs nothing of this package."""
    return _converted(model, {masked: plain for plain, masked in MASKABLE.items()})


def _converted(model: keras.Model, replacements: dict[type, type]) -> keras.Model:
    if not isinstance(model, keras.Sequential) and not hasattr(model, "operations"):
        raise InputError(f"{model.name!r} is neither a Sequential nor a functional Keras model and cannot be copied.")
    if not model.built:
        raise InputError(f"{model.name!r} has no weights yet: give it an Input layer or call it once.")

    def convert(layer):
        return replacements.get(type(layer), type(layer)).from_config(layer.get_config())

    known = {*replacements, *replacements.values()}
    if not any(type(layer) in known for _, layer in _layers(model)):
        raise InputError(f"{model.name!r} has no layer of {', '.join(kind.__name__ for kind in replacements)}.")
    with uncompiled(model):
        copy = keras.models.clone_model(model, clone_function=convert, recursive=True)
    set_state(copy, get_state(model))
    return copy


@contextlib.contextmanager
def uncompiled(model: keras.Model) -> Iterator[None]:
    """Has a model, and those inside it, seem not compiled: a copy then wants none of its losses, which may be anybody's."""
    compiled = [each for each in (model, *_inner(model)) if each.compiled]
    for each in compiled:
        each.compiled = False
    try:
        yield
    finally:
        for each in compiled:
            each.compiled = True


def _inner(model: keras.Model) -> Iterator[keras.Model]:
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from (layer, *_inner(layer))


def _layers(model: keras.Model) -> Iterator[tuple[str, keras.layers.Layer]]:
    """Every layer with weights of its own once, under a name that tells layers of inner models apart."""
    seen = set()
    for name, layer in _places(model):
        if layer.weights and id(layer) not in seen:
            seen.add(id(layer))
            yield name, layer


def _places(model: keras.Model, prefix: str = "") -> Iterator[tuple[str, keras.layers.Layer]]:
    """Every layer under the name of each place that it has; models that share it give it several."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _places(layer, f"{prefix}{layer.name}/")
        else:
            yield f"{prefix}{layer.name}", layer


def settle(layer: keras.layers.Layer) -> None:
    """Has a layer that computes with values derived from its weights (Normalization) take them from its present ones."""
    if hasattr(layer, "finalize_state"):
        layer.finalize_state()


def masked_layers(model: keras.Model) -> dict[str, MaskedLayer]:
    """The masked layers by the name of their kernel, in the model's order."""
    return {f"{name}/kernel": layer for name, layer in _layers(model) if isinstance(layer, MaskedLayer)}


def kernels(model: keras.Model) -> State:
    """The maskable kernels by name, in the model's order."""
    return {name: layer.kernel.numpy() for name, layer in masked_layers(model).items()}


def kernel_tensors(model: keras.Model) -> list:
    """The kernels that a model trains, as tensors to compute with; pruned weights feel no gradient."""
    found = [layer for _, layer in _layers(model) if layer.trainable and hasattr(layer, "kernel")]
    return [
        layer.masked_kernel(layer.kernel) if isinstance(layer, MaskedLayer) else layer.kernel.value for layer in found
    ]


def variables(model: keras.Model) -> dict[str, keras.Variable]:
    """The variables that make up a model's state, by name."""
    found = {}
    for prefix, layer in _layers(model):
        counts: dict[str, int] = {}
        for variable in layer.weights:
            if isinstance(layer, MaskedLayer) and variable.name in OWN_VARIABLES:
                continue
            # A wrapper layer (Bidirectional, say) may hold several weights of one name.
            count = counts[variable.name] = counts.get(variable.name, 0) + 1
            found[f"{prefix}/{variable.name}" + (f"_{count}" if count > 1 else "")] = variable
    return found


def get_state(model: keras.Model) -> State:
    """A model's weights as arrays, masks left out."""
    return {name: variable.numpy() for name, variable in variables(model).items()}


def set_state(model: keras.Model, state: State, mask: Mask | None = None) -> None:
    """Sets a model's weights and, where a mask is given, freezes the pruned weights at the state's own values.

    Raises:
      InputError: names or shapes that are not the model's.
    """
    wanted = variables(model)
    if state.keys() != wanted.keys():
        odd = sorted(state.keys() ^ wanted.keys())
        raise InputError(f"The weights are not those of the model {model.name!r}: {', '.join(odd[:5])}.")
    for name, variable in wanted.items():
        if tuple(variable.shape) != state[name].shape:
            raise InputError(f"{name!r} has shape {state[name].shape}; the model's has {tuple(variable.shape)}.")
        variable.assign(state[name])
    for _, layer in _layers(model):
        settle(layer)
    for name, layer in masked_layers(model).items():
        if mask is not None:
            layer.set_mask(mask[name], state[name])


def draw_kernel(layer: keras.layers.Layer, rng: np.random.Generator) -> np.ndarray:
    """A layer's kernel drawn anew from its initial distribution, independent of any global seed.

    Raises:
      InputError: an initializer that takes no seed and draws other numbers at each call.
    """
    initializer, shape = layer.kernel_initializer, tuple(layer.kernel.shape)
    if type(initializer) is keras.initializers.GlorotNormal:
        return glorot_normal(shape, rng)
    draw = _seeded(initializer, draw_seed(rng))
    drawn, again = (np.asarray(draw(shape), np.float32) for _ in range(2))
    if drawn.tobytes() != again.tobytes():
        raise InputError(
            f"The kernel initializer of {layer.name!r} draws other numbers at each call, so weights could not go back to "
            "where they began. Give it an argument `seed` that decides what it draws, or give the initial weights."
        )
    return drawn


def _seeded(initializer: Callable[[tuple[int, ...]], object], seed: int) -> Callable[[tuple[int, ...]], object]:
    """An initializer with another seed, where it takes one."""
    if not isinstance(initializer, keras.initializers.Initializer):
        return initializer
    config = initializer.get_config()
    if "seed" in config or "seed" in inspect.signature(type(initializer).__init__).parameters:
        config["seed"] = seed
    return type(initializer).from_config(config)


def initial_state(model: keras.Model, untrained: State, seed: int) -> State:
    """The untrained weights of one seed: maskable kernels drawn anew, all other weights as in `untrained`."""
    drawn = {
        name: draw_kernel(layer, generator(seed, "initial weights", name))
        for name, layer in masked_layers(model).items()
    }
    return untrained | drawn
