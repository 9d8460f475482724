"""Fixtures of the tests of pruning."""

import numpy as np
import pytest


@pytest.fixture
def layer():
    """A layer's arrays as `next_ticket` hands them to actions."""
    rng = np.random.default_rng(0)
    w_i = rng.normal(0, 0.1, (40, 30)).astype(np.float32)
    w_f = (w_i + rng.normal(0, 0.1, w_i.shape)).astype(np.float32)
    kept_before = rng.random(w_i.shape) < 0.8
    kept = kept_before & (rng.random(w_i.shape) < 0.7)
    return {"w_i": w_i, "w_f": w_f, "kept": kept, "pruned": kept_before & ~kept}
