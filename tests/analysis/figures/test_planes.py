"""Regions of the plane against what the criteria's formulas say, and the weights of a layer that was trained."""

import numpy as np
import pytest
from scipy import stats

from analysis.figures import drawing, plane_layers, planes, selectivity
from lottery_tf.errors import InputError
from lottery_tf.results.paths import WEIGHTS, level_path
from lottery_tf.results.result_files import drop_weights
from lottery_tf.results.store import ResultsFolder
from lottery_tf.results.stored_result import StoredResult
from lottery_tf.studies import paper

KEPT = planes.KEPT_FRACTION
STEP = 2 * plane_layers.CARTOON_LIMIT / (plane_layers.POINTS - 1)  # between two points of the cartoons' plane
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
        np.clip(np.rint((values + plane_layers.CARTOON_LIMIT) / STEP).astype(int), 0, plane_layers.POINTS - 1)
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


@pytest.fixture
def trained(tmp_path):
    """A results folder whose dense network of seed 1 kept its weights; those of seed 0 diverged."""
    rng = np.random.default_rng(0)
    start = {"a/kernel": rng.normal(size=(30, 4)), "b/kernel": rng.normal(size=(4, 100)), "a/bias": np.zeros(900)}
    folder = ResultsFolder(tmp_path / "fc-mnist" / "60", {"network": "fc"})
    mask = {name: np.ones(start[name].shape, bool) for name in ("a/kernel", "b/kernel")}
    for seed, factor in ((0, np.nan), (1, 2.0)):
        final = {name: factor * value for name, value in start.items()}
        metrics = {"kind": "level", "status": "finished", "seed": seed, "level": 0, "kept_fraction": 1.0}
        metrics |= {"parent": "", "fingerprint": "abc"}
        folder.write(level_path(seed, "dense", 0), StoredResult(mask, metrics, None, start, final))
    return tmp_path


def test_the_weights_of_a_trained_layer(trained):
    layer = plane_layers.trained_layer(trained)
    assert layer.title == "b of fc-mnist/60, seed 1"  # the largest kernel of the first network that did not diverge
    assert layer.w_i.size == 400 and len(set(layer.w_i)) == 400
    np.testing.assert_allclose(layer.w_f, 2 * layer.w_i)
    assert layer.limits[1] == pytest.approx(2 * layer.limits[0])
    again = plane_layers.trained_layer(trained)
    np.testing.assert_array_equal(layer.w_i, again.w_i)
    assert plane_layers.trained_layer(trained, "a/kernel").w_i.size == 120


def test_no_more_weights_are_drawn_than_stand_for_a_layer(trained, monkeypatch):
    monkeypatch.setattr(plane_layers, "SAMPLE", 50)
    assert plane_layers.trained_layer(trained).w_i.size == 50


def test_layers_that_are_not_there(trained, tmp_path):
    with pytest.raises(InputError, match="Unknown layer 'a/kernl'; did you mean 'a/kernel'"):
        plane_layers.trained_layer(trained, "a/kernl")
    (tmp_path / "empty").mkdir()
    assert plane_layers.trained_layer(tmp_path / "empty") is None


@pytest.fixture
def two_networks(trained):
    """Besides, a second network with a layer that the first has not; its folder comes first."""
    start = {"c/kernel": np.ones((2, 3)), "b/kernel": np.full((3, 2), 4.0)}
    mask = {name: np.ones(value.shape, bool) for name, value in start.items()}
    metrics = {"kind": "level", "status": "finished", "seed": 0, "level": 0, "kept_fraction": 1.0, "parent": ""}
    metrics |= {"fingerprint": "def", "network": "conv2", "schedule": "half"}
    folder = ResultsFolder(trained / "conv2-cifar10" / "half", {"network": "conv2"})
    folder.write(level_path(0, "dense", 0), StoredResult(mask, metrics, None, start, start))
    return trained


def test_the_layer_is_one_of_the_chosen_network(two_networks):
    titles = [
        plane_layers.trained_layer(two_networks, layer, **chosen).title
        for layer, chosen in (
            (None, {"network": []}),
            (None, {"network": ["60"]}),
            (None, {"network": ["conv2", "60"], "schedule": ["half"], "precision": ["float32"]}),
            ("b/kernel", {"network": ["60"]}),
        )
    ]
    fc, conv2 = "b of fc-mnist/60, seed 1", "c of conv2-cifar10/half, seed 0"
    assert titles == [conv2, fc, conv2, fc]  # a network without a name has that of its folder, as in tables
    assert plane_layers.trained_layer(two_networks, precision=["mixed_bfloat16"]) is None


def test_a_layer_is_that_of_the_first_network_that_has_it(two_networks):
    assert plane_layers.trained_layer(two_networks, "a/kernel").title == "a of fc-mnist/60, seed 1"
    with pytest.raises(InputError, match=r"Unknown layer 'a/kernel'.* Valid: c/kernel, b/kernel"):
        plane_layers.trained_layer(two_networks, "a/kernel", network=["conv2"])


def test_a_layer_by_command(warm_command, light_command, tmp_path):
    short = ("--iterations=20", "--levels=1", "--keep=all", f"--results_dir={tmp_path / 'results'}")
    assert warm_command("runs.lottery", *short).returncode == 0
    for layer, told in (("dense_2/kernel", ""), ("dense_22/kernel", "Unknown layer 'dense_22/kernel'; did you mean")):
        options = ("--figure=2", f"--layer={layer}", "--format=svg", f"--out={tmp_path / 'out'}")
        done = light_command("analysis.figures", f"--results_dir={tmp_path / 'results'}", *options)
        assert (done.returncode, told in done.stderr) == (2 if told else 0, True), done.stderr
    assert "dense_2 of fc-digits/20, seed 0" in (tmp_path / "out" / "figure2.svg").read_text()


def test_damaged_weights_are_named_and_passed_over(trained, caplog):
    path = trained / "fc-mnist" / "60" / "seed-1" / "dense" / "weights.npz"
    path.write_bytes(path.read_bytes()[:-1])
    assert plane_layers.trained_layer(trained) is None
    assert f"{path} is damaged" in caplog.text


def test_weights_that_a_result_does_not_have_are_passed_over(trained):
    """They were deleted while results are read, or the file is a user's own."""
    folder = trained / "fc-mnist" / "60" / "seed-1" / "dense"
    drop_weights(folder)
    (folder / WEIGHTS).write_bytes(b"a user's own")
    assert plane_layers.trained_layer(trained) is None


@pytest.mark.slow
def test_planes_of_a_trained_layer_stand_below_the_cartoons(trained):
    layer = plane_layers.trained_layer(trained)
    with drawing.look():
        figure = planes.figure2(layer)
        second = selectivity.figure_s1(layer)
    assert len([axes for axes in figure.axes if axes.get_title()]) == 2 * len(paper.PAPER_CRITERIA)
    assert [axes.get_title() for axes in second.axes if "seed 1" in axes.get_title()]


def test_near_the_threshold_masking_goes_on_with_the_motion():
    """The statement of Figure S1, in numbers: grown weights go to their initial value there, shrunk ones to 0."""
    means = selectivity.after_masking(plane_layers.cartoon()).set_index("initial")
    below, above = means.loc[:0.99], means.loc[1.01:]
    assert (below["decreased"] == 0).all()  # shrunk from below the threshold: pruned
    np.testing.assert_allclose(above["increased"], above.index, atol=0.05)  # grown from above it: kept
    at = means.loc[0.95:1.05]
    assert (at["increased"] > 0.85 * at.index).all() and (at["decreased"] < 0.05).all()
