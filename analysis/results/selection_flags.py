"""The flags that choose among results by network and schedule. Commands define them when they start, not on import."""

from absl import flags

from analysis.results.load import Results


def define_selection_flags() -> None:
    """Defines the flags that choose among results by network and schedule."""
    flags.DEFINE_list("network", [], "The networks to show, such as fc,conv2. Default: all that have results.")
    flags.DEFINE_list("schedule", [], "The schedules to show, such as half,800. Default: all that have results.")


def selected(results: Results) -> Results:
    """Returns the results that the flags choose; raises InputError if there are none for a name."""
    return results.only(flags.FLAGS.network, flags.FLAGS.schedule)
