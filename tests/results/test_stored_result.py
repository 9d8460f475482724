"""A stored result: its fingerprint changes with each bit of weights and mask, and with nothing else."""

import hashlib

import numpy as np
import pytest
from levels_by_hand import made_up_level

from lottery_tf.results.stored_result import diverged, fingerprint, panel_of

FINAL = {"b/kernel": np.arange(6, dtype=np.float32).reshape(2, 3), "a/bias": np.zeros(3, np.float32)}
MASK = {"b/kernel": np.array([[True, False, True], [True, True, False]])}


def test_a_fingerprint_is_a_hash_of_names_and_bytes_weights_first():
    parts = (b"a/bias", bytes(12), b"b/kernel", FINAL["b/kernel"].tobytes(), b"b/kernel", bytes([1, 0, 1, 1, 1, 0]))
    assert fingerprint(FINAL, MASK) == hashlib.sha256(b"".join(parts)).hexdigest()[:16]


def test_the_order_of_names_and_of_memory_is_of_no_account():
    others = {name: np.asfortranarray(value) for name, value in reversed(FINAL.items())}
    assert fingerprint(others, MASK) == fingerprint(FINAL, MASK)


@pytest.mark.parametrize(
    ("final", "mask"),
    [
        (FINAL | {"a/bias": np.float32([0, 0, -0.0])}, MASK),
        (FINAL | {"b/kernel": np.nextafter(FINAL["b/kernel"], np.float32(9))}, MASK),
        ({"a/bias": FINAL["a/bias"], "c/kernel": FINAL["b/kernel"]}, MASK),
        (FINAL, {"b/kernel": ~MASK["b/kernel"]}),
        (FINAL, {}),
    ],
)
def test_other_weights_or_masks_have_other_fingerprints(final, mask):
    assert fingerprint(final, mask) != fingerprint(FINAL, MASK)


def test_a_result_without_its_weights_has_all_else():
    level = made_up_level()
    without = level.without_weights()
    assert (without.start, without.final) == (None, None)
    for name in ("mask", "metrics", "history", "columns"):
        assert getattr(without, name) is getattr(level, name)
    assert (level.ticket.start, level.ticket.mask) == (level.start, level.mask)


def test_a_panel_is_what_metrics_have_of_it():
    metrics = {"precision": "float32", "seed": 3, "schedule": "half", "network": "fc", "dataset": "digits", "level": 1}
    assert list(panel_of(metrics).items()) == [
        ("network", "fc"), ("dataset", "digits"), ("schedule", "half"), ("precision", "float32"),
    ]  # fmt: skip
    assert panel_of({"network_of": "fc"}) == {}
    assert not diverged({"status": "finished"}) and diverged({"status": "diverged"})
