"""The flag that all commands of the analysis share. Each command defines it when it starts, not on import."""

from absl import flags

from lottery_tf.command_flags import define_path


def define_results_dir() -> flags.FlagHolder[str]:
    """Defines the flag for the folder from which results are read."""
    return define_path(
        "results_dir",
        "results",
        "Folder of all results. All commands except `analysis.export` also read a folder that `analysis.export "
        "--kind=all` wrote.",
    )
