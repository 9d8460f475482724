"""The flags that say what a star takes; commands define them when they start, since other modules import them."""

from absl import flags

from analysis.statistics import significance_tests, stars
from lottery_tf.command_flags import define_choice


def define_star_flags() -> None:
    """Defines the flags that `rule_from_flags` reads."""
    usual = stars.PAPER_RULE
    define_choice(
        "test",
        usual.test,
        significance_tests.TESTS,
        f"The test behind the stars: {', '.join(significance_tests.TESTS)}.",
    )
    define_choice(
        "correction",
        usual.correction,
        significance_tests.CORRECTIONS,
        f"For comparing many lines at a level: {', '.join(significance_tests.CORRECTIONS)}.",
    )
    flags.DEFINE_float("significance", usual.significance, "The p-value that a star takes, one-sided.")


def rule_from_flags() -> stars.StarRule:
    """What the flags say that a star takes; raises InputError for a value that cannot be."""
    given = flags.FLAGS
    return stars.StarRule(given.test, given.correction, given.significance)
