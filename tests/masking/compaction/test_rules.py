"""Every layer that has a rule, between two dense layers: as small as by hand, with the same outputs."""

import keras
import numpy as np
import pytest
from sparse_models import assert_equal_outputs, thin_out

from lottery_tf.masking.compaction import compact
from lottery_tf.masking.compaction.rules import RULES

layers = keras.layers

RANKS = {"1D": 1, "2D": 2, "3D": 3}
ARGUMENTS = {
    "Activation": ("gelu",), "Conv1D": (4, 2), "Conv2D": (4, 2), "Conv3D": (4, 2), "Dense": (4,), "Reshape": ((-1, 6),),
    "RepeatVector": (3,), "AveragePooling1D": (2,), "AveragePooling2D": (2,), "AveragePooling3D": (2,),
    "ReLU": (2.0, 0.1, 0.2), "LeakyReLU": (0.2,), "Dropout": (0.5,), "AlphaDropout": (0.5,),
    "GaussianDropout": (0.5,), "GaussianNoise": (1.0,), "SpatialDropout1D": (0.5,), "SpatialDropout2D": (0.5,),
    "SpatialDropout3D": (0.5,), "DepthwiseConv1D": (2,), "DepthwiseConv2D": (2,), "Conv1DTranspose": (4, 2),
    "Conv2DTranspose": (4, 2), "Conv3DTranspose": (4, 2), "GroupNormalization": (3,), "Permute": ((2, 1, 3),),
    "Embedding": (5, 3),
}  # fmt: skip
MERGES = ("Add", "Average", "Concatenate", "Maximum", "Minimum", "Multiply", "Subtract")
LEFT = {  # of six units before the layer; of others three: two are constant, and one is not heard
    **dict.fromkeys(("LayerNormalization", "RMSNormalization"), 6),  # what they see stays whole
    "GroupNormalization": 4,  # and whole groups are left out
    **dict.fromkeys(MERGES, 5),  # nothing is constant together with what is not
    "GlobalAveragePooling1D": 5,  # nor is the mean of no steps, if all are masked
    "Multiply": 4,  # but for zero in a product
    "Concatenate": 3,
    **{f"ZeroPadding{rank}": 4 for rank in RANKS},  # 0.7 beside zeros is no constant
    **{f"Conv{rank}Transpose": 4 for rank in RANKS},
}  # fmt: skip


def between_two_layers(middle):
    """A model whose first layer has two channels that are constant, and one that what comes after does not hear."""
    name = type(middle).__name__
    rank = 0 if name in ("RepeatVector", *MERGES) else next((RANKS[end] for end in RANKS if end in name), 2)
    inputs = keras.Input((*[7] * rank, 3))
    x = layers.Dense(6, "relu", name="before")(inputs)
    x = middle([x, layers.Dense(6, name="beside")(inputs)] if name in MERGES else x)
    model = keras.Model(inputs, layers.Dense(4, name="after")(x))
    thin_out(model, 1.0)
    kernel = model.get_layer("before").kernel.numpy()
    kernel[:, :2] = 0  # the first two channels are the constants 0.7 and 0
    model.get_layer("before").set_weights([kernel, np.array([0.7, -1, 0.3, 0.2, -0.1, 0.4])])
    if hasattr(middle, "gamma"):
        middle.gamma.assign(np.ones(6))
    if hasattr(middle, "kernel"):
        weights = middle.get_weights()
        weights[0][(..., 2) if name.endswith("Transpose") else (..., 2, slice(None))] = 0
        middle.set_weights(weights)
    else:
        weights = model.get_layer("after").get_weights()
        weights[0][:, 0] += 1  # every channel is heard but one
        weights[0][2 :: weights[0].shape[0] if name == "Concatenate" else 6] = 0
        model.get_layer("after").set_weights(weights)
    return model


@pytest.mark.parametrize("kind", RULES, ids=lambda kind: kind.__name__)
def test_each_kind_of_layer(kind):
    if kind is layers.Embedding:
        return  # its inputs have no channels; see below
    model = between_two_layers(kind(*ARGUMENTS.get(kind.__name__, ())))
    small = compact(model)
    assert_equal_outputs(model, small)
    assert small.get_layer("before").units == LEFT.get(kind.__name__, 3)
