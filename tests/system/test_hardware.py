"""The description of the processor, from what Linux reports."""

import pytest

from lottery_tf.system.hardware import _name_and_instructions, describe_processor

X86 = (
    "processor\t: 0\nmodel name\t: AMD EPYC 7B12\nflags\t\t: fpu sse avx avx2 bmi2\n\n"
    "processor\t: 1\nflags\t: avx512f\n"
)
NEWER = "model name : AMD EPYC 9B14\nflags : avx512_bf16 avx avx2 avx512f avx512_vnni\n"
ARM = "processor\t: 0\nFeatures\t: fp asimd sve bf16\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (X86, "AMD EPYC 7B12 (avx avx2)"),
        (NEWER, "AMD EPYC 9B14 (avx avx2 avx512f avx512_vnni avx512_bf16)"),
        ("model name : Old One\nflags : fpu sse\n", "Old One"),
    ],
)
def test_name_and_vector_instructions_of_the_first_processor(text, expected):
    assert _name_and_instructions(text) == expected


def test_processors_without_a_name_are_called_by_their_architecture():
    assert _name_and_instructions(ARM).endswith("(asimd bf16 sve)")


def test_this_processor_has_a_name():
    assert describe_processor().strip()
