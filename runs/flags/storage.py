"""Flags of every command that trains: the folders of data and results, checkpoints, and --dry_run."""

from __future__ import annotations

from absl import flags

from lottery_tf.command_line.command_flags import define_choice, define_path, define_results_dir
from lottery_tf.training.checkpoint import CHECKPOINT_SECONDS

DATA_DIR = define_path(
    "data_dir",
    None,
    "Folder of tensorflow-datasets. Default: TFDS_DATA_DIR if that is set, else ~/tensorflow_datasets.",
)
RESULTS_DIR = define_results_dir()
SNAPSHOT_SECONDS = flags.DEFINE_float(
    "snapshot_seconds", CHECKPOINT_SECONDS, "Shortest time in seconds between two checkpoints of a training."
)
DRY_RUN = flags.DEFINE_bool("dry_run", False, "Print what would be done and about how long it would take, then stop.")


def define_keep() -> flags.FlagHolder[str]:
    """Defines the flag that sets which weights are kept on disk."""
    return define_choice(
        "keep",
        "needed",
        ["needed", "all"],
        "Which weights stay on disk. needed: those of dense networks and of each treatment's last level. all: those of "
        "every level. Masks and metrics are always kept.",
    )
