"""Flags of every command that trains: where data and results lie, and whether to train at all."""

from __future__ import annotations

from absl import flags

from lottery_tf.command_flags import define_choice, define_path

DATA_DIR = define_path(
    "data_dir", None, "Folder of tensorflow-datasets. Default: TFDS_DATA_DIR, else ~/tensorflow_datasets."
)
RESULTS_DIR = define_path("results_dir", "results", "Folder of all results.")
SNAPSHOT_SECONDS = flags.DEFINE_float("snapshot_seconds", 30, "Least time between two snapshots inside a training.")
DRY_RUN = flags.DEFINE_bool("dry_run", False, "Print what would be done and about how long it takes, and do nothing.")


def define_keep() -> flags.FlagHolder[str]:
    """Defines the flag that says which weights stay."""
    return define_choice(
        "keep",
        "needed",
        ["needed", "all"],
        "Weights that finished levels keep: 'needed' those of dense networks and of each treatment's last level, 'all' "
        "those of every level. Masks and numbers are always kept.",
    )
