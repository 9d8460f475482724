"""Benchmark suites. Importing this package imports TensorFlow without its log lines.

The function `run` of each module measures and prints.
"""

import os

from lottery_tf.system import processes

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
with processes.quiet_if_asked():
    import tensorflow  # noqa: F401 - the imports in the suites then print nothing
