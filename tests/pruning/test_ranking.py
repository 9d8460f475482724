"""Ranking of scores against brute force, and ties."""

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from lottery_tf.errors import InputError
from lottery_tf.pruning import masks, ranking


@hypothesis.given(st.data())
def test_keep_highest_keeps_the_highest_of_the_unmasked(data):
    size = data.draw(st.integers(1, 40))
    kept = np.array(data.draw(st.lists(st.booleans(), min_size=size, max_size=size)))
    count = data.draw(st.integers(0, int(kept.sum())))
    scores = np.array(
        data.draw(st.lists(st.integers(-3, 3), min_size=int(kept.sum()), max_size=int(kept.sum()))), float
    )
    result = ranking.keep_highest(kept, scores, count, np.random.default_rng(0))
    assert not (result & ~kept).any(), "a masked weight came back"
    assert result.sum() == count
    stays = result[kept]
    if stays.any() and (~stays).any():
        assert scores[stays].min() >= scores[~stays].max()


def test_ties_are_broken_at_random_and_by_seed():
    kept, scores = np.ones(1000, bool), np.zeros(1000)
    results = [ranking.keep_highest(kept, scores, 500, np.random.default_rng(seed)) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(results[0], results[1])
    assert 400 < (results[0] == results[2]).sum() < 600
    assert 200 < results[0][:500].sum() < 300, "ties favour one end of the layer"


def test_ties_fall_evenly():
    kept, scores = np.ones(4, bool), np.array([1.0, 0.0, 0.0, 0.0])
    counts = sum(ranking.keep_highest(kept, scores, 3, np.random.default_rng(seed)).astype(int) for seed in range(3000))
    assert counts[0] == 3000
    assert all(1900 < count < 2100 for count in counts[1:])


@hypothesis.given(st.data())
def test_global_pruning_keeps_the_highest_of_all_layers_but_one_in_each(data):
    sizes = data.draw(st.lists(st.integers(1, 12), min_size=1, max_size=4))
    mask = {str(i): np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n))) for i, n in enumerate(sizes)}
    for kept in mask.values():
        kept[0] = True
    unmasked = {name: int(kept.sum()) for name, kept in mask.items()}
    count = data.draw(st.integers(len(mask), sum(unmasked.values())))
    scores = data.draw(st.permutations(range(sum(unmasked.values()))))
    result = ranking.keep_highest_overall(mask, np.array(scores), count, np.random.default_rng(0))

    # By hand: weights go one at a time, the lowest first, unless one is the last of its layer.
    names = [name for name, kept in mask.items() for _ in range(kept.sum())]
    left = sorted(zip(scores, names, strict=True))
    while len(left) > count:
        left.remove(next(pair for pair in left if sum(name == pair[1] for _, name in left) > 1))
    expected = {name: {score for score, own in left if own == name} for name in mask}
    places = np.cumsum([0, *unmasked.values()])
    for (name, kept), first, last in zip(result.items(), places, places[1:], strict=False):
        assert not (kept & ~mask[name]).any(), "a masked weight came back"
        assert set(np.array(scores[first:last])[kept[mask[name]]]) == expected[name]


def test_ties_of_global_pruning_fall_evenly_on_the_layers():
    mask = {"a": np.ones(3000, bool), "b": np.ones((100, 10), bool)}
    results = [ranking.keep_highest_overall(mask, np.zeros(4000), 2000, np.random.default_rng(s)) for s in (0, 0, 1)]
    assert 1400 < results[0]["a"].sum() < 1600
    np.testing.assert_array_equal(results[0]["b"], results[1]["b"])
    assert (results[0]["b"] != results[2]["b"]).any()


def test_fewer_weights_than_layers_are_refused():
    mask = {"a": np.ones(3, bool), "b": np.ones(2, bool)}
    with pytest.raises(InputError, match="Cannot keep 1 weights in 2 layers"):
        ranking.keep_highest_overall(mask, np.zeros(5), 1, np.random.default_rng(0))


def test_scores_that_cannot_be_ranked_are_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(InputError, match=r"shape \(2,\) for 3 unmasked"):
        ranking.keep_highest(np.ones(3, bool), np.zeros(2), 1, rng)
    with pytest.raises(InputError, match="it must return numbers"):
        ranking.keep_highest(np.ones(3, bool), np.array(["a", "b", "c"]), 1, rng)
    with pytest.raises(InputError, match="NaN for 1 weights"):
        ranking.keep_highest(np.ones(3, bool), np.array([0, 1, np.nan]), 1, rng)


def test_a_layer_without_weights_is_refused():
    with pytest.raises(InputError, match="keeps 0 of the 4 weights of 'b'"):
        masks.check_mask({"a": np.ones(3, bool), "b": np.zeros((2, 2), bool)})
