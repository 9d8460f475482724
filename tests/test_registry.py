"""Looking things up by name and calling them by their parameters."""

import pytest

from lottery_tf import registry
from lottery_tf.errors import InputError


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
