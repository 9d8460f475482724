"""Flags that choose among results by network, schedule and precision. A command defines them when it starts."""

from absl import flags

EXAMPLES = {"network": "fc,conv2", "schedule": "half,800", "precision": "float32,mixed_bfloat16"}  # column -> values


def define_selection_flags() -> None:
    """Defines the flags that choose among results, one for each column."""
    for column, example in EXAMPLES.items():
        flags.DEFINE_list(column, [], f"The {column}s to show, such as {example}. Default: all that have results.")


def selection_from_flags() -> dict[str, list[str]]:
    """Returns the arguments of `Results.only` that the flags give."""
    return {column: flags.FLAGS[column].value for column in EXAMPLES}
