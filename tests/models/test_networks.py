"""The networks of the papers: their sizes and layers."""

import keras
import pytest

from lottery_tf.errors import InputError
from lottery_tf.masking import model_weights
from lottery_tf.models import networks
from lottery_tf.models.table_s1 import NETWORKS
from lottery_tf.pruning import kept_counts

WEIGHTS = {  # network: (weights without biases, of them in convolutions)
    "fc": (266_200, 0),
    "conv2": (4_300_992, 38_592),
    "conv4": (2_425_024, 259_776),
    "conv6": (2_261_184, 1_144_512),
}


@pytest.mark.parametrize("name", WEIGHTS)
def test_weight_counts_of_table_s1(name):
    kernels = model_weights.kernels(networks.build(name)).values()
    assert (sum(k.size for k in kernels), sum(k.size for k in kernels if k.ndim == 4)) == WEIGHTS[name]


DEEP = {  # network: (weights without biases, all weights, kept percentages that Frankle & Carbin print)
    "resnet20": (270_896, 274_042, {6: 27.1, 10: 11.8}),
    "vgg19": (20_024_000, 20_046_026, {}),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", DEEP)
def test_the_deeper_networks_have_the_published_sizes(name):
    model, table = networks.build(name), NETWORKS[name]
    kernels = model_weights.kernels(model)
    weights, everything, percentages = DEEP[name]
    assert sum(kernel.size for kernel in kernels.values()) == weights
    assert sum(value.size for value in model_weights.get_weights(model).values()) == everything
    shares = kept_counts.pruned_fraction_by_layer(kernels, table.conv_pruned_fraction, table.dense_pruned_fraction,
                                            table.output_pruned_fraction, table.downsample_pruned_fraction)  # fmt: skip
    whole = {layer for layer, share in shares.items() if not share}
    assert whole == {layer for layer in kernels if "downsample" in layer or layer == "output/kernel"}
    assert sum(len(kernel.shape) == 4 for kernel in kernels.values()) == {"resnet20": 19 + 2, "vgg19": 16}[name]
    kept = kept_counts.kept_fractions(kernels, shares, 10)
    assert {level: round(100 * kept[level], 1) for level in percentages} == percentages


def test_dropout_follows_the_hidden_dense_layers():
    model = networks.build("conv2", dropout=0.5)
    assert [layer.name for layer in model.layers][-5:] == ["dense_1", "dropout_1", "dense_2", "dropout_2", "output"]
    assert {layer.rate for layer in model.layers if isinstance(layer, keras.layers.Dropout)} == {0.5}
    assert not [layer for layer in networks.build("conv2").layers if isinstance(layer, keras.layers.Dropout)]


def test_unknown_network():
    with pytest.raises(InputError, match="Unknown network 'conv8'"):
        networks.build("conv8")
