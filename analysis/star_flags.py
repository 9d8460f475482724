"""The flags that say when a point is starred. Commands define them when they start: their modules are imported by others."""

from absl import flags

from lottery_tf import statistics
from lottery_tf.command_flags import define_choice


def define_star_flags() -> None:
    """Defines the flags that `rule_from_flags` reads."""
    usual = statistics.AS_READ
    define_choice(
        "test", usual.test, statistics.TESTS, f"The test behind the stars: {', '.join(statistics.TESTS)}."
    )
    define_choice(
        "correction",
        usual.correction,
        statistics.CORRECTIONS,
        f"For comparing many lines at a level: {', '.join(statistics.CORRECTIONS)}. The paper's reading is none.",
    )
    flags.DEFINE_float("significance", usual.significance, "The p-value that a star takes, one-sided.")


def rule_from_flags() -> statistics.StarRule:
    """What the flags say that a star takes; raises InputError for a value that cannot be."""
    given = flags.FLAGS
    return statistics.StarRule(given.test, given.correction, given.significance)
