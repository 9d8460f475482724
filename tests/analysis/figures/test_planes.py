"""Regions of the plane against what the criteria's formulas say."""

import numpy as np
import pytest
from scipy import stats

from analysis.figures import drawing, plane_layers, planes, selectivity
from lottery_tf.errors import InputError
from lottery_tf.studies import paper

KEPT = planes.KEPT_FRACTION
STEP = 2 * plane_layers.CARTOON_LIMIT / (plane_layers.GRID_POINTS - 1)  # between two points of the cartoons' plane
W_I, W_F = np.meshgrid(*plane_layers.cartoon().grid)


def normal_quantile(share):
    """The magnitude below which that share of a unit normal distribution lies."""
    return stats.norm.ppf((1 + share) / 2)


BEYOND = normal_quantile(1 - KEPT)
MOVED = np.sqrt(2 * (1 - plane_layers.CORRELATION)) * BEYOND  # of a difference of two correlated unit normals
BY_FORMULA = {  # criterion -> how far inside its region a point lies
    "large_final": np.abs(W_F) - BEYOND,
    "small_final": normal_quantile(KEPT) - np.abs(W_F),
    "large_init": np.abs(W_I) - BEYOND,
    "small_init": normal_quantile(KEPT) - np.abs(W_I),
    "movement": np.abs(W_F - W_I) - MOVED,
}


@pytest.mark.parametrize("criterion", BY_FORMULA)
def test_a_region_ends_where_the_normal_distribution_says(criterion):
    margin = BY_FORMULA[criterion]
    clear = np.abs(margin) > STEP
    assert clear.mean() > 0.8
    np.testing.assert_array_equal(planes.region(criterion, plane_layers.cartoon())[clear], margin[clear] > 0)


@pytest.mark.parametrize("criterion", (*paper.PAPER_CRITERIA, *paper.SIGN_CRITERIA))
def test_a_region_holds_the_wanted_share_of_the_weights(criterion):
    layer = plane_layers.cartoon()
    columns, rows = (
        np.clip(np.rint((values + plane_layers.CARTOON_LIMIT) / STEP).astype(int), 0, plane_layers.GRID_POINTS - 1)
        for values in (layer.w_i, layer.w_f)
    )
    assert planes.region(criterion, layer)[rows, columns].mean() == pytest.approx(KEPT, abs=0.02)


@pytest.mark.parametrize("limit", (plane_layers.CARTOON_LIMIT, 30.0))
def test_aligned_percentiles_are_those_of_the_weights_wherever_the_axes_end(limit):
    """The authors' way: one percentile common to |w_i| and |w_f|, found so that the wanted share lies above both."""
    near = plane_layers.cartoon()
    magnitudes = np.abs(near.w_i), np.abs(near.w_f)
    percentiles = np.linspace(0, 1, 2001)
    cuts = [np.quantile(values, percentiles) for values in magnitudes]
    shares = [((magnitudes[0] > a) & (magnitudes[1] > b)).mean() for a, b in zip(*cuts, strict=True)]
    place = np.argmin(np.abs(np.array(shares) - KEPT))
    layer = plane_layers.Layer(near.w_i, near.w_f, (limit, limit))
    w_i, w_f = np.meshgrid(*layer.grid)
    margin = np.minimum(np.abs(w_i) - cuts[0][place], np.abs(w_f) - cuts[1][place])
    clear = np.abs(margin) > 2 * STEP
    np.testing.assert_array_equal(planes.region("large_init_large_final", layer)[clear], margin[clear] > 0)


def test_chance_decides_where_all_scores_are_equal():
    np.testing.assert_allclose(planes.region("random", plane_layers.cartoon(), 0.1), 0.1)


def test_chance_decides_among_those_that_go_last():
    """With 90% kept, large_final_diff_sign keeps all changed signs and some of the others, whichever."""
    region = planes.region("large_final_diff_sign", plane_layers.cartoon(), 0.9)
    changed = W_I * W_F < 0
    assert (region[changed] == 1).all()
    others = region[~changed]
    share_changed = 0.5 - np.arcsin(plane_layers.CORRELATION) / np.pi
    np.testing.assert_allclose(others, (0.9 - share_changed) / (1 - share_changed), atol=0.01)


@pytest.mark.slow
def test_a_users_own_criterion(tmp_path, monkeypatch):
    (tmp_path / "ring_criterion.py").write_text("def ring(w_i, w_f):\n    return -abs(w_i**2 + w_f**2 - 4)\n")
    monkeypatch.syspath_prepend(tmp_path)
    region = planes.region("ring_criterion:ring", plane_layers.cartoon())
    inside = region == 1
    radii = np.hypot(W_I, W_F)[inside]
    assert inside.any() and 1 < radii.min() < 2 < radii.max() < 3
    with drawing.look():
        figure = planes.figure2(further=["ring_criterion:ring"])
    titles = [axes.get_title() for axes in figure.axes]
    assert "ring_criterion:ring" in titles
    assert len([title for title in titles if title]) == len(paper.PAPER_CRITERIA) + 1


@pytest.mark.parametrize(
    ("criterion", "message"),
    [
        ("large_finl", "did you mean 'large_final'"),
        ("snip", "has the parameters gradient; it may have w_i, w_f"),
        ("wrong_criterion:short", "scores of shape"),
        ("wrong_criterion:nan", "NaN"),
    ],
)
def test_a_criterion_that_has_no_plane_is_refused(criterion, message, tmp_path, monkeypatch):
    (tmp_path / "wrong_criterion.py").write_text(
        "def short(w_f):\n    return w_f[1:]\n\n\ndef nan(w_f):\n    return w_f * float('nan')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(InputError, match=message):
        planes.region(criterion, plane_layers.cartoon())


def test_a_share_that_cannot_be_is_refused():
    for share in (0, 1, -0.5):
        with pytest.raises(InputError, match="between 0 and 1"):
            planes.region("large_final", plane_layers.cartoon(), share)
        with pytest.raises(InputError, match="between 0 and 1"):
            selectivity.threshold(plane_layers.cartoon(), share)
