"""The flags for stars. Commands define them when they start, because other modules import those commands."""

from absl import flags

from analysis.statistics.stars import StarRule
from lottery_tf.command_line.derived_flags import define, fields


def define_star_flags() -> None:
    """Defines the flags that `rule_from_flags` reads."""
    define(StarRule, fields(StarRule))


def rule_from_flags() -> StarRule:
    """Returns the rule that the flags set; raises InputError for an invalid value."""
    return StarRule(**{name: flags.FLAGS[name].value for name in fields(StarRule)})
