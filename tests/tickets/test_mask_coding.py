"""Masks as bits: every form can hold every mask, also one of only ones or zeros."""

import numpy as np
import pytest

from lottery_tf.tickets import mask_coding


@pytest.mark.parametrize(
    "kept", [[True], [False], [True] * 600, [False] * 600, [False] * 599 + [True], [True, False] * 300]
)
def test_edge_masks_are_coded(kept):
    form, data = mask_coding.encode(np.array(kept))
    assert len(data) < 12
    assert mask_coding.decode(form, data, len(kept)).tolist() == kept


@pytest.mark.parametrize("form", mask_coding.FORMS)
@pytest.mark.parametrize("share", [0.002, 0.5, 0.998])
def test_every_form_holds_every_mask(form, share):
    mask = np.random.default_rng(0).random(10_001) < share
    write, read = mask_coding.FORMS[form]
    assert (read(write(mask), mask.size) == mask).all()
