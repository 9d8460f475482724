"""The flags for stars. Commands define them when they start, because other modules import those commands."""

from absl import flags

from analysis.statistics import significance_tests, stars
from lottery_tf.command_line.command_flags import define_choice


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
        f"Correction for many comparisons at a level: {', '.join(significance_tests.CORRECTIONS)}.",
    )
    flags.DEFINE_float("significance", usual.significance, "The largest one-sided p-value at which a star is drawn.")


def rule_from_flags() -> stars.StarRule:
    """Returns the rule that the flags set; raises InputError for an invalid value."""
    given = flags.FLAGS
    return stars.StarRule(given.test, given.correction, given.significance)
