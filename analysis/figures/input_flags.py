"""The flags of what figures are drawn from. Importing them imports no figure, so that --help is quick."""

from __future__ import annotations

from absl import flags

from analysis.common_flags import define_results_to_read
from analysis.statistics.star_flags import define_star_flags, rule_from_flags


def define_figure_input_flags() -> None:
    """Defines the flags for the inputs of figures, for all commands that draw figures."""
    define_results_to_read()
    define_star_flags()
    flags.DEFINE_list("criterion", [], "Further mask criteria for figure2; your own are package.module:function.")
    flags.DEFINE_string(
        "layer", None, "Layer of figures 2 and S1, such as conv_1/kernel. Default: the largest of the first network."
    )


def figure_inputs_from_flags() -> dict:
    """Returns the arguments of `figure_inputs` other than the folder."""
    rule = rule_from_flags()
    return {"layer": flags.FLAGS.layer, "criteria": tuple(flags.FLAGS.criterion), "rule": rule}
