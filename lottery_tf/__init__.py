"""Lottery tickets, deconstructed: find, take apart and keep sparse subnetworks of Keras models.

The public names are listed in `__init__.pyi`, where editors and type checkers find them. Each is imported when it is
first used, so that the parts that need NumPy alone (criteria, actions, masks, results) load without TensorFlow.
"""

import lazy_loader

from lottery_tf.processes import quiet_if_asked

__version__ = "0.1.0"

_load, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> object:
    with quiet_if_asked():
        return _load(name)
