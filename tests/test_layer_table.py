"""The page of layers agrees with what each tool does with each layer of Keras.

`python tests/test_layer_table.py` writes the page anew.
"""

from pathlib import Path

import keras
import numpy as np
import pytest

import lottery_tf as lt
from lottery_tf.errors import InputError
from lottery_tf.masking import model_weights
from lottery_tf.masking.kernel_table import kernels_of
from lottery_tf.masking.sublayers import all_layers
from lottery_tf.pruning import masks

layers = keras.layers
PAGE = Path(__file__).parents[1] / "lottery_tf" / "layers.md"
LINE, IMAGE, VOLUME = (6, 4), (6, 6, 4), (5, 5, 5, 4)

LAYERS = {  # name in the table: a layer, and the shape of its inputs
    "Dense": (lambda: layers.Dense(4), LINE),
    "EinsumDense": (lambda: layers.EinsumDense("abc,cd->abd", (6, 4), bias_axes="d"), LINE),
    "Embedding": (lambda: layers.Embedding(7, 4), (6,)),
    **{f"Conv{n}D": (lambda n=n: getattr(layers, f"Conv{n}D")(4, 2), shape)
       for n, shape in ((1, LINE), (2, IMAGE), (3, VOLUME))},
    **{f"Conv{n}DTranspose": (lambda n=n: getattr(layers, f"Conv{n}DTranspose")(4, 2), shape)
       for n, shape in ((1, LINE), (2, IMAGE), (3, VOLUME))},
    **{f"DepthwiseConv{n}D": (lambda n=n: getattr(layers, f"DepthwiseConv{n}D")(2), shape)
       for n, shape in ((1, LINE), (2, IMAGE))},
    **{f"SeparableConv{n}D": (lambda n=n: getattr(layers, f"SeparableConv{n}D")(4, 2), shape)
       for n, shape in ((1, LINE), (2, IMAGE))},
    "SimpleRNN": (lambda: layers.SimpleRNN(4), LINE),
    "GRU": (lambda: layers.GRU(4), LINE),
    "LSTM": (lambda: layers.LSTM(4), LINE),
    "ConvLSTM1D": (lambda: layers.ConvLSTM1D(4, 2), IMAGE),
    "RNN of cells": (lambda: layers.RNN([layers.LSTMCell(4), layers.GRUCell(4)]), LINE),
    "Bidirectional": (lambda: layers.Bidirectional(layers.LSTM(4)), LINE),
    "TimeDistributed": (lambda: layers.TimeDistributed(layers.Dense(4)), LINE),
    "SpectralNormalization": (lambda: layers.SpectralNormalization(layers.Dense(4)), LINE),
    "MultiHeadAttention": (lambda: Itself(layers.MultiHeadAttention(2, 3)), LINE),
    "GroupQueryAttention": (lambda: Itself(layers.GroupQueryAttention(3, 4, 2)), LINE),
    "AdditiveAttention": (lambda: Itself(layers.AdditiveAttention()), LINE),
    "BatchNormalization": (lambda: layers.BatchNormalization(), LINE),
    "LayerNormalization": (lambda: layers.LayerNormalization(), LINE),
    "GroupNormalization": (lambda: layers.GroupNormalization(2), LINE),
    "PReLU": (lambda: layers.PReLU(), LINE),
}  # fmt: skip


class Itself:
    """An attention layer that is called with one sequence for everything that it takes."""

    def __init__(self, layer):
        self.layer = layer


def model_of(make, shape):
    """A model with a layer behind a dense one, of whose channels two are the constant 0, and before another."""
    layer = make()
    inputs = keras.Input(shape, dtype="int32" if isinstance(layer, layers.Embedding) else None)
    x = inputs if isinstance(layer, layers.Embedding) else layers.Dense(shape[-1], name="before")(inputs)
    if isinstance(layer, Itself):
        x = layer.layer([x, x]) if isinstance(layer.layer, layers.AdditiveAttention) else layer.layer(x, x)
        layer = layer.layer
    else:
        x = layer(x)
    model = keras.Model(inputs, layers.Dense(3, name="after")(layers.Flatten()(x)))
    rng = np.random.default_rng(0)
    for variable in model_weights.variables(model).values():
        variable.assign(rng.uniform(0.1, 1, variable.shape))
    for variable in model.layers[1].weights if model.layers[1].name == "before" else ():
        variable.assign(variable.numpy() * (np.arange(shape[-1]) > 1))
    return model, layer


def whats_masked(model, name):
    masked = lt.masked(model)
    (index,) = [i for i, layer in enumerate(model.layers) if layer.name == name]
    found = {}
    for layer in all_layers(masked.layers[index]):
        for kernel in getattr(layer, "masked_kernels", ()):
            attribute = kernels_of(layer)[layer.masked_kernels.index(kernel)].attribute
            found[attribute] = found.get(attribute, 0) + 1
    return ", ".join(f"{count} {name}s" if count > 1 else name for name, count in found.items()) or "nothing"


def compacted(model):
    try:
        return "passes through" if lt.compact(model).get_layer("before").units < 4 else "stays as it is"
    except InputError:
        return "is refused"
    except ValueError:
        return "-"  # nothing stands before it


def packed(model):
    try:
        content = lt.pack_supermask(model, masks.full(model_weights.kernels(lt.masked(model))), seed=0)
        lt.rebuild(content)
    except InputError:
        return "no"
    return "yes"


def row(name):
    model, layer = model_of(*LAYERS[name])
    return f"| {name} | {whats_masked(model, layer.name)} | {compacted(model)} | {packed(model)} |"


HEAD = """\
# Layers

What the tools do with each of Keras's layers that have weights. A test determines this with a small model of each
and compares the result with this page ([`tests/test_layer_table.py`](../tests/test_layer_table.py)). Biases, gains and
statistics are never masked. For your own layer, the layers inside it count; layers without weights change nothing.

- *masked*: the weights that `lt.masked` gives masks, and that experiments and learned Supermasks prune.
- *compact*: whether `lt.compact` removes units of the layer before this one that have no effect ("passes through").
- *ticket*: whether a ticket file can hold it.

| layer | masked | compact | ticket |
|---|---|---|---|
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", LAYERS)
def test_the_page_says_what_the_tools_do(name):
    assert row(name) in PAGE.read_text().splitlines()


def test_the_page_has_no_other_rows():
    rows = [line.split(" | ")[0] for line in PAGE.read_text().removeprefix(HEAD).splitlines()]
    assert rows == [f"| {name}" for name in LAYERS]


if __name__ == "__main__":
    PAGE.write_text(HEAD + "\n".join(map(row, LAYERS)) + "\n")
