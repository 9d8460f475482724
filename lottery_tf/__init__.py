"""Lottery tickets, deconstructed: find, analyse and store sparse subnetworks of Keras models.

The public names are listed in `__init__.pyi`, where editors and type checkers find them. Each is imported when it is
first used, so that parts that need only NumPy (criteria, actions, masks, results) load without TensorFlow.
"""

import importlib
import sys

import lazy_loader

from lottery_tf.old_modules import OLD_MODULES, OldModules
from lottery_tf.old_names import warn_of
from lottery_tf.system.processes import quiet_if_asked

__version__ = "0.1.0"

_load, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


_RENAMED = {  # former public name -> present name
    "Ladder": "MaskSource",
    "Stretch": "IterationRange",
    "Result": "StoredResult",
    "RunSettings": "ExperimentSettings",
    "run_settings": "experiment_settings",
}


def __getattr__(name: str) -> object:
    if name in _RENAMED:
        warn_of(f"lottery_tf.{name}", f"lottery_tf.{_RENAMED[name]}")
        name = _RENAMED[name]
    with quiet_if_asked():
        return importlib.import_module(f"{__name__}.{name}") if name in OLD_MODULES else _load(name)


sys.meta_path.append(OldModules())
