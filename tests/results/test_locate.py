"""Trained networks by the path of a result or of a line between two, and paths that are none."""

import pytest
from measured_levels import SETTINGS

from lottery_tf.errors import InputError
from lottery_tf.landscape import interpolation
from lottery_tf.landscape.measurements import lines
from lottery_tf.landscape.measurements.measurer import LandscapeMeasurer
from lottery_tf.masking import model_weights
from lottery_tf.models.settings import experiment_settings
from lottery_tf.paper_networks import paper_experiment
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.results.locate import locate
from lottery_tf.results.paths import experiment_folder
from lottery_tf.results.walk import finished

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(digits, tmp_path):
    """A results folder of embedded digits with one level whose weights were dropped."""
    settings = experiment_settings("fc", "digits", "20", eval_interval=10)
    experiment = paper_experiment(settings, digits, tmp_path, keep_weights=False)
    list(experiment.levels(Treatment(), 0, 2))
    experiment.control(Treatment(), 0, 1, "random")
    experiment.rewind_point(0, 10)
    return settings, tmp_path / experiment_folder(settings) / "seed-0"


@pytest.mark.slow
def test_a_result_is_found_by_its_path(folder, digits):
    settings, seed = folder
    own = seed / "large_final-rewind-zero"
    places = {own / "level-01": "level", own / "level-01-random-1": "control", seed / "rewind-10": "rewind",
              seed / "dense": "level"}  # fmt: skip
    experiment = paper_experiment(settings, digits, seed.parents[2])
    for path, kind in places.items():
        found = locate(path)
        assert (found.settings, found.metrics["kind"], found.results_dir) == (settings, kind, seed.parents[2])
        end = lines.with_weights(experiment, found)
        assert end.metrics["fingerprint"] == found.metrics["fingerprint"]
        assert end.final.keys() == model_weights.get_weights(experiment.model).keys()


@pytest.mark.slow
def test_the_line_between_two_results(folder, digits):
    settings, seed = folder
    experiment = paper_experiment(settings, digits, seed.parents[2])
    measurer = LandscapeMeasurer(experiment, SETTINGS)
    first, second = (locate(seed / name) for name in ("dense", "rewind-10"))
    ends = [lines.with_weights(experiment, end) for end in (first, second)]
    metrics = lines.between_job(measurer, *ends, (first.name, second.name)).do().metrics
    path = interpolation.line(measurer.evaluate, ends[0].final, ends[1].final, SETTINGS.points)
    assert [row["loss"] for row in metrics["rows"]] == path.losses.tolist()
    assert (metrics["first"], metrics["relation"]) == ("fc-digits/20/seed-0/dense", "chosen")
    assert metrics["first_error"] == metrics["dense_error"]
    (stored,) = finished(seed.parents[2], "line")
    assert stored["parent"].split("+")[:2] == [end.metrics["fingerprint"] for end in ends]


@pytest.mark.slow
def test_paths_that_are_no_trained_networks_are_refused(folder):
    _, seed = folder
    with pytest.raises(InputError, match="is not a result in a results folder"):
        locate(seed)
    with pytest.raises(InputError, match="is not a result in a results folder"):
        locate(seed.parents[3])
    measurer = LandscapeMeasurer.__name__  # a folder whose numbers are no training's
    (seed / measurer).mkdir()
    (seed / measurer / "metrics.json").write_text('{"kind": "curve"}')
    with pytest.raises(InputError, match="holds no finished training"):
        locate(seed / measurer)
    (seed.parents[0] / "settings.json").write_text('{"network": "fc"}')
    with pytest.raises(InputError, match="does not hold the settings of an experiment"):
        locate(seed / "dense")
