"""The flags that the commands of the analysis share; imported by commands only, when they start."""

from lottery_tf.command_flags import define_path

RESULTS_DIR = define_path(
    "results_dir",
    "results",
    "Folder of all results. What reads results, without exporting them, also takes a folder that `analysis.export "
    "--kind=all` wrote.",
)
