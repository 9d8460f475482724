"""Flags that choose among results by network, schedule and precision. A command defines them when it starts."""

from absl import flags

from analysis.results.load import Results


def define_selection_flags() -> None:
    """Defines the flags that choose among results by network, schedule and precision."""
    flags.DEFINE_list("network", [], "The networks to show, such as fc,conv2. Default: all that have results.")
    flags.DEFINE_list("schedule", [], "The schedules to show, such as half,800. Default: all that have results.")
    flags.DEFINE_list(
        "precision", [], "The precisions to show, such as float32,mixed_bfloat16. Default: all that have results."
    )


def selected(results: Results) -> Results:
    """Returns the results that the flags choose; raises InputError if there are none for a name."""
    return results.only(flags.FLAGS.network, flags.FLAGS.schedule, flags.FLAGS.precision)
