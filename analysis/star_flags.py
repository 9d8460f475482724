"""The flags that say when a point is starred; imported by commands only, when they start."""

from absl import flags

from analysis import common_flags
from lottery_tf import paper, statistics
from lottery_tf.names import choose

flags.adopt_module_key_flags(common_flags)
TEST = flags.DEFINE_string("test", "welch", f"The test behind the stars: {', '.join(statistics.TESTS)}.")
CORRECTION = flags.DEFINE_string(
    "correction",
    "none",
    f"For comparing many lines at a level: {', '.join(statistics.CORRECTIONS)}. The paper's reading is none.",
)
SIGNIFICANCE = flags.DEFINE_float("significance", paper.SIGNIFICANCE, "The p-value that a star takes, one-sided.")


def stars_from_flags() -> dict[str, str | float]:
    """The arguments test, correction and significance; raises InputError for a value that cannot be."""
    choose(statistics.TESTS, TEST.value, "test")
    choose(dict.fromkeys(statistics.CORRECTIONS), CORRECTION.value, "correction")
    statistics.check_significance(SIGNIFICANCE.value)
    return {"test": TEST.value, "correction": CORRECTION.value, "significance": SIGNIFICANCE.value}
