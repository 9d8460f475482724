"""Limits of pruning on quadratic landscapes, where prediction and search can be compared with brute force."""

import numpy as np
import pytest

from lottery_tf.errors import InputError
from lottery_tf.landscape import pruning_limit
from lottery_tf.landscape.interpolation import LossAndError
from lottery_tf.landscape.pruning_limit import OneShot, PruningLimit
from lottery_tf.landscape.spectrum import SpectralDensity
from lottery_tf.pruning import kept_counts, masks

LAYERS = {"a": 3000, "b": 800, "c": 200}
ROUND = {"a": 0.2, "b": 0.2, "c": 0.1}


def layers(seed=0):
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=size).astype(np.float32) for name, size in LAYERS.items()}


def shares(kept, mask):
    return {name: 1 - mask[name].sum() / kept[name].sum() for name in kept}


# Masks of any fraction


@pytest.mark.parametrize("scope", ["layer", "global"])
@pytest.mark.parametrize("fraction", [0.0, 0.01, 0.36, 0.9, 0.996])
def test_one_shot_prunes_the_share_that_is_asked_for(fraction, scope):
    kept = {name: scores > -1 for name, scores in layers().items()}
    mask = OneShot(kept, layers(1), ROUND, scope=scope)(fraction)
    pruned = 1 - masks.kept_fraction(mask) / masks.kept_fraction(kept)
    assert pruned == pytest.approx(fraction, abs=2 / sum(k.sum() for k in kept.values()))
    assert all((mask[name] <= kept[name]).all() for name in kept)


@pytest.mark.parametrize("rounds", [1, 2, 7])
def test_one_shot_divides_it_among_layers_as_rounds_do(rounds):
    kept = masks.full(layers())
    fraction = 1 - kept_counts.kept_fractions(layers(), ROUND, rounds)[-1]
    mask = OneShot(kept, layers(1), ROUND)(fraction)
    for name, share in shares(kept, mask).items():
        counts = kept_counts.kept_counts(LAYERS[name], ROUND[name], rounds)
        assert share == pytest.approx(1 - counts[-1] / LAYERS[name], abs=4 / LAYERS[name])


def test_one_shot_prunes_the_lowest_scores_and_its_masks_are_nested():
    scores = layers(1)
    one_shot = OneShot(masks.full(scores), scores, ROUND)
    before = masks.full(scores)
    for fraction in np.linspace(0.1, 0.99, 12):
        mask = one_shot(fraction)
        for name, kept in mask.items():
            assert scores[name][kept].min() > scores[name][~kept].max()
            assert (kept <= before[name]).all()
        before = mask


def test_one_shot_ranks_all_layers_together_where_asked():
    scores = layers(1) | {"b": layers(1)["b"] + 1}
    full = masks.full(scores)
    mask = OneShot(full, scores, ROUND, scope="global")(0.6)
    highest_pruned = max(scores[name][~kept].max() for name, kept in mask.items())
    assert min(scores[name][kept].min() for name, kept in mask.items()) > highest_pruned
    assert shares(full, mask)["b"] < shares(full, mask)["a"] - 0.2


@pytest.mark.parametrize("scope", ["layer", "global"])
def test_one_shot_leaves_whole_what_rounds_leave_whole(scope):
    full = masks.full(layers())
    for fraction in (0.3, 0.996):
        mask = OneShot(full, layers(1), ROUND | {"b": 0}, scope=scope)(fraction)
        assert mask["b"].all()
        assert (~mask["a"]).sum() + (~mask["c"]).sum() == pytest.approx(fraction * 3200, abs=2)


def test_one_shot_breaks_ties_at_random_and_spares_the_last_weight():
    ties = {name: np.zeros(size) for name, size in LAYERS.items()}
    first, again, other = (OneShot(masks.full(ties), ties, ROUND, seed)(0.5) for seed in (0, 0, 1))
    assert (first["a"] == again["a"]).all()
    assert 0.4 < (first["a"] == other["a"]).mean() < 0.6
    small = {"a": np.zeros(1000), "b": np.zeros(2)}
    mask = OneShot(masks.full(small), small, dict.fromkeys("ab", 0.2))(0.998)
    assert mask["b"].sum() == 1
    masks.check_mask(mask)


def test_one_shot_refuses_what_it_cannot_do():
    kept = masks.full(layers())
    for fraction in (-0.1, 1.0):
        with pytest.raises(InputError, match="at least 0 .* and below 1"):
            OneShot(kept, layers(), ROUND)(fraction)
    with pytest.raises(InputError, match="All pruned fractions are 0"):
        OneShot(kept, layers(), dict.fromkeys(LAYERS, 0))
    with pytest.raises(InputError, match="NaN"):
        OneShot(kept, layers() | {"a": np.full(3000, np.nan)}, ROUND)(0.5)
    with pytest.raises(InputError, match="Unknown scope of pruning 'globel'; did you mean 'global'"):
        OneShot(kept, layers(), ROUND, scope="globel")


def test_projections_are_zero_where_pruned():
    state = layers() | {"bias": np.ones(3, np.float32)}
    mask = OneShot(masks.full(layers()), layers(1), ROUND)(0.5)
    found = pruning_limit.projected(state, mask)
    assert found["bias"] is state["bias"]
    for name, kept in mask.items():
        assert (found[name][~kept] == 0).all()
        assert found[name].dtype == np.float32
        np.testing.assert_array_equal(found[name][kept], state[name][kept])


# Search


@pytest.mark.parametrize("limit", [0.0, 0.003, 0.2, 0.7431, 0.9999])
def test_bisection_finds_the_limit(limit):
    asked = []

    def holds(share):
        asked.append(share)
        return share <= limit

    found = pruning_limit.largest(holds, precision=0.001)
    assert found <= limit < found + 0.001
    assert len(asked) == 10
    assert all(0 < share < 1 for share in asked)


class Bowl:
    """A quadratic loss d^T H d / 2 around weights w in two layers, whose error is a tenth of the loss."""

    def __init__(self, eigenvalues, seed=0, small_are_flat=False):
        rng = np.random.default_rng(seed)
        self.size = len(eigenvalues)
        self.w = rng.normal(size=self.size)
        if small_are_flat:
            order = np.argsort(np.abs(self.w))
            self.hessian = np.zeros((self.size, self.size))
            self.hessian[order, order] = np.sort(eigenvalues)
        else:
            basis, _ = np.linalg.qr(rng.normal(size=(self.size, self.size)))
            self.hessian = basis * eigenvalues @ basis.T
        self.density = SpectralDensity(np.asarray(eigenvalues), np.full(self.size, 1 / self.size), self.size)
        self.state = self.arrays(self.w)
        self.kept = masks.full(self.state)

    def arrays(self, vector):
        return {"a": vector[: self.size // 2], "b": vector[self.size // 2 :]}

    def increase(self, direction):
        d = np.concatenate([direction["a"], direction["b"]])
        return d @ self.hessian @ d / 2

    def evaluate(self, state):
        loss = self.increase({name: state[name] - self.state[name] for name in "ab"})
        return LossAndError(loss, loss / 10)

    def loss(self, state):
        return self.evaluate(state).loss

    def family(self, scores, seed=0):
        return OneShot(self.kept, self.arrays(scores), dict.fromkeys("ab", 0.2), seed)

    def magnitude(self):
        return self.family(np.abs(self.w))

    def random(self, seed=0):
        return self.family(np.zeros(self.size), seed)

    def retrained(self, mask):
        """The lowest point of the bowl among networks under a mask."""
        kept = np.concatenate([mask["a"], mask["b"]])
        d = np.where(kept, 0, -self.w)
        d[kept] = np.linalg.solve(self.hessian[np.ix_(kept, kept)], self.hessian[np.ix_(kept, ~kept)] @ self.w[~kept])
        return self.arrays(self.w + d)


EIGENVALUES = np.concatenate([np.full(20, 5.0), np.geomspace(1e-3, 1, 380)])


@pytest.mark.parametrize("order", ["magnitude", "random"])
def test_prediction_along_the_projection_is_what_a_search_finds_in_a_bowl(order):
    bowl, allowance = Bowl(EIGENVALUES), 8.0
    mask_at = getattr(bowl, order)()
    limit = PruningLimit(bowl.state, bowl.kept, mask_at)
    found = limit.found(bowl.evaluate, allowed_error=allowance / 10)
    assert limit.along_projection(bowl.increase, allowance) == found
    # Brute force: the loss of every projection.
    losses = {p: bowl.loss(pruning_limit.projected(bowl.state, mask_at(p))) for p in np.arange(0, 1, 0.002)}
    assert found == pytest.approx(max(p for p, loss in losses.items() if loss <= allowance), abs=0.03)


def test_all_directions_alike_is_right_where_they_are():
    bowl = Bowl(np.full(400, 0.3))
    limit = PruningLimit(bowl.state, bowl.kept, bowl.magnitude(), precision=0.001)
    alike = limit.all_alike(bowl.density.mean(lambda v: v), 10.0)
    assert alike == limit.along_projection(bowl.increase, 10.0)
    # R^2 0.3 / 2 = 10 where the squares of the smallest weights sum to 66.7.
    assert alike == pytest.approx((np.cumsum(np.sort(bowl.w**2)) <= 10 * 2 / 0.3).mean(), abs=0.006)


def test_magnitude_pruning_goes_further_where_small_weights_are_flat():
    bowl, allowance = Bowl(EIGENVALUES, small_are_flat=True), 3.0
    limits = {}
    for order in ("magnitude", "random"):
        limit = PruningLimit(bowl.state, bowl.kept, getattr(bowl, order)())
        limits[order] = limit.along_projection(bowl.increase, allowance)
        alike = limit.all_alike(bowl.density.mean(lambda v: v), allowance)
        if order == "magnitude":
            assert limits[order] > alike + 0.1, "flatness is what takes it beyond its shorter projection"
    assert limits["magnitude"] > limits["random"] + 0.3


@pytest.mark.slow
@pytest.mark.parametrize("allowance", [0.3, 2.0, 8.0])
def test_subspace_meets_bowl_where_retraining_finds_the_way_back(allowance):
    """The theory of random subspaces against the exact minimum under random masks, of a bowl turned at random."""
    predicted, found = [], []
    for seed in range(3):
        bowl = Bowl(EIGENVALUES, seed)
        limit = PruningLimit(bowl.state, bowl.kept, bowl.random(seed))
        predicted.append(limit.subspace_meets(bowl.density, allowance))
        found.append(limit.found(bowl.evaluate, allowance / 10, bowl.retrained))
    assert np.mean(predicted) == pytest.approx(np.mean(found), abs=0.05)
    assert 0.1 < np.mean(found) < 0.95


def test_angular_dimension_is_its_sum():
    eigenvalues = np.array([-1.0, 0.0, 0.5, 2.0, 10.0])
    density = SpectralDensity(eigenvalues, np.full(5, 0.2), 5)
    radii = 2 * 0.3 / eigenvalues[2:]
    expected = 2 + (radii / (1.7**2 + radii)).sum()
    assert pruning_limit.angular_dimension(density, 1.7, 0.3) == pytest.approx(expected)
    assert pruning_limit.angular_dimension(density, 0.0, 0.3) == pytest.approx(5)
    with pytest.raises(InputError, match="allowance is 0.0; it must be above 0"):
        pruning_limit.angular_dimension(density, 1.0, 0.0)


# The allowance


def test_allowance_is_the_increase_at_which_the_error_is_too_great():
    """Error and loss are one here, so the loss at the level's edge is known."""
    bowl = Bowl(EIGENVALUES)
    found = pruning_limit.loss_allowance(
        bowl.evaluate, lambda state: bowl.loss(state) + 7, bowl.state, bowl.kept, 0.8, precision=1e-4
    )
    assert found == pytest.approx(8.0, rel=1e-3)


def test_allowance_of_networks_outside_the_level_and_of_levels_without_edge():
    bowl = Bowl(EIGENVALUES)
    moved = bowl.arrays(bowl.w + 10)
    assert pruning_limit.loss_allowance(bowl.evaluate, bowl.loss, moved, bowl.kept, 0.8) == 0
    with pytest.raises(InputError, match="never exceeds 2"):
        pruning_limit.loss_allowance(lambda state: LossAndError(0.0, 1.0), bowl.loss, bowl.state, bowl.kept, 2)
