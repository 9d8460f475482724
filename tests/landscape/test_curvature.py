"""Hessian-vector products, eigenvalues, trace and density against Hessians computed exactly in float64."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from lottery_tf.datasets.splits import Split
from lottery_tf.errors import InputError
from lottery_tf.landscape import spectrum
from lottery_tf.landscape.curvature import Curvature, some_images
from lottery_tf.landscape.directions import pruning_direction
from lottery_tf.masking import conversion, initial_weights, model_weights
from lottery_tf.pruning import masks

FLATTENED = 36


@pytest.fixture
def dense(tiny_model, tiny_dataset):
    """A trained-looking state of the tiny network with biases that are not zero, half of the kernels pruned."""
    rng = np.random.default_rng(0)
    state = initial_weights.initial_weights(tiny_model, model_weights.get_weights(tiny_model), 0)
    state |= {name: rng.normal(0, 0.3, v.shape).astype(np.float32) for name, v in state.items() if v.ndim == 1}
    mask = {name: rng.random(kernel.shape) < 0.5 for name, kernel in model_weights.kernels(tiny_model).items()}
    state |= {name: np.where(kept, state[name], np.float32(0)) for name, kept in mask.items()}
    return tiny_model, tiny_dataset.train, state, mask


def exact(split, state):
    """Loss, gradient and Hessian in float64 of two dense layers with all weights in one vector, by hand."""
    shapes = [value.shape for value in state.values()]
    sizes = [int(np.prod(shape)) for shape in shapes]
    images = tf.constant(split.images.reshape(len(split), FLATTENED) / 255)
    weights = tf.constant(np.concatenate([np.ravel(value).astype(np.float64) for value in state.values()]))
    with tf.GradientTape() as outer:
        outer.watch(weights)
        with tf.GradientTape() as inner:
            inner.watch(weights)
            first, bias, second, offset = (
                tf.reshape(part, shape) for part, shape in zip(tf.split(weights, sizes), shapes, strict=True)
            )
            logits = tf.nn.relu(images @ first + bias) @ second + offset
            loss = tf.reduce_mean(
                tf.reduce_logsumexp(logits, axis=1) - tf.gather(logits, split.labels, axis=1, batch_dims=1)
            )
        gradient = inner.gradient(loss, weights)
    return float(loss), gradient.numpy(), outer.jacobian(gradient, weights).numpy()


def moving(state, mask):
    """Which weights of the one vector move."""
    return np.concatenate(
        [np.ravel(mask[name]) if name in mask else np.ones(v.size, bool) for name, v in state.items()]
    )


@pytest.mark.slow
def test_hessian_is_the_exact_one_of_the_kept_weights(dense):
    model, split, state, mask = dense
    loss, gradient, hessian = exact(split, state)
    moves = moving(state, mask)
    curvature = Curvature(model, split, chunk=64)
    found = curvature.at(state, mask)
    assert curvature.loss(state) == pytest.approx(loss, rel=1e-5)
    assert found.shape == (moves.sum(), moves.sum())
    np.testing.assert_allclose(found.gradient(), gradient[moves], atol=1e-6)
    wanted = hessian[np.ix_(moves, moves)]
    products = found @ np.eye(len(wanted))
    np.testing.assert_allclose(products, wanted, atol=2e-6 * np.abs(wanted).max() + 1e-7)
    np.testing.assert_allclose(found.T @ np.ones(len(wanted)), wanted.sum(axis=0), atol=1e-5)


@pytest.mark.slow
def test_spectrum_of_a_network_is_that_of_its_exact_hessian(dense):
    model, split, state, mask = dense
    moves = moving(state, mask)
    eigenvalues = np.linalg.eigvalsh(exact(split, state)[2][np.ix_(moves, moves)])[::-1]
    found, size = Curvature(model, split).at(state, mask), int(moves.sum())
    np.testing.assert_allclose(spectrum.top_eigenvalues(found, 5), eigenvalues[:5], rtol=1e-3)
    estimate = spectrum.trace(found, spectrum.probes(size, 100, 0))
    assert abs(estimate.value - eigenvalues.sum()) < 3 * estimate.standard_error
    assert estimate.standard_error < 0.2 * eigenvalues.sum()
    density = spectrum.spectral_density(found, spectrum.probes(size, 20, 0), steps=30)
    assert density.nodes[-1] == pytest.approx(eigenvalues[0], rel=1e-4)
    assert density.mean(lambda v: v**2) * size == pytest.approx((eigenvalues**2).sum(), rel=0.15)
    assert density.mean(np.exp) == pytest.approx(np.exp(eigenvalues).mean(), rel=0.02)


@pytest.mark.slow
def test_an_untouched_model_and_states_that_change(dense):
    """Two Hessians of one curvature do not mix their weights, and the model given is left alone."""
    model, split, state, mask = dense
    other = {name: value * 2 for name, value in state.items()}
    before = model_weights.get_weights(model)
    curvature = Curvature(model, split)
    first, second = curvature.at(state, mask), curvature.at(other, mask)
    vector = np.ones(first.shape[0])
    alone = first.matvec(vector)
    assert np.abs(second.matvec(vector) - alone).max() > 1e-3
    np.testing.assert_array_equal(first.matvec(vector), alone)
    assert all(before[name].tobytes() == value.tobytes() for name, value in model_weights.get_weights(model).items())


@pytest.mark.slow
def test_increase_is_the_quadratic_model_of_the_loss(dense):
    """Along pruning: against the exact gradient and Hessian, and for a short step against the loss itself."""
    model, split, state, mask = dense
    rng = np.random.default_rng(2)
    smaller = {name: kept & (rng.random(kept.shape) < 0.7) for name, kept in mask.items()}
    step = pruning_direction(state, mask, smaller)
    loss, gradient, hessian = exact(split, state)
    vector = np.concatenate([np.ravel(step.get(name, np.zeros(value.shape))) for name, value in state.items()])
    curvature = Curvature(model, split)
    found = curvature.at(state, mask)
    assert found.increase(step) == pytest.approx(gradient @ vector + vector @ hessian @ vector / 2, rel=1e-4)
    assert abs(vector @ hessian @ vector) > 0.1 * abs(gradient @ vector), "the test wants a step that feels curvature"
    short = {name: values * 1e-3 for name, values in step.items()}
    actual = exact(split, {name: value + short.get(name, 0) for name, value in state.items()})[0] - loss
    assert found.increase(short) == pytest.approx(actual, rel=1e-3)


def convolutional(dtype):
    layers = [
        keras.Input((6, 6, 1), dtype=dtype),
        keras.layers.Conv2D(3, 3, activation="relu", dtype=dtype, name="conv"),
        keras.layers.BatchNormalization(dtype=dtype, name="norm"),
        keras.layers.MaxPooling2D(dtype=dtype),
        keras.layers.Flatten(dtype=dtype),
        keras.layers.Dropout(0.5, dtype=dtype),
        keras.layers.Dense(3, "softmax", dtype=dtype, name="dense"),
    ]
    return keras.Sequential(layers)


@pytest.mark.slow
def test_convolutions_pooling_and_batch_norm(tiny_dataset):
    """Against the same network in float64 and TensorFlow's own Jacobian; outputs are probabilities here."""
    model, precise = conversion.masked(convolutional("float32")), convolutional("float64")
    rng = np.random.default_rng(1)
    state = {
        name: rng.normal(0.5, 0.3, v.shape).astype(np.float32) for name, v in model_weights.get_weights(model).items()
    }
    state["norm/moving_variance"] = rng.uniform(0.5, 2, 3).astype(np.float32)
    model_weights.set_weights(precise, state)
    few = Split(tiny_dataset.train.images[:50], tiny_dataset.train.labels[:50])
    values = [variable.value for variable in precise.trainable_variables]
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            outputs = precise(few.images / 255, training=False)
            loss = -tf.reduce_mean(tf.math.log(tf.gather(outputs, few.labels, axis=1, batch_dims=1)))
        rows = tf.concat([tf.reshape(part, [-1]) for part in inner.gradient(loss, values)], 0)
    blocks = outer.jacobian(rows, values)
    wanted = np.concatenate([np.reshape(block, (len(rows), -1)) for block in blocks], axis=1)
    found = Curvature(model, few, from_logits=False, chunk=20).at(state, masks.full(model_weights.kernels(model)))
    # The moving statistics are no coordinates: 30 weights of the convolution, 6 of batch norm, 39 of the last layer.
    assert found.shape == wanted.shape == (75, 75)
    np.testing.assert_allclose(found @ np.eye(75), wanted, atol=1e-5 * np.abs(wanted).max())


def test_images_are_chosen_once_for_all(tiny_dataset):
    first, again, other = (some_images(tiny_dataset.train, 50, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.images, again.images)
    assert (first.images != other.images).any()
    assert len({image.tobytes() for image in first.images}) == 50
    for count in (0, 281):
        with pytest.raises(InputError, match=f"The number of images is {count}; it must be 1 to 280"):
            some_images(tiny_dataset.train, count)


def test_weights_and_masks_of_other_networks_are_refused(dense):
    model, split, state, mask = dense
    curvature = Curvature(model, split)
    with pytest.raises(InputError, match="has shape .*, but the array has shape"):
        curvature.at(state, {"a": np.ones(3, bool)})
    with pytest.raises(InputError, match="The weights are not those of the model"):
        curvature.at({"a": np.ones(3)}, mask).gradient()
