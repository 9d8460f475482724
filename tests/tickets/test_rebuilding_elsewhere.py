"""Tickets are rebuilt to the bit by another process, and those of an earlier release by this one."""

import base64

import numpy as np
import pytest
from ticket_files import draw_kernels, draw_mask, expected_kernel, images, own_sequential, same_bits

from lottery_tf.tickets import packing, ticket_format


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
