"""The flags that all commands that train something share, what they say, and the start of TensorFlow."""

from __future__ import annotations

from absl import flags

from lottery_tf import console, processes
from lottery_tf.command_flags import define_path
from lottery_tf.errors import InputError
from lottery_tf.settings import DATASETS, NETWORKS, OPTIMIZERS

NETWORK = flags.DEFINE_string("network", "fc", f"Network: {', '.join(NETWORKS)}.")
DATASET = flags.DEFINE_string(
    "dataset", "digits", f"Data set: {', '.join(DATASETS)}. digits is embedded and needs no files."
)
DATA_DIR = define_path(
    "data_dir", None, "Folder of tensorflow-datasets; default: TFDS_DATA_DIR, else ~/tensorflow_datasets."
)
SEEDS = flags.DEFINE_list("seeds", ["0"], "Seeds, separated by commas.")
ITERATIONS = flags.DEFINE_integer("iterations", None, "Length of each training in iterations.")
RESULTS_DIR = define_path("results_dir", "results", "Folder of all results.")
BATCH_SIZE = flags.DEFINE_integer("batch_size", None, "Images a training step. Default: the network's.")
LEARNING_RATE = flags.DEFINE_float("learning_rate", None, "Learning rate. Default: the network's.")
OPTIMIZER = flags.DEFINE_string("optimizer", None, f"{', '.join(OPTIMIZERS)}. Default: the network's.")
EVAL_INTERVAL = flags.DEFINE_integer("eval_interval", 100, "Iterations between two readings of the validation loss.")
SNAPSHOT_SECONDS = flags.DEFINE_float("snapshot_seconds", 30, "Least time between two snapshots inside a training.")
THREADS = flags.DEFINE_integer("threads", 0, "Threads that TensorFlow computes with; 0: one for each core.")


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
    """Imports TensorFlow with the wanted number of threads."""
    if THREADS.value < 0:
        raise InputError(f"--threads is {THREADS.value}; it must be at least 0.")
    processes.start_tensorflow(THREADS.value)
