"""What several tests share besides fixtures: the folder of the checkout, a tiny network, a trainer in part replaced."""

import copy
import inspect
from pathlib import Path

ROOT = Path(__file__).parents[1]
HANG_SECONDS = 600  # a test that waits for longer hangs, and fails; no test waits for nearly as long


def tiny_network():
    """A masked network of two dense layers for `tiny_dataset`."""
    import keras

    import lottery_tf as lt

    layers = [lt.MaskedDense(12, "relu", name="hidden"), lt.MaskedDense(3, name="output")]
    return keras.Sequential([keras.Input((6, 6, 1)), keras.layers.Flatten(), *layers])


def trainer_with(trainer, **methods):
    """A copy of a trainer with something of its own in the place of some methods, which are given by name."""
    other = copy.copy(trainer)
    vars(other).update(methods)
    return other


def functions_with(module, parameters):
    """The names of the functions of a module that have exactly these parameters."""
    functions = {name: found for name, found in vars(module).items() if inspect.isfunction(found)}
    return {name for name, found in functions.items() if list(inspect.signature(found).parameters) == parameters}
