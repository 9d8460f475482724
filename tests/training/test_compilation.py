"""Which compiler runs the training steps."""

import keras
import pytest

import lottery_tf as lt
from lottery_tf.errors import InputError
from lottery_tf.training.compilation import compiler


@pytest.mark.parametrize(
    ("network", "device", "expected"),
    [("fc", "CPU", "xla"), ("fc", "GPU", "xla"), ("conv2", "CPU", "graph"), ("conv2", "GPU", "xla")],
)
def test_convolutions_decide_on_a_processor_alone(network, device, expected):
    model = lt.build(network, (8, 8, 1))
    assert compiler(model, device) == expected
    inside = keras.Sequential([keras.Input((8, 8, 1)), model])
    assert compiler(inside, device) == compiler(lt.MaskedModel(model), device) == expected


def test_a_kernel_of_three_dimensions_is_no_convolution():
    attention = keras.layers.MultiHeadAttention(2, 3)
    inputs = keras.Input((5, 4))
    assert compiler(keras.Model(inputs, attention(inputs, inputs)), "CPU") == "xla"


def test_an_unknown_device_is_refused():
    with pytest.raises(InputError, match="The device is 'TPU'"):
        compiler(lt.build("fc"), "TPU")
