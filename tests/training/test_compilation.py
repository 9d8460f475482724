"""Which compiler runs the training steps, and which one if it refuses them."""

import dataclasses
import logging

import keras
import numpy as np
import pytest
import tensorflow as tf

import lottery_tf as lt
from lottery_tf.errors import InputError
from lottery_tf.masking import initial_weights, model_weights
from lottery_tf.training import compilation, precision_speed
from lottery_tf.training.compilation import compiler
from lottery_tf.training.trainer import Trainer


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


class WithoutXLA(keras.layers.Layer):
    """A layer that says of itself that it cannot be compiled."""

    def __init__(self, **options):
        super().__init__(**options)
        self.supports_jit = False

    def call(self, inputs):
        return inputs


def test_a_layer_that_cannot_be_compiled_is_heeded_at_any_depth():
    within = keras.Sequential([keras.Input((4,)), WithoutXLA(), keras.layers.Dense(2)])
    model = keras.Sequential([keras.Input((4,)), within])
    assert compiler(model, "CPU") == compiler(model, "GPU") == compiler(lt.masked(model), "CPU") == "graph"


class CountsCalls(keras.layers.Layer):
    """A layer that XLA refuses, and that counts its calls, as batch norm goes on with its moments."""

    def build(self, shape):
        self.calls = self.add_weight(name="calls", initializer="zeros", trainable=False)

    def call(self, inputs):
        self.calls.assign_add(1)
        return refused(inputs)


@keras.saving.register_keras_serializable("tests")
class Same(keras.constraints.Constraint):
    """A constraint that XLA refuses: beside a graph it compiles the update, which calls it."""

    def __call__(self, bias):
        return refused(bias)


def refused(inputs):
    """The inputs, by way of text, of which XLA knows nothing."""
    return tf.reshape(tf.strings.to_number(tf.strings.as_string(tf.stop_gradient(inputs), 8)), tf.shape(inputs))


SETTINGS = lt.TrainingSettings(iterations=12, learning_rate=0.1, batch_size=40, eval_interval=6, optimizer="momentum")


def trained(tiny_dataset, name, compiler=None, layer=None, constraint=None):
    """A trainer of a network with an odd layer or constraint, the ticket, and what came of it."""
    layers = [
        keras.layers.Dense(5, "relu", name="hidden"),
        keras.layers.Dense(3, bias_constraint=constraint, name="output"),
    ]
    layers = [keras.layers.Flatten(), *([layer] if layer else []), *layers]
    model = lt.masked(keras.Sequential([keras.Input((6, 6, 1)), *layers], name=name))
    start = initial_weights.initial_weights(model, model_weights.get_weights(model), 0)
    ticket = lt.Ticket(start, {name: kernel > -1 for name, kernel in model_weights.kernels(model).items()})
    divided = dataclasses.replace(tiny_dataset, divide_by=255)
    trainer = Trainer(model, divided, SETTINGS, compiler=compiler)
    return trainer, ticket, trainer.train(ticket, seed=0, level=0)


def refusals(caplog):
    return [message for message in caplog.messages if "XLA cannot compile" in message]


@pytest.mark.slow
def test_a_training_that_xla_refuses_runs_as_a_graph_and_says_so_once(tiny_dataset, caplog):
    trainer, ticket, result = trained(tiny_dataset, "odd", layer=CountsCalls(name="counts"))
    assert trainer.compiler == "graph"
    assert result.compiled_by == {"compiler": "graph", "xla_refused": "AsString"}
    again = trainer.train(ticket, seed=0, level=0)
    assert refusals(caplog) == [
        "XLA cannot compile the training steps of odd (AsString), so they run as a TensorFlow graph."
    ]
    for each in (result, again):
        assert each.final["counts/calls"] == 12 + 3, "a step is one call, and so is a reading"
        assert each.compiled_by == result.compiled_by
    np.testing.assert_array_equal(result.history, again.history)


@pytest.mark.slow
def test_what_a_compiler_had_begun_when_it_refused_is_undone(tiny_dataset, caplog):
    """The update alone is refused by the second compiler, after the forward pass."""
    odd = {"layer": CountsCalls(name="counts"), "constraint": Same()}
    trainer, _, result = trained(tiny_dataset, "odder", **odd)
    assert trainer.compiler == result.compiler == "graph_without_xla"
    assert result.final["counts/calls"] == 12 + 3
    assert len(refusals(caplog)) == 1
    *_, plain = trained(tiny_dataset, "plain", "graph_without_xla", **odd)
    assert result.final.keys() == plain.final.keys() and not plain.xla_refused
    assert all(result.final[name].tobytes() == value.tobytes() for name, value in plain.final.items())


@pytest.mark.slow
def test_an_error_of_the_model_itself_is_raised(tiny_dataset):
    class Fails(keras.layers.Layer):
        def call(self, inputs, training=False):
            if training:
                tf.debugging.assert_less(tf.reduce_max(inputs), -1.0, message="never so")
            return inputs

    with pytest.raises(tf.errors.InvalidArgumentError, match="never so"):
        trained(tiny_dataset, "fails", "graph", Fails())


class Doubles:
    """One of several objects whose method is compiled."""

    def double(self, x):
        return 2 * x


def test_methods_of_several_objects_are_not_taken_for_one_function():
    messages = []
    handler = logging.Handler()
    handler.emit = lambda record: messages.append(record.getMessage())
    tf.get_logger().addHandler(handler)
    try:
        for _ in range(12):
            assert compilation.compiled(Doubles().double)(tf.constant(1.5)) == 3
        assert compilation.compiled(pow, tf.constant(3.0))(tf.constant(2.0)) == 9, "the first argument is given"
        assert not messages
        for _ in range(12):
            tf.function(Doubles().double)(tf.constant(1.0))
        assert any("retracing" in message for message in messages)
    finally:
        tf.get_logger().removeHandler(handler)


def test_memory_that_is_gone_is_no_refusal():
    assert compilation.fallback("xla", tf.errors.ResourceExhaustedError(None, None, "OOM")) is None
    assert compilation.fallback("xla", tf.errors.UnimplementedError(None, None, "no")) == "graph"
    assert compilation.fallback("graph_without_xla", tf.errors.UnimplementedError(None, None, "no")) is None


@pytest.mark.slow
def test_what_xla_refuses_is_timed_as_a_graph():
    class Odd(keras.layers.Dense):
        def call(self, inputs):
            return super().call(tf.cast(refused(tf.cast(inputs, "float32")), inputs.dtype) + inputs)

    model = keras.Sequential([keras.Input((4,)), Odd(3)])
    assert precision_speed.speedup(model, "mixed_bfloat16", 2) > 0
