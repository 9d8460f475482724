"""Looks up functions by name and calls them by their parameters."""

import pytest

from lottery_tf import registry
from lottery_tf.errors import InputError
from lottery_tf.pruning.criteria import CRITERIA, CRITERION_ARGUMENTS
from lottery_tf.pruning.mask0_actions import MASK0, MASK0_ARGUMENTS
from lottery_tf.pruning.mask1_actions import MASK1, MASK1_ARGUMENTS
from lottery_tf.registry import choose


def test_choose_lists_the_valid_names_and_the_nearest():
    with pytest.raises(InputError, match="Unknown fruit 'aple'; did you mean 'apple'. Valid: apple, pear"):
        registry.choose({"apple": 1, "pear": 2}, "aple", "fruit")
    with pytest.raises(InputError, match="Unknown fruit 'xyz'. Valid: apple, pear"):
        registry.choose({"apple": 1, "pear": 2}, "xyz", "fruit")


def test_call_hands_over_what_is_named_and_nothing_else():
    assert registry.call_by_parameter_names(lambda b, *, a, c=5: (a, b, c), a=1, b=2, c=3) == (1, 2, 3)
    assert registry.call_by_parameter_names(lambda a, other=5: (a, other), a=1) == (1, 5)
    assert registry.asks_for(lambda gradient: 0, "gradient")
    assert registry.asks_for(lambda gradient=None: 0, "gradient")
    assert not registry.asks_for(lambda w_i: 0, "gradient")


@pytest.mark.parametrize(
    ("table", "offers"), [(CRITERIA, CRITERION_ARGUMENTS), (MASK1, MASK1_ARGUMENTS), (MASK0, MASK0_ARGUMENTS)]
)
def test_every_name_can_be_called(table, offers):
    """No criterion or action asks for something that the loop does not have."""
    for name, function in table.items():
        assert registry.find_function(table, name, "function", offers) is function


@pytest.mark.parametrize("name", [None, 3, ["rewind"], {"a": 1}, 0.5])
def test_a_choice_wants_a_name(name):
    with pytest.raises(InputError, match="is not a name. Valid: rewind."):
        choose({"rewind": 1}, name, "action")
