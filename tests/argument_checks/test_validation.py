"""Kinds of valid values: what passes, what is refused, and how a value is printed."""

from pathlib import Path

import numpy as np
import pytest

from lottery_tf.argument_checks.annotation_checks import check_value
from lottery_tf.argument_checks.validation import COUNT, FINITE, FRACTION, INDEX, PATH, POSITIVE, SHARE, at_most, shown
from lottery_tf.errors import InputError
from lottery_tf.pruning.treatments import Treatment

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("wanted", "passes", "refused"),
    [
        (PATH, ["a", "a/b", Path("."), Path("é")], ["", "a\0", b"a", None, 3]),
        (COUNT, [1, np.uint8(3), 2**63 - 1], [0, -1, 1.0, "1", None, True, 2**63, 10**5000, NAN]),
        (INDEX, [0, 5], [-1, False, 0.0]),
        (at_most(5), [1, 5], [0, 6]),
        (FINITE, [0, -1.5, np.float16(2)], [NAN, INF, -INF, "0", 1j, None, True]),
        (POSITIVE, [1e-300, 3], [0, -1, INF, NAN]),
        (FRACTION, [0.5, 1e-9], [0, 1, 1.5, NAN, "0.5"]),
        (SHARE, [0, 1, 0.25], [-0.1, 1.1, NAN]),
    ],
)
def test_kinds_of_values(wanted, passes, refused):
    for value in passes:
        wanted("value", value)
    for value in refused:
        with pytest.raises(InputError, match="^value is .*; it must"):
            wanted("value", value)


def test_long_values_are_cut_in_messages():
    assert len(shown("a" * 10**6)) == 100
    assert shown(10**5000) == "a int too long to print"
    with pytest.raises(InputError, match="^value is b'a'; it must be of the type Treatment.$"):
        check_value("value", b"a", Treatment)
