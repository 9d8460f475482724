"""`MaskedModel` against computation by hand, and in Keras's own fit."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from digit_networks import network
from scipy.special import expit

from lottery_tf.errors import InputError
from lottery_tf.masking import model_weights
from lottery_tf.masking.conversion import masked
from lottery_tf.supermasks.masked_model import MaskedModel

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def small_network(seed=0):
    keras.utils.set_random_seed(seed)
    layers = [keras.Input((6, 6, 1)), keras.layers.Conv2D(4, 3, activation="relu"), keras.layers.Flatten(),
              keras.layers.Dense(8, "relu"), keras.layers.Dense(3)]  # fmt: skip
    return keras.Sequential(layers)


@pytest.mark.parametrize("rescale", [False, True])
@pytest.mark.parametrize("weights", ["initial", "signed_constant"])
def test_the_network_under_a_mask_is_the_one_made_by_hand(weights, rescale):
    network = small_network()
    model = MaskedModel(network, weights=weights, g="rounded", rescale=rescale)
    rng = np.random.default_rng(0)
    for mask in model.masks:
        mask.logits.assign(rng.normal(size=mask.logits.shape))
    images = rng.random((5, 6, 6, 1), np.float32)
    outputs = model(images)
    by_hand = small_network()
    layers = [layer for layer in by_hand.layers if hasattr(layer, "kernel")]
    for layer, mask in zip(layers, model.masks, strict=True):
        w_i = layer.kernel.numpy()
        kept = mask.logits.numpy() > 0
        w = w_i if weights == "initial" else np.sign(w_i) * np.sqrt(np.mean((w_i - w_i.mean()) ** 2))
        layer.kernel.assign(w * kept * (kept.size / kept.sum() if rescale else 1))
    np.testing.assert_allclose(outputs, by_hand(images), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(model.most_likely_network()(images), outputs, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("rescale", [False, True])
def test_the_logits_gradient_is_that_of_the_frozen_mask_by_hand(rescale):
    """dL/dm = sigmoid'(m) dL/dg with g taken for a smooth variable, also inside the rescaling factor."""
    keras.utils.set_random_seed(0)
    network = keras.Sequential([keras.Input((5,)), keras.layers.Dense(3)])
    model = MaskedModel(network, g="rounded", rescale=rescale)
    rng = np.random.default_rng(0)
    model.masks[0].logits.assign(rng.normal(size=(5, 3)))
    inputs, labels = rng.random((7, 5), np.float32), rng.integers(0, 3, 7)
    with tf.GradientTape() as tape:
        loss = LOSS(labels, model(inputs))
    found = tape.gradient(loss, model.masks[0].logits.value).numpy()
    logits, w_i = model.masks[0].logits.numpy().astype(np.float64), network.layers[-1].kernel.numpy()

    def loss_of(gate):
        outputs = inputs @ (w_i * gate * (gate.size / gate.sum() if rescale else 1))
        outputs = outputs - outputs.max(axis=1, keepdims=True)
        return -np.mean((outputs - np.log(np.exp(outputs).sum(axis=1, keepdims=True)))[np.arange(7), labels])

    gate, expected = (logits >= 0).astype(np.float64), np.zeros((5, 3))
    for place in np.ndindex(5, 3):
        step = np.zeros((5, 3))
        step[place] = 1e-5
        expected[place] = (loss_of(gate + step) - loss_of(gate - step)) / 2e-5
    np.testing.assert_allclose(found, expected * expit(logits) * expit(-logits), rtol=1e-3, atol=1e-6)


def data(n=300):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, n)
    return (
        rng.random((n, 6, 6, 1)) * 0.5 + (np.arange(36).reshape(6, 6, 1) % 3 == labels[:, None, None, None])
    ).astype(np.float32), labels


@pytest.mark.slow
@pytest.mark.parametrize(
    "options", [{"rescale": True}, {"g": "rounded", "initial_logit": 0.5}, {"g": "edge_popup", "kept_fraction": 0.5}]
)
def test_keras_fit_learns_a_mask_and_leaves_the_weights(options):
    model = MaskedModel(small_network(), weights="signed_constant", **options)
    before = model_weights.get_weights(model.network)
    model.compile(keras.optimizers.Adam(0.1), LOSS, metrics=["accuracy"])
    images, labels = data()
    history = model.fit(images, labels, epochs=12, batch_size=30, verbose=0).history
    assert history["accuracy"][-1] > 0.8
    assert history["loss"][-1] < history["loss"][0]
    accuracy = model.evaluate(images, labels, verbose=0)[1]
    assert accuracy > 0.8
    for name, value in model_weights.get_weights(model.network).items():
        assert value.tobytes() == before[name].tobytes()


def test_a_mask_is_drawn_anew_each_time_also_in_evaluation():
    model = MaskedModel(small_network())
    images, _ = data(10)
    assert not np.allclose(model(images), model(images))
    network = model.draw_network()
    np.testing.assert_array_equal(network(images), network(images))


@pytest.mark.slow
def test_evaluation_averages_over_samples(monkeypatch):
    images, labels = data(200)
    model = MaskedModel(small_network(), samples=7)
    model.compile(loss=LOSS, metrics=["accuracy"], run_eagerly=True)
    single, draw_network = [], model.draw_network

    def noting():
        network = draw_network()
        single.append(np.mean(np.argmax(network(images), axis=1) == labels))
        return network

    monkeypatch.setattr(model, "draw_network", noting)
    _, averaged = model.evaluate(images, labels, batch_size=200, verbose=0)
    assert len(single) == 7
    assert len(set(single)) > 1
    assert averaged == pytest.approx(np.mean(single))


@pytest.mark.slow
def test_a_networks_own_dropout_draws_anew_each_step():
    network = keras.Sequential([keras.Input((400,)), keras.layers.Dropout(0.5), keras.layers.Dense(400)])
    network.layers[-1].kernel.assign(np.eye(400))
    model = MaskedModel(network, initial_logit=40.0)  # nothing is pruned
    dropped = [model.draw_network()(np.ones((1, 400)), training=True).numpy() == 0 for _ in range(2)]
    assert all(0.3 < each.mean() < 0.7 for each in dropped) and (dropped[0] != dropped[1]).any()
    np.testing.assert_allclose(model(np.ones((1, 400))), 1, rtol=1e-6)  # where nothing is dropped, nothing is drawn
    model.compile(loss="mse")
    assert model.evaluate(np.ones((7, 400)), np.ones((7, 400)), batch_size=5, verbose=0) == pytest.approx(0, abs=1e-6)


@pytest.mark.slow
def test_a_scaled_loss_gives_the_step_of_one_that_is_not():
    """As half-precision training scales it, for its gradients not to vanish."""
    images, labels = data(30)
    logits = []
    for wrap in (lambda optimizer: optimizer, keras.optimizers.LossScaleOptimizer):
        model = MaskedModel(small_network())
        model.compile(wrap(keras.optimizers.SGD(10.0)), LOSS)
        model.fit(images, labels, batch_size=30, verbose=0)
        logits.append(model.masks[0].logits.numpy())
    np.testing.assert_allclose(*logits, rtol=1e-3, atol=1e-6)
    assert np.abs(logits[0]).max() > 0.01


@pytest.mark.slow
def test_every_image_weighs_the_same_in_the_loss():
    images, labels = data(31)
    model = MaskedModel(small_network(), initial_logit=40.0, samples=1)
    model.compile(loss=LOSS, run_eagerly=True)
    whole = model.evaluate(images, labels, batch_size=31, verbose=0)
    assert model.evaluate(images, labels, batch_size=30, verbose=0) == pytest.approx(whole, rel=1e-5)


def test_the_most_likely_network_can_be_trained_on():
    assert all(layer.trainable for layer in MaskedModel(small_network()).most_likely_network().layers)


def test_saved_and_loaded(tmp_path):
    options = {"weights": "signed_constant", "rescale": True, "weight_multiplier": 0.7, "l1": 1e-3, "samples": 3}
    model = MaskedModel(small_network(), initial_logit=1.5, **options)
    model.masks[0].logits.assign(np.random.default_rng(0).normal(size=model.masks[0].logits.shape))
    model.save(tmp_path / "mask.keras")
    loaded = keras.models.load_model(tmp_path / "mask.keras")
    for a, b in zip(model.weights, loaded.weights, strict=True):
        np.testing.assert_array_equal(a, b)
    images, _ = data(10)
    np.testing.assert_array_equal(loaded.most_likely_network()(images), model.most_likely_network()(images))
    assert (loaded.samples, len(loaded.losses)) == (3, 3)


def attention():
    layers = keras.layers
    inputs = keras.Input((5,))
    x = layers.Embedding(11, 8)(inputs)
    return keras.Model(inputs, layers.MultiHeadAttention(2, 3)(x, x))


def einsum_and_grouped_queries():
    layers = keras.layers
    inputs = keras.Input((5, 4))
    x = layers.EinsumDense("abc,cd->abd", output_shape=(None, 6))(inputs)
    return keras.Model(inputs, layers.Bidirectional(layers.LSTM(3))(layers.GroupQueryAttention(3, 4, 2)(x, x)))


@pytest.mark.slow
@pytest.mark.parametrize("make", [attention, einsum_and_grouped_queries])
def test_layers_inside_layers_are_saved_and_loaded(make, tmp_path):
    network = make()
    model = MaskedModel(network)
    rng = np.random.default_rng(1)
    for mask in model.masks:
        mask.logits.assign(rng.normal(size=mask.logits.shape))
    model.save(tmp_path / "mask.keras")
    loaded = keras.models.load_model(tmp_path / "mask.keras")
    inputs = rng.integers(0, 11, (3, *network.input_shape[1:]))
    expected = model.most_likely_network()(inputs)
    np.testing.assert_array_equal(loaded.most_likely_network()(inputs), expected)
    assert np.abs(expected - network(inputs)).max() > 0.01
    assert [tuple(each.shape) for each in loaded.trainable_variables] == [mask.logits.shape for mask in model.masks]


@pytest.mark.slow
def test_the_l1_penalty_is_the_sum_of_probabilities_and_lowers_them():
    images, labels = data()
    shares = []
    for l1 in (0.0, 0.01):
        model = MaskedModel(small_network(), initial_logit=1.0, l1=l1)
        total = sum(int(np.prod(mask.logits.shape)) for mask in model.masks)
        assert float(sum(model.losses)) == pytest.approx(l1 * total * expit(1.0), rel=1e-5)
        model.compile(keras.optimizers.Adam(0.1), LOSS)
        model.fit(images, labels, epochs=5, verbose=0)
        shares.append(np.mean(np.concatenate([p.ravel() for p in model.probabilities().values()])))
    assert shares[1] < shares[0] - 0.1


def test_a_logit_for_each_layer():
    names = ["conv2d/kernel", "dense/kernel", "dense_1/kernel"]
    keras.backend.clear_session()
    model = MaskedModel(small_network(), initial_logit=dict(zip(names, (-1.0, 0.0, 2.0), strict=True)))
    assert [float(p.mean()) for p in model.probabilities().values()] == pytest.approx(expit([-1.0, 0.0, 2.0]))


def test_an_empty_mask_does_not_divide_by_zero():
    model = MaskedModel(small_network(), g="rounded", rescale=True, initial_logit=-1.0)
    assert np.isfinite(model(data(3)[0])).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"g": "bernouli"}, "Unknown function g 'bernouli'; did you mean 'bernoulli'"),
        ({"weights": "constant"}, "Unknown kind of weights 'constant'"),
        ({"g": "edge_popup"}, "needs a kept fraction"),
        ({"kept_fraction": 0.5}, "g = edge_popup needs a kept fraction; the other gates take none"),
        ({"g": "edge_popup", "kept_fraction": 1.5}, "kept_fraction is 1.5; it must lie between 0 and 1"),
        ({"l1": -1.0}, "l1 is -1.0"),
        ({"g": "rounded", "l1": 1.0}, "rounded has no probabilities"),
        ({"samples": 0}, "samples is 0"),
        ({"weight_multiplier": 0}, "weight_multiplier is 0; it must be a finite number above 0"),
        ({"weight_multiplier": float("nan")}, "weight_multiplier is nan"),
        ({"initial_logit": {"dense/kernel": 1.0}}, "missing or unknown"),
    ],
)
def test_what_does_not_go_together_is_refused(options, message):
    with pytest.raises(InputError, match=message):
        MaskedModel(small_network(), **options)


def test_masks_are_learned_where_the_network_has_masks(tmp_path):
    network = masked(small_network(), exclude=keras.layers.Conv2D)
    kernels = model_weights.kernels(network)
    model = MaskedModel(network, weights="signed_constant")
    model.save(tmp_path / "mask.keras")
    for found in (model, keras.models.load_model(tmp_path / "mask.keras")):
        assert found.kernel_names == list(kernels)[1:] == list(found.most_likely_mask())
        whole, *others = model_weights.kernels(found.network).values()
        np.testing.assert_array_equal(whole, list(kernels.values())[0])
        assert all(len(np.unique(np.abs(kernel))) == 1 for kernel in others)


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"initial_logit": NAN}, "initial_logit is nan; it must be a finite number"),
        ({"initial_logit": 1e39}, "must be a finite number in float32"),
        ({"initial_logit": np.float16(INF)}, "must be a finite number in float32"),
        ({"initial_logit": "0"}, "initial_logit is '0'; it must be a number"),
        ({"initial_logit": {"dense/kernel": INF}}, "must be a finite number|Initial logits are needed"),
        ({"samples": 1.5}, "samples is 1.5; it must be a whole number"),
        ({"rescale": "no"}, "rescale is 'no'; it must be True or False"),
        ({"seed": -1}, "seed is -1; it must be at least 0"),
        ({"seed": "0"}, "seed is '0'; it must be a whole number"),
        ({"l1": "1"}, "l1 is '1'; it must be a number"),
        ({"g": None}, "The function g None is not a name"),
        ({"g": "edge_popup", "kept_fraction": "0.5"}, "kept_fraction is '0.5'; it must be a number"),
        ({"weights": 1}, "The kind of weights 1 is not a name"),
    ],
)
def test_supermasks_that_cannot_be(arguments, message):
    with pytest.raises(InputError, match=message):
        MaskedModel(network(), **arguments)
