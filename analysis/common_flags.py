"""The flag that all commands of the analysis share; each defines it when it starts, since other modules import it."""

from absl import flags

from lottery_tf.command_flags import define_path


def define_results_dir() -> flags.FlagHolder[str]:
    """Defines the flag that says where results are read."""
    return define_path(
        "results_dir",
        "results",
        "Folder of all results. What reads results, without exporting them, also takes a folder that `analysis.export "
        "--kind=all` wrote.",
    )
