"""Flags for stars, against the rule that they come to."""

import dataclasses

import pytest

from analysis.statistics.star_flags import define_star_flags, rule_from_flags
from analysis.statistics.stars import PAPER_RULE, StarRule
from lottery_tf.errors import InputError


def test_without_flags_the_rule_is_that_of_the_paper(own_flags):
    define_star_flags()
    own_flags(["command"])
    assert rule_from_flags() == PAPER_RULE


def test_each_flag_is_one_choice_of_the_rule(own_flags):
    given = {"test": "wilcoxon", "correction": "holm", "significance": 0.01}
    define_star_flags()
    for name, value in given.items():
        own_flags.unparse_flags()
        own_flags(["command", f"--{name}={value}"])
        assert rule_from_flags() == dataclasses.replace(PAPER_RULE, **{name: value}) != PAPER_RULE
    own_flags(["command", *(f"--{name}={value}" for name, value in given.items())])
    assert rule_from_flags() == StarRule(**given)


@pytest.mark.parametrize("word", ["--test=wilcox", "--correction=bonferroni", "--significance=5"])
def test_choices_that_there_are_not_are_refused(word, own_flags):
    define_star_flags()
    own_flags(["command", word])
    with pytest.raises(InputError):
        rule_from_flags()
