"""The flags of commands that train the project's networks, besides the common ones, and the settings they add up to."""

from __future__ import annotations

from absl import flags

from lottery_tf.errors import InputError
from lottery_tf.settings import SCHEDULES, RunSettings, run_settings
from runs.common_flags import (
    BATCH_SIZE,
    DATA_DIR,
    DATASET,
    EVAL_INTERVAL,
    ITERATIONS,
    LEARNING_RATE,
    NETWORK,
    OPTIMIZER,
    RESULTS_DIR,
    SNAPSHOT_SECONDS,
    seeds_from_flags,
    start_tensorflow,
)

__all__ = ["DATA_DIR", "RESULTS_DIR", "SNAPSHOT_SECONDS", "seeds_from_flags", "settings_from_flags", "start_tensorflow"]

SCHEDULE = flags.DEFINE_string(
    "schedule",
    None,
    f"Length of each training: {', '.join(SCHEDULES)} (shares of the paper's iterations) or a number of iterations. "
    "Default: paper; for digits 1000.",
)
CONV_PRUNED_FRACTION = flags.DEFINE_float(
    "conv_pruned_fraction",
    None,
    "Share of a convolution's unmasked weights that each round prunes; 0 leaves convolutions whole.",
)
DENSE_PRUNED_FRACTION = flags.DEFINE_float(
    "dense_pruned_fraction",
    None,
    "Share of a dense layer's unmasked weights that each round prunes; 0 leaves dense layers whole.",
)
OUTPUT_PRUNED_FRACTION = flags.DEFINE_float(
    "output_pruned_fraction",
    None,
    "Share of the output layer's unmasked weights that each round prunes; 0 leaves it whole.",
)
WARMUP_ITERATIONS = flags.DEFINE_integer(
    "warmup_iterations", None, "Iterations over which the learning rate rises from 0 to its full value. Default: none."
)
DROPOUT = flags.DEFINE_float(
    "dropout",
    None,
    "Share of the units of each hidden dense layer that a step leaves out. The paper's schedule of a convolutional "
    "network is then three times as long, with Frankle & Carbin's learning rate for it. Default: none.",
)


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
        warmup_iterations=WARMUP_ITERATIONS.value,
        dropout=DROPOUT.value,
    )
