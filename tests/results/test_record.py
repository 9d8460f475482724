"""Which records are of the same experiment, and what the message says of others."""

import pytest

from lottery_tf.errors import InputError
from lottery_tf.results.record import SHOWN, check_record

HERE = {"training": {"iterations": 30, "decay": "none"}, "data": "abc", "sizes": [1, 2]}


@pytest.mark.parametrize(
    "found",
    [HERE, {}, {"data": "abc", "later": 1}, {"training": {"iterations": 30, "new": 1}}, {"training": {}}],
)
def test_what_only_one_record_has_is_no_difference(found):
    check_record(found, HERE, "here")
    check_record(HERE, found, "here")


@pytest.mark.parametrize(
    ("found", "difference"),
    [
        ({"data": "abd"}, "data is abd there, abc here"),
        ({"training": {"iterations": 20}}, "training.iterations is 20 there, 30 here"),
        ({"training": None}, "training is None there, {'iterations': 30, 'decay': 'none'} here"),
        ({"sizes": [1, 2, 3]}, "sizes is [1, 2, 3] there, [1, 2] here"),
        ({"sizes": [1], "data": ""}, "data is  there, abc here; sizes is [1] there, [1, 2] here"),
    ],
)
def test_each_difference_is_told(found, difference):
    with pytest.raises(InputError) as caught:
        check_record(found, HERE, "results/mine")
    assert str(caught.value) == (
        f"results/mine holds results of another experiment: {difference}. "
        "Choose another folder, or make the experiment that it belongs to."
    )


@pytest.mark.parametrize("differences", [SHOWN, SHOWN + 1, 100])
def test_of_many_differences_some_are_shown_and_the_others_counted(differences):
    names = [str(number) for number in range(differences)]
    with pytest.raises(InputError) as caught:
        check_record(dict.fromkeys(names, 0), dict.fromkeys(names, 1), "here")
    assert str(caught.value).count("is 0 there, 1 here") == SHOWN
    assert (f"; and {differences - SHOWN} more differences." in str(caught.value)) == (differences > SHOWN)
