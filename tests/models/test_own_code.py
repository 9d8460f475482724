"""A user's code is told from other code by what it does, not by where it stands."""

import enum
import functools
import statistics

import keras
import pytest

import lottery_tf as lt
from lottery_tf.models.own_code import describe_code, functions_in, is_own


def defined(source, **outside):
    """What a module of a user's defines as `own`, compiled from its text."""
    names = {"__name__": "mine", **outside}
    exec(compile(source, "mine.py", "exec"), names)
    return names["own"]


PLAIN = "def own(x, offset=1, *, factor=2):\n    return [factor * y + offset for y in x if y > 0.5]\n"


@pytest.mark.parametrize(
    ("source", "alike"),
    [
        ("# A comment, and other lines.\n\n\n" + PLAIN, True),
        (PLAIN.replace("offset=1", "offset=3"), False),
        (PLAIN.replace("factor=2", "factor=3"), False),
        (PLAIN.replace("0.5", "0.25"), False),
        (PLAIN.replace(">", "<"), False),
        (PLAIN.replace("factor * y", "factor - y"), False),
        (PLAIN.replace("return [", "return [y.real for y in x] + ["), False),
    ],
)
def test_functions_are_alike_if_they_compute_alike(source, alike):
    assert (describe_code(defined(source)) == describe_code(defined(PLAIN))) == alike


def test_numbers_from_outside_count():
    reads_global = "def own(x):\n    return FACTOR * x\n"
    twice, thrice = (describe_code(defined(reads_global, FACTOR=factor)) for factor in (2, 3))
    assert twice != thrice
    assert twice == describe_code(defined(reads_global, FACTOR=2, OTHER=3))

    def enclosed(factor):
        return lambda x: factor * x

    assert describe_code(enclosed(2)) == describe_code(enclosed(2)) != describe_code(enclosed(3))
    assert describe_code(enclosed((2, "a"))) != describe_code(enclosed((3, "a")))


METHODS = """
class own(Base):
    '''{text}'''
    scale = {scale}

    def call(self, x):
        return {result}

    @property
    def twice(self):
        return {twice}

    @staticmethod
    def half(x):
        return {half}

    def get_config(self):
        return {config}
"""
USUAL = {"text": "Mine.", "scale": 1.5, "result": "x", "twice": 2, "half": "x / 2", "config": {}}


@pytest.mark.parametrize(
    ("change", "alike"),
    [
        ({"text": "Ours."}, True),
        ({"config": {"a": 1}}, True),
        ({"scale": 2.5}, False),
        ({"result": "x + 1"}, False),
        ({"twice": 3}, False),
        ({"half": "x // 2"}, False),
    ],
)
def test_classes_are_alike_if_their_methods_are(change, alike):
    one, other = (defined(METHODS.format(**USUAL | own), Base=keras.layers.Layer) for own in ({}, change))
    assert (describe_code(one) == describe_code(other)) == alike


def test_what_a_class_inherits_from_a_users_class_counts():
    bases = [defined(METHODS.format(**USUAL | own), Base=object) for own in ({}, {"result": "x + 1"})]
    one, other = (defined("class own(Base):\n    pass\n", Base=base) for base in bases)
    assert describe_code(one) != describe_code(other)


def mine(x):
    return x


def test_code_of_libraries_has_no_hash():
    libraries = (keras.layers.Dense, keras.activations.relu, lt.masked, dict, len, statistics.fmean, enum.Enum)
    assert describe_code(*libraries, None) == {} != describe_code(mine)
    assert not any(map(is_own, libraries)) and is_own(mine) and is_own(type("Own", (keras.layers.Dense,), {}))


def test_functions_are_found_in_lists_and_dictionaries():
    value = {"a": [mine, (len, {"b": PLAIN, "c": defined})], "d": keras.activations.relu}
    assert functions_in(value) == [mine, defined]
    assert functions_in(mine) == [mine]
    assert functions_in(functools.partial(mine)) == functions_in("mine") == []
