"""Lines and barriers on landscapes whose every value is known."""

import numpy as np
import pytest

from lottery_tf.errors import InputError
from lottery_tf.landscape import interpolation
from lottery_tf.landscape.interpolation import LossAndError, LossPath


def state(*weights):
    return {"a/kernel": np.array(weights[:1], np.float32), "b/kernel": np.array(weights[1:], np.float32)}


def double_well(weights):
    """Loss (x^2 - 1)^2 + y^2 with minima at x = -1 and x = 1; the error is a tenth of it."""
    x, y = float(weights["a/kernel"][0]), float(weights["b/kernel"][0])
    loss = (x**2 - 1) ** 2 + y**2
    return LossAndError(loss, loss / 10)


def test_barrier_between_two_wells_is_the_height_of_the_pass():
    path = interpolation.line(double_well, state(1, 0), state(-1, 0), points=31)
    assert path.loss_barrier == pytest.approx(1)
    assert path.error_barrier == pytest.approx(0.1)
    assert not path.stable()
    assert path.stable(limit=0.11)


def test_barrier_is_that_of_brute_force():
    first, second = state(1.3, 0.4), state(-0.2, -0.9)
    path = interpolation.line(double_well, first, second)
    assert len(path.positions) == 30
    assert path.positions[[0, -1]].tolist() == [0, 1]
    losses = []
    for share in path.positions:
        x, y = (share * a + (1 - share) * b for a, b in ((1.3, -0.2), (0.4, -0.9)))
        losses.append((x**2 - 1) ** 2 + y**2)
    np.testing.assert_allclose(path.losses, losses, rtol=1e-5)
    np.testing.assert_allclose(path.errors, np.array(losses) / 10, rtol=1e-5)
    mean_of_ends = (double_well(first).loss + double_well(second).loss) / 2
    assert path.loss_barrier == pytest.approx(max(losses) - mean_of_ends, rel=1e-5)


def test_a_convex_line_between_equals_has_no_barrier():
    path = interpolation.line(double_well, state(1, 0.5), state(1, -0.5))
    assert path.loss_barrier == pytest.approx(0, abs=1e-6)
    assert path.stable()


def test_what_rises_above_the_chord_is_free_of_the_difference_of_the_ends():
    """A slope, a hump on it, and a line that sags, whose greatest distances from the chord are plain to see."""
    positions = np.linspace(0, 1, 5)
    slope = LossPath(positions, positions, 0.04 * positions)
    assert (slope.error_rise, slope.error_barrier) == pytest.approx((0, 0.02))
    hump = LossPath(positions, positions, np.array([0.0, 0.01, 0.02, 0.06, 0.04]))
    assert (hump.error_rise, hump.error_barrier) == pytest.approx((0.06 - 0.03, 0.06 - 0.02))
    below = LossPath(positions, positions, np.array([0.0, 0.0, 0.0, 0.0, 0.04]))
    assert (below.error_rise, below.error_barrier) == pytest.approx((0, 0.02))
    assert np.isnan(interpolation.rise(positions, [0, np.nan, 0, 0, 0]))


def test_a_loss_that_is_no_number_is_no_connection():
    path = LossPath(np.arange(3.0), np.array([1, np.nan, 1]), np.array([0.1, np.nan, 0.1]))
    assert np.isnan(path.error_barrier)
    assert not path.stable()


def test_ends_of_a_line_are_the_networks_to_the_bit():
    rng = np.random.default_rng(0)
    first, second = ({"k": rng.normal(size=100).astype(np.float32), "n": np.array(3)} for _ in range(2))
    for share, expected in ((1, first), (0, second)):
        found = interpolation.between(first, second, np.float64(share))
        assert all(found[name].tobytes() == expected[name].tobytes() for name in expected)
        assert all(found[name].dtype == expected[name].dtype for name in expected)


def test_weights_frozen_in_both_ends_stay_frozen_on_the_line():
    first, second = state(1.0, 0.3), state(2.0, 0.3)
    for share in np.linspace(0, 1, 30):
        assert interpolation.between(first, second, share)["b/kernel"] == pytest.approx(0.3, rel=1e-6)
    pruned = interpolation.between(state(1, 0), state(2, 0), 0.37)
    assert pruned["b/kernel"].tolist() == [0.0]


def test_lines_that_cannot_be_drawn_are_refused():
    with pytest.raises(InputError, match="different networks; they differ in b/kernel"):
        interpolation.between(state(1, 2), state(1, 2, 3), 0.5)
    with pytest.raises(InputError, match="points is 1; a line needs at least its 2 ends"):
        interpolation.line(double_well, state(1, 0), state(-1, 0), points=1)


def test_a_ray_measures_at_euclidean_distances():
    path = interpolation.ray(
        double_well, state(0, 0), {"a/kernel": np.array([3.0]), "b/kernel": np.array([4.0])}, [0, 5]
    )
    assert path.positions.tolist() == [0, 5]
    np.testing.assert_allclose(path.losses, [1, (9 - 1) ** 2 + 16])


def test_successive_levels_are_joined_where_both_match():
    """Two levels in one well, a third beyond the pass, a fourth on a slope: all lines but the first have a barrier."""
    ends = [state(1, 0), state(1, 0.05), state(-1, 0), state(-1, 2)]
    first, second, third = interpolation.successive(double_well, ends, dense_error=0.0)
    assert [first.matching, second.matching, third.matching] == [(True, True), (True, True), (True, False)]
    assert [connection.path.stable() for connection in (first, second, third)] == [True, False, False]
    assert [connection.as_claimed() for connection in (first, second, third)] == [True, False, True]
    # Share 1 is the earlier level, share 0 the later.
    assert third.path.losses[[0, -1]].tolist() == [4.0, 0.0]


def test_matching_is_within_the_tolerance():
    assert interpolation.matching(0.022, 0.02)
    assert not interpolation.matching(0.0221, 0.02)
    assert interpolation.matching(0.01, 0.02)
    assert interpolation.matching(0.025, 0.02, tolerance=0.006)
