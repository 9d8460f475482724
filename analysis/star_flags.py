"""The flags that say when a point is starred; imported by commands only, when they start."""

from absl import flags

from analysis import common_flags
from lottery_tf import statistics

flags.adopt_module_key_flags(common_flags)
TEST = flags.DEFINE_string(
    "test", statistics.AS_READ.test, f"The test behind the stars: {', '.join(statistics.TESTS)}."
)
CORRECTION = flags.DEFINE_string(
    "correction",
    statistics.AS_READ.correction,
    f"For comparing many lines at a level: {', '.join(statistics.CORRECTIONS)}. The paper's reading is none.",
)
SIGNIFICANCE = flags.DEFINE_float(
    "significance", statistics.AS_READ.significance, "The p-value that a star takes, one-sided."
)


def rule_from_flags() -> statistics.StarRule:
    """What the flags say that a star takes; raises InputError for a value that cannot be."""
    return statistics.StarRule(TEST.value, CORRECTION.value, SIGNIFICANCE.value)
