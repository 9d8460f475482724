"""How much faster half precision is, on the layers of a model; and a warning if it is slower."""

import logging

import keras
import pytest
from shared import tiny_network

import lottery_tf as lt
from lottery_tf.training import precision_speed

pytestmark = pytest.mark.slow  # half precision compiles slowly


def test_the_layers_of_a_model_are_timed_once_each():
    model = lt.build("conv4", (8, 8, 3))
    operations = list(precision_speed._operations(model))
    assert [operation.layer.name for operation in operations] == [layer.name for layer in model.layers if layer.weights]
    alike = lt.build("vgg19", (32, 32, 3))
    counted = set(precision_speed._operations(alike))
    convolutions = [layer for layer in alike.layers if isinstance(layer, keras.layers.Conv2D)]
    different = {(tuple(layer.input.shape), tuple(layer.kernel.shape)) for layer in convolutions}
    assert sum("MaskedConv2D" in operation.identity for operation in counted) == len(different) < len(convolutions)


def test_layers_under_a_learned_mask_are_timed_as_trained_ones():
    network = lt.build("conv4", (8, 8, 3))
    under_mask = list(precision_speed._operations(lt.MaskedModel(network).network))
    assert len(under_mask) == len(list(precision_speed._operations(network))) > 0
    gradients = under_mask[0].step("float32", 2)()
    assert [tuple(gradient.shape[1:]) for gradient in gradients] == [(8, 8, 3), (3, 3, 64), ()]


def test_a_speed_is_measured_and_kept():
    model = tiny_network()
    first = precision_speed.speedup(model, "mixed_bfloat16", 40)
    assert 0 < first < 100
    assert precision_speed.speedup(tiny_network(), "mixed_bfloat16", 40) == first


def test_the_slow_case_is_announced(caplog):
    model = tiny_network()
    for ratio, said in ((0.1, True), (1.7, False)):
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            for _ in range(2):
                precision_speed.warn_if_slow(model, "mixed_bfloat16", 40, measure=lambda *_, ratio=ratio: ratio)
        assert len(caplog.records) == said, "it is said once"
        assert ("take 10.0 times as long" in caplog.text) == said
        assert ("Use the precision float32" in caplog.text) == said
