"""Measurements against what the levels' own arrays, brute force and other routes say, stored and found again."""

import contextlib
import dataclasses
import subprocess
import sys

import numpy as np
import pytest
from shared import ROOT, tiny_network

from lottery_tf.errors import InputError
from lottery_tf.experiment import Experiment
from lottery_tf.landscape import interpolation, retraining
from lottery_tf.landscape.evaluator import Evaluator
from lottery_tf.landscape.measurements import flatness, lines, row_names
from lottery_tf.landscape.measurements.catalogue import MEASUREMENTS
from lottery_tf.landscape.measurements.measurer import LandscapeMeasurer, TrainedLevels
from lottery_tf.landscape.measurements.settings import MeasurementSettings
from lottery_tf.masking import model_weights
from lottery_tf.models.settings import PruningSettings, TrainingSettings, run_settings
from lottery_tf.paper_networks import paper_experiment
from lottery_tf.pruning import masks
from lottery_tf.pruning.treatments import Ticket, Treatment
from lottery_tf.results.locate import locate
from lottery_tf.results.store import ResultsFolder
from lottery_tf.results.walk import finished
from lottery_tf.training.trainer import Trainer
from lottery_tf.training.training_result import IterationRange

pytestmark = pytest.mark.slow  # networks are trained and measured

TRAINING = TrainingSettings(iterations=30, learning_rate=0.01, batch_size=40, eval_interval=10)
SETTINGS = MeasurementSettings(points=5, images=50, eigenvalues=3, probes=4, lanczos_steps=10, multiples=(0.5, 2.0),
                               copies=2, precision=0.02, bins=4)  # fmt: skip
LAST = 3


@pytest.fixture(scope="module")
def trainer(tiny_dataset):
    """One trainer for all measurers: compiling one takes longer than most of what they do."""
    return Trainer(tiny_network(), tiny_dataset, TRAINING)


@pytest.fixture
def measurer_at(trainer):
    """Makes a measurer of a tiny network, with results in a folder or in memory."""

    def make(folder=None, settings=SETTINGS, pruning=None, **options):
        results = None if folder is None else ResultsFolder(folder, {})
        own = {"results": results, "trainer": trainer}
        return LandscapeMeasurer(
            Experiment(tiny_network(), trainer.dataset, TRAINING, pruning, **own, **options), settings
        )

    return make


def run_of(measurer, treatment=None, seed=0, last=LAST):
    treatment = treatment or Treatment()
    return TrainedLevels(
        treatment, seed, [level.metrics for level in measurer.experiment.levels(treatment, seed, last)]
    )


def measured(measurer, run, measure, wanted=None):
    return [job.do().metrics for job in MEASUREMENTS[measure].jobs(measurer, run, wanted)]


def error(measurer, state):
    return Evaluator(measurer.experiment.trainer, "test")(state).error


# Lines


@pytest.mark.parametrize("treatment", [Treatment(), Treatment("random", mask0="init", rewind_to=10)])
def test_lines_are_those_between_the_levels(treatment, measurer_at):
    measurer = measurer_at()
    run = run_of(measurer, treatment)
    found = measured(measurer, run, "lines")
    states = [measurer.level(run, number).final for number in range(LAST + 1)]
    dense_error = error(measurer, states[0])
    expected = list(interpolation.successive(measurer.evaluate, states, dense_error, points=5))
    assert len(found) == len(expected) == LAST
    for metrics, wanted in zip(found, expected, strict=True):
        own = lines.connection(metrics)
        for name in ("positions", "losses", "errors"):
            np.testing.assert_array_equal(getattr(own.path, name), getattr(wanted.path, name))
        assert (own.matching, metrics["error_barrier"]) == (wanted.matching, wanted.path.error_barrier)
        assert metrics["dense_error"] == dense_error
    assert [(metrics["level"], metrics["second_level"]) for metrics in found] == [(0, 1), (1, 2), (2, 3)]


def test_errors_of_the_ends_are_those_of_the_trainings(measurer_at):
    measurer = measurer_at()
    run = run_of(measurer)
    for metrics in measured(measurer, run, "lines"):
        for end, number in (("first", metrics["level"]), ("second", metrics["second_level"])):
            assert metrics[f"{end}_error"] == pytest.approx(1 - run.levels[number]["final_test_accuracy"], abs=1e-6)


def test_tolerance_is_no_part_of_what_is_stored(measurer_at):
    measurer = measurer_at()
    metrics = measured(measurer, run_of(measurer), "lines")[0] | {
        "first_error": 0.1,
        "second_error": 0.14,
        "dense_error": 0.1,
    }
    assert lines.connection(metrics, 0.03).matching == (True, False)
    assert lines.connection(metrics, 0.05).matching == (True, True)


@pytest.mark.parametrize("level", [0, 2])
def test_instability_is_between_a_level_and_its_reordered_copies(level, measurer_at):
    measurer = measurer_at()
    treatment = Treatment(rewind_to=10)
    run = run_of(measurer, treatment)
    found = measured(measurer, run, "instability", [level])
    ends = [measurer.level(run, level).final]
    ends += [measurer.experiment.control(treatment, 0, level, "reorder", draw).final for draw in (1, 2)]
    pairs = [(0, 1), (0, 2), (1, 2)]
    assert len(found) == len(pairs)
    for metrics, (first, second) in zip(found, pairs, strict=True):
        assert metrics["first_error"] == error(measurer, ends[first])
        assert metrics["second_error"] == error(measurer, ends[second])
        middle = {name: (ends[first][name] + ends[second][name]) / 2 for name in ends[0]}
        assert metrics["rows"][2]["loss"] == pytest.approx(measurer.evaluate(middle).loss, rel=1e-5)


# Perturbations


def test_perturbations_are_as_long_as_the_projection(measurer_at):
    measurer = measurer_at()
    run = run_of(measurer)
    own, following = measurer.level(run, 1), measurer.level(run, 2)
    removed = np.concatenate([own.start[name][own.mask[name] & ~following.mask[name]] for name in own.mask])
    projection = np.sqrt(np.sum(removed.astype(np.float64) ** 2))
    found = measured(measurer, run, "robustness", [1])
    assert [metrics["multiple"] for metrics in found] == [0.5, 2.0]
    for metrics in found:
        assert metrics["projection"] == pytest.approx(projection, rel=1e-12)
        assert metrics["distance"] == pytest.approx(metrics["multiple"] * projection, rel=1e-12)
        assert metrics["unperturbed_error"] == pytest.approx(1 - run.levels[1]["final_test_accuracy"], abs=1e-6)
        rows = {name: [row for row in metrics["rows"] if row["line"] == name] for name in ("unperturbed", "before")}
        assert rows["before"][0]["error"] == pytest.approx(1 - run.levels[0]["final_test_accuracy"], abs=1e-6)
        assert rows["before"][-1]["error"] == rows["unperturbed"][-1]["error"] == metrics["end_error"]


@pytest.mark.parametrize("rewind_to", [0, 10])
def test_a_perturbation_that_rounds_to_nothing_ends_where_the_level_does(rewind_to, measurer_at):
    """Training goes the level's own way: in its order, from its rewind point."""
    measurer = measurer_at(settings=dataclasses.replace(SETTINGS, multiples=(1e-12,)))
    (metrics,) = measured(measurer, run_of(measurer, Treatment(rewind_to=rewind_to)), "robustness", [2])
    losses = [row["loss"] for row in metrics["rows"] if row["line"] == "unperturbed"]
    assert losses == pytest.approx([losses[0]] * 5, rel=1e-6)
    assert abs(metrics["loss_barrier"]) < 1e-6
    assert metrics["end_error"] == metrics["unperturbed_error"]


# Flatness


def test_spectrum_is_that_of_the_whole_matrix(measurer_at):
    measurer = measurer_at()
    run = run_of(measurer)
    metrics = measured(measurer, run, "flatness", [2])[0]
    own = measurer.level(run, 2)
    hessian = measurer.curvature.at(own.final, own.mask)
    values = np.linalg.eigvalsh(np.stack([hessian.matvec(column) for column in np.eye(hessian.shape[0])]))
    kept = sum(int(mask.sum()) for mask in own.mask.values())
    assert metrics["size"] == kept + 12 + 3 == hessian.shape[0]
    top = [row["eigenvalue"] for row in metrics["rows"] if row["found_by"] == "eigsh"]
    assert top == pytest.approx(values[::-1][:3], rel=1e-3)
    assert metrics["top_eigenvalue"] == top[0]
    assert abs(metrics["trace"] - values.sum()) < 5 * metrics["trace_standard_error"]
    density = flatness.stored_density(metrics)
    assert density.weights.sum() == pytest.approx(1)
    assert density.mean(lambda nodes: nodes) * density.size == pytest.approx(metrics["trace"], rel=1e-4)


def test_rays_end_where_pruning_does(measurer_at):
    measurer = measurer_at()
    run = run_of(measurer)
    _, metrics = measured(measurer, run, "flatness", [1])
    own, following = measurer.level(run, 1), measurer.level(run, 2)
    rows = {(row["direction"], row["position"]): row for row in metrics["rows"]}
    projected = {name: np.where(mask, own.final[name], 0) for name, mask in following.mask.items()}
    assert rows["large_final", 1.0]["error"] == error(measurer, own.final | projected)
    removed = np.concatenate([own.final[name][own.mask[name] & ~mask] for name, mask in following.mask.items()])
    assert rows["large_final", 1.0]["length"] == pytest.approx(np.linalg.norm(removed.astype(np.float64)), rel=1e-6)
    assert rows["random direction", 1.0]["length"] == rows["large_final", 1.0]["length"] < rows["random", 1.0]["length"]
    beginning = {rows[direction, 0.0]["error"] for direction in ("large_final", "random", "random direction")}
    assert beginning == {error(measurer, own.final)}
    hessian = measurer.curvature.at(own.final, own.mask)
    step = hessian.space.vector({name: projected[name] - own.final[name] for name in projected})
    expected = step @ hessian.matvec(step) / (step @ step)
    assert rows["large_final", 0.5]["curvature"] == pytest.approx(expected, rel=1e-4)


# Limits


def test_the_limit_found_is_where_brute_force_stops_matching(measurer_at):
    measurer = measurer_at(settings=dataclasses.replace(SETTINGS, tolerance=0.05))
    run = run_of(measurer)
    (metrics,) = measured(measurer, run, "limit", [0])
    own = measurer.level(run, 0)
    allowed = error(measurer, own.final) + 0.05
    found = {(row["pruned_by"], row["method"]): row["pruned_fraction"] for row in metrics["rows"]}
    assert metrics["loss_allowance"] > 0
    for criterion in row_names.PRUNED_BY:
        mask_at = flatness.one_shot(measurer, run, own, criterion)

        def matches(share, mask_at=mask_at):
            pruned = {name: np.where(kept, own.final[name], 0) for name, kept in mask_at(share).items()}
            return error(measurer, own.final | pruned) <= allowed

        share = found[criterion, "found"]
        assert matches(share)
        assert not matches(share + 1 / 64), "the width at which bisection to 0.02 ends"
    assert found["large_final", "found"] > found["random", "found"]
    for (_, method), share in found.items():
        assert 0 <= share < 1, method


def test_nothing_can_be_pruned_of_what_does_not_match(measurer_at):
    measurer = measurer_at(
        pruning=PruningSettings(dense=0.95, output=0.5), settings=dataclasses.replace(SETTINGS, tolerance=0)
    )
    run = run_of(measurer, Treatment("small_final"), last=2)
    (metrics,) = measured(measurer, run, "limit", [2])
    assert metrics["end_error"] > metrics["allowed_error"]
    assert {row["pruned_fraction"] for row in metrics["rows"]} == {0.0}


@pytest.mark.parametrize("level", [0, 1])
def test_the_limit_with_retraining_is_where_trainings_stop_matching(level, measurer_at):
    """From the rewind point, where the dense network itself did not begin."""
    measurer = measurer_at(settings=dataclasses.replace(SETTINGS, tolerance=0.05, retrained_precision=0.1))
    run = run_of(measurer, Treatment(rewind_to=10))
    _, *found = measured(measurer, run, "limit", [level])
    own, rewound = measurer.level(run, level), measurer.experiment.rewind_point(0, 10).final
    assert [metrics["rows"][0]["pruned_by"] for metrics in found] == ["large_final", "random"]
    for metrics in found:
        (row,) = metrics["rows"]
        mask_at = flatness.one_shot(measurer, run, own, row["pruned_by"])

        def ends_at(share, mask_at=mask_at):
            kept = mask_at(share)
            start = rewound | {name: np.where(mask, rewound[name], 0) for name, mask in kept.items()}
            ended = measurer.experiment.trainer.train(
                Ticket(start, kept), 0, level + 1, iteration_range=IterationRange(10)
            )
            return error(measurer, ended.final)

        assert row["method"] == "found after retraining"
        assert 0 < row["pruned_fraction"] < 0.9
        assert ends_at(row["pruned_fraction"]) <= metrics["allowed_error"]
        assert ends_at(row["pruned_fraction"] + 1 / 16) > metrics["allowed_error"]


class Stop(Exception):
    pass


@pytest.mark.slow
def test_a_search_with_retraining_that_was_stopped_goes_on_where_it_was(measurer_at, tmp_path):
    settings = dataclasses.replace(SETTINGS, tolerance=0.05, retrained_precision=0.1)

    def search(name, stop_after=None):
        measurer, steps = measurer_at(tmp_path / name, settings), []

        def on_steps(count):
            steps.append(count)
            if stop_after is not None and sum(steps) > stop_after:
                raise Stop

        run = run_of(measurer)
        own = LandscapeMeasurer(measurer.experiment, settings, snapshot_seconds=0, on_steps=on_steps)
        with contextlib.suppress(Stop):
            (*_, found) = measured(own, run, "limit", [1])
            return found["rows"], steps
        return None, steps

    rows, steps = search("whole")
    assert sum(steps) > 4 * 30, "a search is several trainings"
    search("stopped", stop_after=75)
    again, left = search("stopped")
    assert again == rows
    # What a checkpoint has is told as one count; of the first two trainings only the last stretch is done again.
    assert left[:2] == [20, 10] and left[2:4] == [20, 10]


# Magnitudes


def test_thresholds_are_what_the_next_level_prunes(measurer_at):
    measurer = measurer_at()
    run = run_of(measurer)
    thresholds = [metrics for metrics in measured(measurer, run, "magnitudes") if metrics["kind"] == "threshold"]
    assert [metrics["level"] for metrics in thresholds] == [1, 2, 3]
    for metrics in thresholds[:-1]:
        own, following = measurer.level(run, metrics["level"]), measurer.level(run, metrics["level"] + 1)
        before = measurer.level(run, metrics["level"] - 1)
        for row in metrics["rows"][:-1]:
            name = row["layer"]
            kept, pruned = own.mask[name], own.mask[name] & ~following.mask[name]
            threshold = float(np.abs(own.final[name][pruned]).max())
            assert row["threshold"] == pytest.approx(threshold)
            assert row["share_after"] == pytest.approx(pruned.sum() / kept.sum())
            assert row["share_before"] == pytest.approx((np.abs(before.final[name][kept]) <= threshold).mean())
        assert metrics["rows"][-1]["layer"] == retraining.WHOLE_NETWORK


def test_histograms_hold_every_surviving_weight(measurer_at):
    measurer = measurer_at()
    run = run_of(measurer, Treatment(rounds="oneshot"))
    for metrics in measured(measurer, run, "magnitudes"):
        if metrics["kind"] == "histogram":
            mask = measurer.level(run, metrics["level"]).mask
            for name, kept in mask.items():
                own = [row for row in metrics["rows"] if row["layer"] == name]
                assert len(own) == SETTINGS.bins
                assert sum(row["before"] for row in own) == sum(row["after"] for row in own) == kept.sum()
            before = measurer.level(run, 0).final
            magnitudes = np.abs(before[name][kept])
            assert own[1]["before"] == ((magnitudes >= own[1]["bin_from"]) & (magnitudes < own[1]["bin_to"])).sum()


# What is stored


def without_times(folder, kind):
    return [{name: value for name, value in metrics.items() if name != "seconds"} for metrics in finished(folder, kind)]


KINDS = ("line", "perturbation", "spectrum", "ray", "limit", "threshold", "histogram")


def everything(measurer, run):
    return [metrics for name in MEASUREMENTS for metrics in measured(measurer, run, name, [1])]


@pytest.mark.slow
def test_measurements_are_found_again_and_the_same_to_the_bit(measurer_at, tmp_path):
    measurer = measurer_at(tmp_path / "a")
    made = everything(measurer, run_of(measurer))
    assert measurer.made == len(made)
    again = measurer_at(tmp_path / "a")
    assert everything(again, run_of(again)) == made
    assert (again.made, again.experiment.trained) == (0, 0)
    other = measurer_at(tmp_path / "b")
    everything(other, run_of(other))
    for kind in KINDS:
        stored = without_times(tmp_path / "a", kind)
        assert stored == without_times(tmp_path / "b", kind)
        assert stored
        assert all(metrics["criterion"] == "large_final" and metrics["parent"] for metrics in stored)
    places = {path.parent.name for path in tmp_path.rglob("metrics.json")}
    assert {"level-01-line-level-02", "level-01-line-level-01-reorder-1", "level-01-perturbation-0.5-1"} <= places


def test_what_was_made_of_other_levels_or_settings_is_made_anew(measurer_at, tmp_path):
    measurer = measurer_at(tmp_path)
    run = run_of(measurer)
    measured(measurer, run, "lines")
    other = TrainedLevels(run.treatment, 0, [*run.levels[:-1], run.levels[-1] | {"fingerprint": "another"}])
    measured(measurer, other, "lines")
    assert measurer.made == LAST + 1
    finer = measurer_at(tmp_path, dataclasses.replace(SETTINGS, points=6))
    assert [len(metrics["rows"]) for metrics in measured(finer, run, "lines")] == [6] * LAST
    wider = measurer_at(tmp_path, dataclasses.replace(SETTINGS, points=6, tolerance=0.1, bins=7))
    measured(wider, run, "lines")
    assert wider.made == 0, "neither tolerance nor bins are of account for a line"


def test_a_damaged_measurement_is_made_anew(measurer_at, tmp_path, caplog):
    measurer = measurer_at(tmp_path)
    run = run_of(measurer)
    expected = measured(measurer, run, "lines")
    (tmp_path / "seed-0" / "large_final-rewind-zero" / "level-01-line-level-02" / "metrics.json").write_text("{}")
    found = measured(measurer, run, "lines")
    assert measurer.made == LAST + 1
    assert "is damaged" in caplog.text
    assert [metrics["rows"] for metrics in found] == [metrics["rows"] for metrics in expected]


def test_weights_that_were_dropped_are_trained_again(measurer_at, tmp_path):
    measurer = measurer_at(tmp_path, keep_weights=False)
    run = run_of(measurer)
    assert not (tmp_path / "seed-0" / "large_final-rewind-zero" / "level-01" / "weights.npz").exists()
    again = measurer_at(tmp_path)
    found = measured(again, run_of(again), "lines")
    assert again.experiment.trained == LAST - 1, "the last level had its weights"
    fresh = measurer_at()
    expected = measured(fresh, run_of(fresh), "lines")
    assert [metrics["rows"] for metrics in found] == [metrics["rows"] for metrics in expected]
    assert [metrics["parent"] for metrics in found] == [metrics["parent"] for metrics in expected]
    assert run.levels[1]["fingerprint"] in found[0]["parent"]


def test_levels_that_are_not_there_are_left_out(measurer_at):
    measurer = measurer_at()
    run = run_of(measurer)
    short = TrainedLevels(run.treatment, 0, run.levels[:2])
    assert [metrics["level"] for metrics in measured(measurer, short, "lines")] == [0]
    assert measured(measurer, short, "robustness", [1, 2]) == []
    assert [metrics["level"] for metrics in measured(measurer, short, "magnitudes")] == [1, 1]


# Any two results


@pytest.fixture
def folder(digits, tmp_path):
    """A results folder of embedded digits with one level whose weights were dropped."""
    settings = run_settings("fc", "digits", "20", eval_interval=10)
    experiment = paper_experiment(settings, digits, tmp_path, keep_weights=False)
    list(experiment.levels(Treatment(), 0, 2))
    experiment.control(Treatment(), 0, 1, "random")
    experiment.rewind_point(0, 10)
    return settings, tmp_path / settings.folder / "seed-0"


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
    with pytest.raises(InputError, match="does not hold the settings of a run"):
        locate(seed / "dense")


# Refusals


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"points": 1}, "points is 1; it must be at least 2"),
        ({"images": 0}, "images is 0; it must be at least 1"),
        ({"batch_norm_images": -1}, "batch_norm_images is -1"),
        ({"precision": 1.0}, "precision is 1.0; it must lie between 0 and 1"),
        ({"retrained_precision": 0.0}, "retrained_precision is 0.0"),
        ({"tolerance": -0.1}, "tolerance is -0.1"),
        ({"multiples": ()}, "one or more finite numbers above 0"),
        ({"multiples": (1.0, 0.0)}, r"multiples\[1\] is 0.0; it must be a finite number above 0"),
        ({"multiples": (np.inf,)}, r"multiples\[0\] is inf; it must be a finite number above 0"),
        ({"multiples": (2.0, 1.0, 2.0)}, "no number may occur twice"),
    ],
)
def test_settings_that_cannot_be_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        MeasurementSettings(**change)


@pytest.mark.parametrize(
    ("measure", "treatment", "message"),
    [
        ("flatness", Treatment(mask0="init"), "needs the mask-0 action 'zero'"),
        ("limit", Treatment(mask0="hybrid"), "needs the mask-0 action 'zero'"),
        ("robustness", Treatment(mask1="finetune"), "needs a rewind point"),
        ("robustness", Treatment(rounds="oneshot"), "needs iterative pruning"),
        ("magnitudes", Treatment(rounds="oneshot", chosen_kept_fraction=0.2), "has level 1 only"),
    ],
)
def test_treatments_that_cannot_be_measured_are_refused(measure, treatment, message):
    with pytest.raises(InputError, match=message):
        MEASUREMENTS[measure].check_treatment(measure, treatment)
    MEASUREMENTS[measure].check_treatment(measure, Treatment())
    MEASUREMENTS["lines"].check_treatment("lines", treatment)


@pytest.mark.slow
def test_no_tensorflow_is_imported_before_something_is_measured():
    modules = "lottery_tf.landscape.measurements.catalogue, lottery_tf.results.locate"
    code = f"import sys, {modules}; assert 'tensorflow' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=600)


def test_global_pruning_has_one_threshold(measurer_at):
    measurer = measurer_at()
    run = run_of(measurer, Treatment(scope="global"))
    threshold = measured(measurer, run, "magnitudes")[0]
    own, following = measurer.level(run, 1), measurer.level(run, 2)
    pruned = np.concatenate([own.final[name][own.mask[name] & ~following.mask[name]] for name in own.mask])
    assert [row["threshold"] for row in threshold["rows"]] == pytest.approx([float(np.abs(pruned).max())] * 3)
    rays = measured(measurer, run, "flatness", [1])[1]
    assert rays["next_pruned_fraction"] == pytest.approx(
        1 - masks.kept_fraction(following.mask) / masks.kept_fraction(own.mask)
    )
