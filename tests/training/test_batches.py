"""The order of images: every epoch is another permutation."""

import numpy as np

from lottery_tf.training.batches import batch_indices


def test_every_epoch_is_a_fresh_permutation_without_its_last_partial_batch():
    rows = batch_indices(0, 9, size=10, batch_size=3, seed=0, level=0).reshape(3, 9)
    for epoch in rows:
        assert len(set(epoch)) == 9
    assert len({tuple(epoch) for epoch in rows}) == 3
    np.testing.assert_array_equal(batch_indices(4, 2, 10, 3, 0, 0), batch_indices(0, 9, 10, 3, 0, 0)[4:6])
    assert (batch_indices(0, 3, 10, 3, 0, 1) != rows[0].reshape(3, 3)).any()
