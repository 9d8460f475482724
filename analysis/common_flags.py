"""The flags that the commands of the analysis share; imported by commands only, when they start."""

from absl import flags

RESULTS_DIR = flags.DEFINE_string(
    "results_dir",
    "results",
    "Folder of all results. What reads results, without exporting them, also takes a folder that `analysis.export "
    "--kind=all` wrote.",
)
