"""The weights of a trained layer: the result that they are read from, and the error if there is none."""

import numpy as np
import pytest

from analysis.figures import drawing, plane_layers, planes, selectivity
from lottery_tf.errors import InputError
from lottery_tf.results.paths import WEIGHTS, level_path
from lottery_tf.results.result_files import drop_weights
from lottery_tf.results.store import ResultsFolder
from lottery_tf.results.stored_result import StoredResult
from lottery_tf.studies import paper


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
