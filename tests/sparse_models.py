"""Models of which most weights are zero, and how two of them are compared."""

import keras
import numpy as np

from lottery_tf.masking import model_weights


def thin_out(model, kept_fraction, seed=0):
    """Random weights, biases and batch-norm statistics too, and zeros in place of most weights of every kernel."""
    rng = np.random.default_rng(seed)
    for name, variable in model_weights.variables(model).items():
        values = rng.uniform(0.1, 1, variable.shape) * (
            1 if "variance" in name else rng.choice([-1, 1], variable.shape)
        )
        if "kernel" in variable.name or variable.name == "embeddings":
            values *= rng.random(variable.shape) < kept_fraction
        if variable.name == "gamma":
            values *= rng.random(variable.shape) < 0.7
        variable.assign(values)
    return model


def images(model, seed=1, count=7):
    rng = np.random.default_rng(seed)
    found = {tensor.name: rng.normal(size=(count, *tensor.shape[1:])).astype(tensor.dtype) for tensor in model.inputs}
    return found if len(found) > 1 else next(iter(found.values()))


def assert_equal_outputs(model, small, rtol=1e-5):
    given_images = images(model)
    expected, found = model(given_images), small(given_images)
    keras.tree.assert_same_structure(expected, found)
    for a, b in zip(keras.tree.flatten(expected), keras.tree.flatten(found), strict=True):
        a = np.asarray(a)
        np.testing.assert_allclose(np.asarray(b), a, rtol=rtol, atol=rtol * max(1, np.abs(a).max()))


def sizes(model):
    """Input and output channels of the kernels by the layer's name."""
    return {layer.name: layer.kernel.shape[-2:] for layer in model.layers if hasattr(layer, "kernel")}


def stack(shape, *rest, **options):
    return keras.Sequential([keras.Input(shape), *rest], **options)


def set_rows(model, name, heard):
    """Lets a layer hear only some of its inputs."""
    kernel, *rest = model.get_layer(name).get_weights()
    kernel[..., [row for row in range(kernel.shape[-2]) if row not in heard], :] = 0
    model.get_layer(name).set_weights([kernel, *rest])
