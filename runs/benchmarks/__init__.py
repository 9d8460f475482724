"""Suites of benchmarks; importing this imports TensorFlow, without the lines that it prints meanwhile."""

import os

from lottery_tf import processes

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
with processes.quiet_if_asked():
    import tensorflow  # noqa: F401 - the suites' own imports of it then print nothing
