"""The flag that all commands of the analysis share. Each command defines it when it starts, not on import."""

from absl import flags

from lottery_tf.command_line import command_flags


def define_results_to_read() -> flags.FlagHolder[str]:
    """Defines the flag for the folder from which results are read."""
    return command_flags.define_results_dir(
        " All commands except `analysis.export` also read a folder that `analysis.export --kind=all` wrote."
    )
