"""The flags that all training commands share, what they say, and the start of TensorFlow."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator

from absl import flags

from lottery_tf.errors import InputError
from lottery_tf.settings import DATASETS, NETWORKS, OPTIMIZERS, SCHEDULES, RunSettings, run_settings

NETWORK = flags.DEFINE_string("network", "fc", f"Network of Table S1: {', '.join(NETWORKS)}.")
DATASET = flags.DEFINE_string(
    "dataset", "digits", f"Data set: {', '.join(DATASETS)}. digits is embedded and needs no files."
)
DATA_DIR = flags.DEFINE_string(
    "data_dir", None, "Folder of tensorflow-datasets; default: TFDS_DATA_DIR, else ~/tensorflow_datasets."
)
SEEDS = flags.DEFINE_list("seeds", ["0"], "Seeds, separated by commas.")
SCHEDULE = flags.DEFINE_string(
    "schedule",
    None,
    f"Length of each training: {', '.join(SCHEDULES)} (shares of the paper's iterations) or a number of iterations. "
    "Default: paper; for digits 1000.",
)
ITERATIONS = flags.DEFINE_integer("iterations", None, "Length of each training in iterations, instead of --schedule.")
RESULTS_DIR = flags.DEFINE_string("results_dir", "results", "Folder of all results.")
BATCH_SIZE = flags.DEFINE_integer("batch_size", None, "Images a training step. Default: the network's, 60.")
LEARNING_RATE = flags.DEFINE_float("learning_rate", None, "Learning rate. Default: the network's of Table S1.")
OPTIMIZER = flags.DEFINE_string("optimizer", None, f"{', '.join(OPTIMIZERS)}. Default: the network's, adam.")
EVAL_INTERVAL = flags.DEFINE_integer("eval_interval", 100, "Iterations between two readings of the validation loss.")
CONV_PRUNED_FRACTION = flags.DEFINE_float(
    "conv_pruned_fraction", None, "Share of a convolution's unmasked weights that each round prunes."
)
DENSE_PRUNED_FRACTION = flags.DEFINE_float(
    "dense_pruned_fraction", None, "Share of a dense layer's unmasked weights that each round prunes."
)
OUTPUT_PRUNED_FRACTION = flags.DEFINE_float(
    "output_pruned_fraction", None, "Share of the output layer's unmasked weights that each round prunes."
)
THREADS = flags.DEFINE_integer("threads", 0, "Threads that TensorFlow computes with; 0: one for each core.")


def settings_from_flags() -> RunSettings:
    """The run's settings; raises InputError for a value that cannot be."""
    if SCHEDULE.value and ITERATIONS.value is not None:
        raise InputError("Give --schedule or --iterations, not both.")
    return run_settings(
        NETWORK.value,
        DATASET.value,
        SCHEDULE.value if ITERATIONS.value is None else str(ITERATIONS.value),
        eval_interval=EVAL_INTERVAL.value,
        batch_size=BATCH_SIZE.value,
        learning_rate=LEARNING_RATE.value,
        optimizer=OPTIMIZER.value,
        conv_pruned_fraction=CONV_PRUNED_FRACTION.value,
        dense_pruned_fraction=DENSE_PRUNED_FRACTION.value,
        output_pruned_fraction=OUTPUT_PRUNED_FRACTION.value,
    )


def seeds_from_flags() -> list[int]:
    """The seeds; raises InputError for one that is no whole number of at least 0, or is given twice."""
    if bad := [seed for seed in SEEDS.value if not seed.isdecimal()]:
        raise InputError(f"--seeds wants whole numbers of at least 0; {bad[0]!r} is none.")
    seeds = [int(seed) for seed in SEEDS.value]
    if not seeds:
        raise InputError("--seeds is empty.")
    if twice := sorted({seed for seed in seeds if seeds.count(seed) > 1}):
        raise InputError(f"--seeds gives {twice[0]} more than once.")
    return seeds


def start_tensorflow() -> None:
    """Imports TensorFlow, which takes seconds, quietly and with the wanted number of threads."""
    if THREADS.value < 0:
        raise InputError(f"--threads is {THREADS.value}; it must be at least 0.")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with _quiet():
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(THREADS.value)
        tf.config.threading.set_inter_op_parallelism_threads(THREADS.value)
        tf.config.list_logical_devices()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Swallows the lines that TensorFlow's libraries print on standard error while they load, unless that fails."""
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as swallowed:
        os.dup2(swallowed.fileno(), 2)
        try:
            yield
        except BaseException:
            swallowed.seek(0)
            os.write(stderr, swallowed.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
