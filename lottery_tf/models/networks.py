"""Builds the networks of Table S1 and of Frankle & Carbin."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import keras
from keras import layers

from lottery_tf.argument_checks.signatures import checked
from lottery_tf.argument_checks.validation import Count, Fraction, Name
from lottery_tf.masking.layers import MaskedConv2D, MaskedDense
from lottery_tf.models.settings import DATASETS
from lottery_tf.models.table_s1 import NETWORKS, NetworkSettings
from lottery_tf.registry import choose
from lottery_tf.system.processes import usual_keras

INITIALIZER = "glorot_normal"

BATCH_NORM = {"momentum": 0.9, "epsilon": 1e-5}


def plain(name: str, table: NetworkSettings, image_shape: tuple[int, ...], classes: int) -> keras.Model:
    """Builds a network of 3x3 convolutions, with pooling after each pair, and dense layers (Table S1).

    If the table sets dropout, it follows each hidden dense layer.
    """
    stack = [keras.Input(image_shape)]
    for index, channels in enumerate(table.conv):
        convolution = {"padding": "same", "activation": "relu", "kernel_initializer": INITIALIZER}
        stack.append(MaskedConv2D(channels, 3, **convolution, name=f"conv_{index + 1}"))
        if index % 2:
            stack.append(layers.MaxPooling2D(name=f"pool_{index // 2 + 1}"))
    stack.append(layers.Flatten(name="flatten"))
    for index, units in enumerate(table.dense[:-1]):
        stack.append(MaskedDense(units, activation="relu", kernel_initializer=INITIALIZER, name=f"dense_{index + 1}"))
        if table.dropout:
            stack.append(layers.Dropout(table.dropout, name=f"dropout_{index + 1}"))
    stack.append(_output(classes))
    return keras.Sequential(stack, name=name)


def residual(name: str, table: NetworkSettings, image_shape: tuple[int, ...], classes: int) -> keras.Model:
    """Builds a residual network (He et al., for CIFAR-10): a convolution, stages of blocks, global average pooling.

    A block has two convolutions and a shortcut. The first block of each stage except the first halves height and width;
    its shortcut is a 1x1 convolution.
    """
    inputs = keras.Input(image_shape)
    x = _convolution(inputs, table.stages[0][1], "conv_1", relu=True)
    for stage, (blocks, channels) in enumerate(table.stages, start=1):
        for block in range(1, blocks + 1):
            where, halves = f"stage_{stage}_block_{block}", stage > 1 and block == 1
            strides = 2 if halves else 1
            shortcut = _convolution(x, channels, f"{where}_downsample", 1, strides) if halves else x
            x = _convolution(x, channels, f"{where}_conv_1", strides=strides, relu=True)
            x = _convolution(x, channels, f"{where}_conv_2")
            x = layers.Add(name=f"{where}_sum")([x, shortcut])
            x = layers.ReLU(name=f"{where}_relu")(x)
    return _classified(name, inputs, x, classes)


def vgg(name: str, table: NetworkSettings, image_shape: tuple[int, ...], classes: int) -> keras.Model:
    """Builds a VGG (Simonyan & Zisserman): stages of 3x3 convolutions with pooling, then global average pooling."""
    x = inputs = keras.Input(image_shape)
    for stage, (count, channels) in enumerate(table.stages, start=1):
        if stage > 1:
            x = layers.MaxPooling2D(name=f"pool_{stage - 1}")(x)
        for index in range(1, count + 1):
            x = _convolution(x, channels, f"stage_{stage}_conv_{index}", relu=True)
    return _classified(name, inputs, x, classes)


def _convolution(x, channels: int, name: str, size: int = 3, strides: int = 1, relu: bool = False):
    """Adds a masked convolution, batch norm and, if `relu`, a ReLU."""
    arguments = {"strides": strides, "padding": "same", "use_bias": False, "kernel_initializer": INITIALIZER}
    x = MaskedConv2D(channels, size, **arguments, name=name)(x)
    x = layers.BatchNormalization(**BATCH_NORM, name=f"{name}_norm")(x)
    return layers.ReLU(name=f"{name}_relu")(x) if relu else x


def _classified(name: str, inputs, x, classes: int) -> keras.Model:
    return keras.Model(inputs, _output(classes)(layers.GlobalAveragePooling2D(name="average")(x)), name=name)


def _output(classes: int) -> keras.layers.Layer:
    return MaskedDense(classes, kernel_initializer=INITIALIZER, name="output")


FAMILIES: dict[str, Callable[[str, NetworkSettings, tuple[int, ...], int], keras.Model]] = {
    family.__name__: family for family in (plain, residual, vgg)
}


def classes_of(dataset: str) -> int:
    """Returns the number of classes of a data set; 10, as of the paper's, for one that is not in `DATASETS`.

    >>> classes_of("mnist"), classes_of("custom")
    (10, 10)
    """
    return DATASETS[dataset].classes if dataset in DATASETS else 10


@checked
def build(
    name: Name, image_shape: tuple[Count, ...] | None = None, classes: Count = 10, dropout: Fraction | None = None
) -> keras.Model:
    """Builds an untrained masked network in which nothing is pruned. Its outputs are logits.

    Args:
      name: a name in `table_s1.NETWORKS`.
      image_shape: height, width, channels; None: the shape of the paper's images for this network.
      classes: number of classes, which is the number of units of the output layer.
      dropout: dropout rate of each hidden dense layer; None: no dropout.

    >>> from lottery_tf.masking.model_weights import kernels
    >>> sum(kernel.size for kernel in kernels(build("fc")).values())
    266200
    """
    table = dataclasses.replace(choose(NETWORKS, name, "network"), dropout=dropout)
    with usual_keras():
        return FAMILIES[table.family](name, table, image_shape or table.image_shape, classes)
