"""Packed networks are rebuilt to the bit, and incomplete ones are refused."""

import base64
import dataclasses
import itertools

import numpy as np
import pytest
from ticket_files import (
    CONVOLUTIONAL,
    DENSE,
    IMAGES,
    LAYERS,
    SHARES,
    draw_kernels,
    draw_mask,
    entropy_bytes,
    expected_kernel,
    opened,
    same_bits,
    sealed,
)

import lottery_tf as lt
from lottery_tf.algorithm import next_ticket
from lottery_tf.errors import DamagedFile, InputError
from lottery_tf.masking import model_weights
from lottery_tf.pruning import masks
from lottery_tf.pruning.mask0_actions import MASK0
from lottery_tf.pruning.treatments import SeededNetwork, Ticket, Treatment
from lottery_tf.results import files
from lottery_tf.seeds import glorot_normal
from lottery_tf.tickets import packing, ticket_format


def images(model):
    return np.random.default_rng(2).random((3, *model.input_shape[1:])).astype(np.float32)


def predictions_of(network, weights):
    """What the network, nothing of it masked, predicts with these weights."""
    from lottery_tf.masking import model_weights
    from lottery_tf.models import networks

    model = networks.build(network)
    model_weights.set_weights(model, weights)
    return model(images(model)).numpy()


# What is rebuilt


@pytest.mark.slow
@pytest.mark.parametrize(
    ("network", "weights", "rescale"),
    [
        *itertools.product(["fc"], ["initial", "signed_constant"], [False, True]),
        *((network, *kind) for network in CONVOLUTIONAL for kind in (("initial", False), ("signed_constant", True))),
    ],
)
def test_a_supermask_rebuilds_every_bit(network, weights, rescale):
    from lottery_tf.masking import model_weights
    from lottery_tf.models import networks

    mask = draw_mask(network, *SHARES)
    content = packing.pack_supermask(networks.build(network), mask, 3, weights, rescale)
    assert len(content) <= 1.05 * entropy_bytes(mask) + 1024
    packed = ticket_format.parse(content)
    assert packed.architecture == {"network": network, "image_shape": IMAGES[network], "classes": 10}
    model = packing.rebuild(packed)
    initial = draw_kernels({name: kept.shape for name, kept in mask.items()}, 3)
    wanted = {name: expected_kernel(initial[name], kept, weights, rescale) for name, kept in mask.items()}
    wanted |= {name.replace("kernel", "bias"): np.zeros(kept.shape[-1], np.float32) for name, kept in mask.items()}
    assert same_bits(model_weights.get_weights(model), wanted)
    assert all(
        (layer.kernel_mask.numpy() == mask[name]).all() for name, layer in model_weights.masked_kernels(model).items()
    )
    assert (model(images(model)).numpy() == predictions_of(network, wanted)).all()


@pytest.mark.slow
def test_a_supermask_on_multiplied_weights_rebuilds_every_bit():
    from lottery_tf.masking import model_weights
    from lottery_tf.models import networks

    mask = draw_mask("fc", *SHARES)
    content = packing.pack_supermask(networks.build("fc"), mask, 3, "signed_constant", weight_multiplier=0.3)
    model = packing.rebuild(ticket_format.parse(content))
    initial = draw_kernels({name: kept.shape for name, kept in mask.items()}, 3)
    for name, kept in mask.items():
        once = expected_kernel(initial[name], kept, "signed_constant", rescale=False)
        assert (model_weights.get_weights(model)[name] == once * np.float32(0.3)).all()
    header, payload = opened(content)
    for odd in (0, -1.0, "2", True, None):
        with pytest.raises(DamagedFile, match="weight_multiplier"):
            ticket_format.parse(sealed(header | {"weight_multiplier": odd}, payload))


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("network", LAYERS)
def test_a_trained_ticket_rebuilds_every_bit(network, dtype):
    from lottery_tf.masking import model_weights
    from lottery_tf.models import networks

    mask, rng = draw_mask(network, *SHARES), np.random.default_rng(4)
    model = networks.build(network)
    state = {
        name: rng.normal(0, 0.1, value.shape).astype(np.float32)
        for name, value in model_weights.get_weights(model).items()
    }
    state |= {name: np.where(kept, state[name], np.float32(0)) for name, kept in mask.items()}
    model_weights.set_weights(model, state, mask)
    content = packing.pack_trained(model, 0, dtype)
    kept_bytes = np.dtype(dtype).itemsize * sum(kept.sum() for kept in mask.values())
    assert 0.7 * kept_bytes < len(content) < kept_bytes + 1.05 * entropy_bytes(mask) + 6000  # of which 4,000 are biases
    rebuilt = packing.rebuild(ticket_format.parse(content))
    wanted = state | {name: state[name].astype(dtype).astype(np.float32) for name in mask}
    assert same_bits(model_weights.get_weights(rebuilt), wanted)
    assert (rebuilt(images(rebuilt)).numpy() == predictions_of(network, wanted)).all()


@pytest.mark.slow
@pytest.mark.parametrize("mask1", ["rewind", "reinit"])
@pytest.mark.parametrize("mask0", MASK0)
def test_frozen_values_of_every_mask_0_action_are_rebuilt(mask0, mask1):
    from lottery_tf.masking import model_weights
    from lottery_tf.models import networks

    shapes = {f"{name}/kernel": shape for name, shape in DENSE.items()}
    initial, rng = draw_kernels(shapes, 6), np.random.default_rng(0)
    draw = {name: lambda rng, shape=shape: glorot_normal(shape, rng) for name, shape in shapes.items()}
    ticket, model = Ticket(initial, masks.full(initial)), networks.build("fc")
    biases = {name: value for name, value in model_weights.get_weights(model).items() if name not in shapes}
    for level in (1, 2):
        final = {
            name: np.where(ticket.mask[name], w + rng.normal(0, 0.02, w.shape), w).astype(np.float32)
            for name, w in ticket.start.items()
        }
        treatment = Treatment("large_final", mask1, mask0)
        network = SeededNetwork(initial, dict.fromkeys(shapes, 0.3), draw, seed=6)
        ticket = next_ticket(treatment, network, ticket, final, level)
    model_weights.set_weights(model, ticket.start | biases, ticket.mask)
    packed = ticket_format.parse(packing.pack_trained(model, 6))
    assert bool(packed.at_initial) == (mask0 != "zero")
    assert same_bits(model_weights.get_weights(packing.rebuild(packed)), ticket.start | biases)


def own_sequential():
    import keras

    layers = keras.layers
    stack = [
        keras.Input((6, 6, 1)),
        layers.Conv2D(8, 3, kernel_initializer="he_normal", kernel_constraint="max_norm", activation="gelu"),
        layers.BatchNormalization(),
        layers.Flatten(),
        layers.Dropout(0.2),
        layers.Dense(3, kernel_initializer="orthogonal", bias_initializer="random_normal"),
    ]
    return keras.Sequential(stack, name="mine")


def own_functional():
    import keras

    layers = keras.layers
    images = keras.Input((6, 6, 1))
    inner = keras.Sequential([keras.Input((36,)), layers.Dense(36, "relu"), layers.LayerNormalization()], name="inner")
    features = inner(layers.Flatten()(images))
    shared = layers.Dense(36)
    summed = layers.Add()([features, shared(shared(features))])
    model = keras.Model(images, [layers.Dense(3, name="one")(summed), layers.Dense(2, name="two")(summed)])
    model.compile("adam", "mse")
    return model


def outputs(model):
    import keras

    return [np.asarray(value) for value in keras.tree.flatten(model(images(model)))]


@pytest.fixture(scope="module")
def packed_files(tmp_path_factory):
    """Files of all kinds, with the weights and outputs that each has to bring back: name -> (path, state, outputs)."""
    from lottery_tf.masking import conversion, initial_weights, model_weights
    from lottery_tf.models import networks

    folder, contents, models = tmp_path_factory.mktemp("tickets"), {}, {}
    for name, model in {"own sequential": own_sequential(), "own functional": own_functional()}.items():
        masked = conversion.masked_copy(model)  # a ticket draws and names weights by the places of their layers
        given, rng = model_weights.get_weights(masked), np.random.default_rng(5)
        mask = {kernel: rng.random(value.shape) < 0.4 for kernel, value in model_weights.kernels(masked).items()}
        contents[f"{name}, supermask"] = packing.pack_supermask(model, mask, 8, "signed_constant", rescale=True)
        models[f"{name}, supermask"] = conversion.masked_copy(model)
        initial = initial_weights.initial_weights(masked, given, 8)
        kernels = {
            kernel: expected_kernel(initial[kernel], kept, "signed_constant", True) for kernel, kept in mask.items()
        }
        model_weights.set_weights(models[f"{name}, supermask"], given | kernels)
        model_weights.set_weights(masked, given | {k: initial[k] * mask[k] for k in mask}, mask)
        model_weights.set_weights(
            masked, {k: v + (v != 0) / 8 for k, v in model_weights.get_weights(masked).items()}, mask
        )
        contents[f"{name}, trained"], models[f"{name}, trained"] = packing.pack_trained(masked, 8), masked
    for network, weights in {"fc": "initial", "conv2": "signed_constant"}.items():
        mask = draw_mask(network, 0.3)
        contents[network] = packing.pack_supermask(networks.build(network), mask, 1, weights)
        initial = draw_kernels({name: kept.shape for name, kept in mask.items()}, 1)
        models[network] = networks.build(network)
        kernels = {name: expected_kernel(initial[name], kept, weights, False) for name, kept in mask.items()}
        model_weights.set_weights(models[network], model_weights.get_weights(models[network]) | kernels)
    found = {}
    for index, name in enumerate(contents):
        (folder / f"{index}.ticket").write_bytes(contents[name])
        found[name] = (folder / f"{index}.ticket", model_weights.get_weights(models[name]), outputs(models[name]))
    return found


IN_ANOTHER_PROCESS = """
import sys
import keras, numpy as np
from lottery_tf.masking import model_weights
from lottery_tf.tickets import packing, ticket_format

for path in sys.argv[1:]:
    model = packing.rebuild(ticket_format.parse(ticket_format.read(path)))
    images = np.random.default_rng(2).random((3, *model.input_shape[1:])).astype(np.float32)
    outputs = keras.tree.flatten(model(images))
    arrays = {f"output {index}": np.asarray(value) for index, value in enumerate(outputs)}
    np.savez(path + ".npz", **model_weights.get_weights(model), **arrays)
"""


def test_another_process_rebuilds_every_bit(command, packed_files):
    done = command(None, *(path for path, _, _ in packed_files.values()), code=IN_ANOTHER_PROCESS)
    assert done.returncode == 0, done.stderr
    for path, state, values in packed_files.values():
        with np.load(f"{path}.npz") as rebuilt:
            wanted = state | {f"output {index}": value for index, value in enumerate(values)}
            assert same_bits(dict(rebuilt), wanted)


EARLIER_FILE = (  # a trained 4-3-2 network, packed when masked layers were in another module
    "TE9UVEVSWQoBUwIAAO1VTY/TMBD9Lz5HS0nS7XYPnFZCSCAhAReqVTSxJ6lV1+76Y5du1f/OOPGWfqTlABJIcEveeOa9mXmWNwwsn0uP3AeL7HbD"
    "uNGNbOPX0oigCGMLtOBYxrgC5yoNywh+woeA2ktQMbJLSlHzpAn2FqSGOhbxNmDGhF+vOpbLte8+07GPRkm+HireKAO+yNk2YxZb6TxaFClXB6UI"
    "V7BG69jt7JjqKkWOGN/pVfDvY+iAsAbP55WbQ1Q9i7Wz8n7Xxk5IxtwKrCOoAeWoTwtti2L3m0hkJKk6AZRiVl4aTePrT51vZq8FZTzF15VvzvTx"
    "AdwCxR1qEjMwubkUAv/sZoKWnhZTZAy4l48Qh0CZFlWgisFhVUviTbJIhEZVSUoip8lnmtyJxqu96Ingt8pY479o2Ri7PJDsMG6o22naDHxD94KY"
    "4A+hCy1Fwb8g8Sta04Ev0i5QpXlQOCiwPVkvuBMxgKcMKu66pfuDhFP4IQDd6uduLzHcSTo3gD1Dvjm0Xh2kErv8TZrw0U3a/lZzK9NGa/0F5s6P"
    "zK2kRoh3/r+9/x17F2Tv+5eTA3Gy/wBlEv/z8vH2UIF+zZOMPaFs59F8vf0JjdUdh7im9A4J2aKjUTBxMx1h0zSi5td1OeYw4cV0BDUv6tFElKIY"
    "5xMsp0VZlk2Ri+amwKaeFiMUo/y66Gr3g3dRXf+qvOqRzntJaElDyNiSJkc/bAV8EVO7xvvLOpBTZPlAThxmxh5BhWjY2Y+XNx/TaePn3Wu/k9Lf"
    "sVlkT0QJySN3f7yq1z4Wez3efgdbbgAAmwMAY2DACg44JDRsONDQsOCAnZ09COzbv38/AGNggIEGBgcGBnsHB/v9ACcJuaGNRWNkpo8KxFgg1cmF"
    "SkUG0kRj3AxZ2n+CF5bT"
)


def test_a_file_of_an_earlier_release_is_rebuilt():
    from lottery_tf.masking import model_weights

    packed = ticket_format.parse(base64.b64decode(EARLIER_FILE))
    model = packing.rebuild(packed)
    weights = model_weights.get_weights(model)
    hidden = np.array([[1, 0, 1], [0, 0, 1], [1, 1, 0], [0, 1, 1]], bool)
    logits = np.array([[1, 0], [0, 1], [1, 1]], bool)
    np.testing.assert_array_equal(weights["hidden/kernel"], np.where(hidden, np.arange(1, 13).reshape(4, 3) / 8, 0))
    np.testing.assert_array_equal(weights["logits/kernel"], np.where(logits, -np.arange(1, 7).reshape(3, 2) / 4, 0))
    assert (weights["hidden/bias"].tolist(), weights["logits/bias"].tolist()) == ([1, 2, 3], [0.5, -0.5])
    np.testing.assert_array_equal(model.get_layer("hidden").kernel_mask, hidden)
    assert (packed.seed, packed.weights) == (7, "trained")


def test_packing_leaves_the_model_as_it_was():
    from lottery_tf.masking import conversion, model_weights

    model = own_sequential()
    before = model_weights.get_weights(model)
    mask = masks.full(model_weights.kernels(conversion.masked(model)))
    packing.pack_supermask(model, mask, 0)
    packing.pack_trained(model, 0)
    assert same_bits(model_weights.get_weights(model), before)
    packed = ticket_format.parse(packing.pack_trained(model, 0))
    assert same_bits(
        model_weights.get_weights(packing.rebuild(packed)), model_weights.get_weights(packing.rebuild(packed))
    )


def test_a_changed_network_of_the_same_name_is_not_taken_for_the_papers():
    import keras

    from lottery_tf.masking import conversion
    from lottery_tf.models import networks

    flatten, _, *rest = networks.build("fc").layers
    changed = keras.layers.Dense(300, "tanh", kernel_initializer="glorot_normal", name="dense_1")
    model = keras.Sequential([keras.Input((28, 28, 1)), flatten, changed, *rest], name="fc")
    packed = ticket_format.parse(packing.pack_trained(conversion.masked(model), 0))
    assert packed.architecture.keys() == {"config"}
    assert packing.rebuild(packed).layers[1].activation is keras.activations.tanh


# How small the files are


def test_sizes_are_those_of_the_files():
    from lottery_tf.models import networks

    mask = draw_mask("fc", 0.1)
    content = packing.pack_supermask(networks.build("fc"), mask, 0)
    initial = draw_kernels({name: kept.shape for name, kept in mask.items()}, 0)
    state = {name: np.where(kept, initial[name], np.float32(0)) for name, kept in mask.items()}
    state |= {name.replace("kernel", "bias"): np.zeros(kept.shape[-1], np.float32) for name, kept in mask.items()}
    sizes = packing.sizes(content)
    assert sizes["ticket file"] == (len(content), 8 * len(content) / 266_200)
    assert sizes["dense float32"].bytes == 4 * (266_200 + 410)
    assert sizes["entropy of the mask"].bytes == pytest.approx(entropy_bytes(mask), abs=1)
    assert sizes["compressed npz"].bytes == len(files.npz_bytes(state))


# What is refused


def fc_with(change):
    """A trained fc whose weights were changed, half of them pruned at zero."""
    from lottery_tf.masking import model_weights
    from lottery_tf.models import networks

    model, mask = networks.build("fc"), draw_mask("fc", 0.5)
    state = model_weights.get_weights(model)
    state |= {name: np.where(kept, state[name], np.float32(0)) for name, kept in mask.items()}
    change(state, mask)
    model_weights.assign(model, state, mask)
    return model


def set_pruned(state, mask):
    state["output/kernel"][~mask["output/kernel"]] = 0.25


def set_kept(name, value):
    def change(state, mask):
        state[name][mask.get(name, ...)] = value

    return change


@pytest.mark.parametrize(
    ("change", "dtype", "message"),
    [
        (
            set_pruned,
            "float32",
            "pruned weights of 'output/kernel' are neither zero nor at the initial value of seed 0",
        ),
        (set_kept("output/kernel", np.nan), "float32", "'output/kernel' has a weight that is not a finite number"),
        (
            set_kept("output/kernel", 1e5),
            "float16",
            "'output/kernel' has a weight that is not a finite number in float16",
        ),
        (set_kept("output/bias", np.inf), "float32", "'output/bias' has a weight that is not a finite number"),
        (lambda state, mask: None, "int8", "Unknown dtype of kept weights 'int8'"),
    ],
)
def test_weights_that_cannot_be_packed(change, dtype, message):
    with pytest.raises(InputError, match=message):
        packing.pack_trained(fc_with(change), 0, dtype)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda call: call["mask"].pop("output/kernel"), "The mask is not one of 'fc'"),
        (lambda call: call["mask"].update({"output/kernel": np.ones((10, 100), bool)}), "The mask is not one of 'fc'"),
        (lambda call: call["mask"]["output/kernel"].fill(False), "keeps 0 of the 1000 weights of 'output/kernel'"),
        (lambda call: call.update(weights="inital"), "Unknown weights 'inital'; did you mean 'initial'"),
        (lambda call: call.update(seed=-1), "seed is -1"),
    ],
)
def test_supermasks_that_cannot_be_packed(change, message):
    from lottery_tf.models import networks

    call = {"mask": draw_mask("fc", 0.5), "seed": 0}
    change(call)
    with pytest.raises(InputError, match=message):
        packing.pack_supermask(networks.build("fc"), **call)


def test_weights_that_are_not_rebuilt_are_told():
    packed = ticket_format.parse(packed_fc())
    with pytest.raises(InputError, match="their SHA-256 differs"):
        packing.rebuild(dataclasses.replace(packed, seed=1))
    with pytest.raises(InputError, match="other names, shapes or types"):
        packing.rebuild(dataclasses.replace(packed, architecture=packed.architecture | {"image_shape": [1, 1, 1]}))


def packed_fc():
    from lottery_tf.models import networks

    return packing.pack_supermask(networks.build("fc"), draw_mask("fc", 0.5), 0)


def test_a_supermask_of_floats_is_not_packed():
    model = lt.build("fc", (2, 2, 1))
    mask = {name: np.full(kept.shape, 0.7) for name, kept in masks.full(model_weights.kernels(model)).items()}
    with pytest.raises(InputError, match="dense_1/kernel: a mask is of booleans"):
        lt.pack_supermask(model, mask, 0)


def test_tickets_are_rebuilt_from_a_path_and_from_any_bytes(tmp_path):
    model = lt.build("fc", (2, 2, 1))
    content = lt.pack_supermask(model, masks.full(model_weights.kernels(model)), 0)
    path = tmp_path / "fc.ticket"
    path.write_bytes(content)
    wanted = lt.get_weights(lt.rebuild(content))
    for given in (path, str(path), bytearray(content), memoryview(content)):
        found = lt.get_weights(lt.rebuild(given))
        assert all(found[name].tobytes() == value.tobytes() for name, value in wanted.items())
    for given in (None, 3, [content], model):
        with pytest.raises(InputError, match="A ticket is the path of a file, or its bytes; given: "):
            lt.rebuild(given)
    with pytest.raises(DamagedFile, match="fc.ticket cannot be read as a ticket"):
        path.write_bytes(content[:-1])
        lt.rebuild(str(path))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seed": 1.5}, "seed is 1.5; it must be a whole number"),
        ({"seed": "0"}, "seed is '0'; it must be a whole number"),
        ({"seed": 2**63}, r"seed is \d+; it must be below 2\*\*63"),
        ({"rescale": "no"}, "rescale is 'no'; it must be True or False"),
        ({"mask": None}, "mask is None; it must be an object"),
        ({"weights": "trained"}, "Unknown weights 'trained'. Valid: initial, signed_constant"),
    ],
)
def test_supermasks_that_are_not_packed(arguments, message):
    model = lt.build("fc", (2, 2, 1))
    with pytest.raises(InputError, match=message):
        lt.pack_supermask(**{"model": model, "mask": masks.full(model_weights.kernels(model)), "seed": 0} | arguments)
