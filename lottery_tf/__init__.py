"""Lottery tickets, deconstructed: find, take apart and keep sparse subnetworks of Keras models.

The public names are listed in `__init__.pyi`, where editors and type checkers find them. Each is imported when it is
first used, so that the parts that need NumPy alone (criteria, actions, masks, results) load without TensorFlow.
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
