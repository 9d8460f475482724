"""`runs.supermask` as a user runs it: in real processes, some of which are killed."""

import dataclasses
import re
import signal
import subprocess
import sys

import pytest
from brute_force_maxima import best_over_seeds
from foreground import wait_for_file, words
from shared import ROOT

import lottery_tf as lt
from lottery_tf.masking import model_weights
from lottery_tf.models.settings import experiment_settings
from lottery_tf.pruning import masks
from lottery_tf.pruning.criteria import CRITERIA
from lottery_tf.results.paths import experiment_folder, level_path
from lottery_tf.results.store import ResultsFolder
from lottery_tf.results.stored_result import StoredResult
from lottery_tf.results.walk import finished
from runs.benchmarks.faults import NOT_COMPARED

SHORT = ("--iterations=40", "--eval_interval=20", "--levels=2")
ALL = (*SHORT, "--seeds=0,1", f"--criterion={','.join(CRITERIA)}")
WEIGHTS = ("initial", "signed_constant")


@pytest.fixture(scope="module")
def whole(tmp_path_factory, warm_forks):
    """The results folder of a run of every criterion that nothing interrupted, and what the run printed."""
    results_dir = tmp_path_factory.mktemp("whole")
    done = warm_forks.run("runs.supermask", *ALL, f"--results_dir={results_dir}")
    assert done.returncode == 0, done.stderr
    return results_dir, done.stdout


def metrics_by_folder(results_dir, kind):
    """The metrics of every supermask result, without what differs from run to run."""
    return {
        (metrics["seed"], metrics["source"], metrics["criterion"], metrics["mask0"], metrics.get("weights")): {
            name: value for name, value in metrics.items() if name not in NOT_COMPARED
        }
        for metrics in finished(results_dir, kind)
    }


def printed(output, weights):
    """The lines of one of the tables, each split into words."""
    text = output.split(f"Supermasks on weights: {weights}\n")[1].split("\n\n")[0]
    return [line.split() for line in text.splitlines()[1:]]


def test_every_criterion_is_stored(whole):
    results_dir, _ = whole
    supermasks = metrics_by_folder(results_dir, "supermask")
    assert set(supermasks) == {(seed, "oneshot", criterion, "", None) for seed in (0, 1) for criterion in CRITERIA} | {
        (seed, "baseline", "untrained_baseline", "", None) for seed in (0, 1)
    }
    columns = {"level", "kept_fraction", "weights", "validation_accuracy", "test_accuracy"}
    assert all(set(row) == columns for metrics in supermasks.values() for row in metrics["rows"])
    parents = {metrics["seed"]: metrics["fingerprint"] for metrics in finished(results_dir)}
    assert all(metrics["parent"] == parents[metrics["seed"]] for metrics in supermasks.values())
    common = {"network": "fc", "dataset": "digits", "schedule": "40", "mask1": "", "mask0": "", "rescale": False}
    bests = metrics_by_folder(results_dir, "best_supermask")
    assert len(bests) == 2 * len(supermasks)
    assert all(common.items() <= metrics.items() for metrics in bests.values())


@pytest.mark.parametrize("weights", WEIGHTS)
def test_the_table_sums_up_what_is_stored(weights, whole):
    results_dir, output = whole
    rows = [
        {"label": metrics["criterion"], "seed": metrics["seed"], **row}
        for metrics in finished(results_dir, "supermask")
        for row in metrics["rows"]
        if row["weights"] == weights
    ]
    wanted = {best.label: best for best in best_over_seeds(rows)}
    lines = {words[0]: words for words in printed(output, weights)}
    accuracies = [sum(wanted[label].accuracy) for label in lines if label != "trained_baseline"]
    assert accuracies == sorted(accuracies, reverse=True)
    assert len(accuracies) == len(wanted) == len(CRITERIA) + 1
    for label, best in wanted.items():
        words = lines[label]
        assert words[-2:] == [f"{100 * best.mean_maximum:.2f}", f"{100 * best.mean_kept:.2f}"]
        assert {f"{50 * sum(best.accuracy):.2f}", f"{50 * sum(best.maxima):.2f}"} <= set(words)
    trained = [100 * metrics["test_accuracy"] for metrics in finished(results_dir)]
    assert lines["trained_baseline"][-2:] == [f"{sum(trained) / 2:.2f}", "100.00"]


def test_nothing_is_done_twice(whole, warm_command):
    results_dir, output = whole
    again = warm_command("runs.supermask", *ALL, f"--results_dir={results_dir}")
    assert (again.returncode, again.stdout) == (0, output)
    assert again.stderr == f"All {2 * (2 + len(CRITERIA))} results are finished; nothing to do.\n", (
        "something was done again"
    )


def test_the_best_supermask_can_be_packed(whole, warm_command, tmp_path):
    folder = (
        whole[0] / "fc-digits" / "40" / "seed-1" / "supermask" / "oneshot-large_final_same_sign-best-signed_constant"
    )
    packed = warm_command("runs.ticket", "pack", f"--run={folder}", f"--out={tmp_path / 'x.ticket'}")
    assert packed.returncode == 0, packed.stderr
    assert (tmp_path / "x.ticket").stat().st_size < 266_200 / 8 + 1000


def test_killed_and_resumed_it_ends_with_the_same_files(whole, warm_command, start, tmp_path):
    results_dir, output = whole
    process = start(words("runs.supermask", *ALL, f"--results_dir={tmp_path}"))
    wait_for_file(tmp_path, "oneshot-large_final/checksums.json", process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not any(tmp_path.rglob("seed-1/supermask")), "it was not killed half-way"
    resumed = warm_command("runs.supermask", *ALL, f"--results_dir={tmp_path}")
    assert (resumed.returncode, resumed.stdout) == (0, output), resumed.stderr
    assert "seed 0 oneshot-large_final:" not in resumed.stderr, "it was evaluated twice"
    for kind in ("supermask", "best_supermask"):
        assert metrics_by_folder(tmp_path, kind) == metrics_by_folder(results_dir, kind)
    masks = {path.relative_to(results_dir): path for path in results_dir.rglob("mask.npz")}
    assert len(masks) == 2 * (1 + 3 * (1 + len(CRITERIA)))
    assert all((tmp_path / place).read_bytes() == path.read_bytes() for place, path in masks.items())


def test_iterative_masks_train_what_is_missing(warm_command, tmp_path):
    arguments = (*SHORT, "--source=iterative", "--criterion=movement", "--mask0=zero,hybrid")
    done = warm_command("runs.supermask", *arguments, f"--results_dir={tmp_path}")
    assert done.returncode == 0, done.stderr
    assert len(re.findall(r"level \d+: .*% kept, test accuracy", done.stderr)) == 1 + 2 * 2
    mask_sources = metrics_by_folder(tmp_path, "supermask")
    assert set(mask_sources) == {
        (0, "iterative", "movement", "zero", None),
        (0, "iterative", "movement", "hybrid", None),
        (0, "baseline", "untrained_baseline", "", None),
    }
    assert {words[0] for words in printed(done.stdout, "initial")} == {
        "movement-rewind-zero", "movement-rewind-hybrid", "untrained_baseline", "trained_baseline",
    }  # fmt: skip
    levels = {(level["mask0"], level["level"]): level["kept_fraction"] for level in finished(tmp_path)}
    for (_, _, _, mask0, _), metrics in mask_sources.items():
        for row in metrics["rows"]:
            assert row["kept_fraction"] == levels[mask0, row["level"]]


@pytest.mark.slow
def test_iterative_masks_are_those_of_the_networks_scope():
    """Where a network is pruned globally, `runs.lottery` has stored the levels under that name."""
    code = (
        "from absl import flags; from runs import supermask\n"
        "flags.FLAGS(['supermask', '--source=iterative', '--criterion=movement'])\n"
        "for scope in ('layer', 'global'):\n"
        "    (mask_source,) = supermask.mask_sources_from_flags(scope)\n"
        "    print(mask_source.name, mask_source.treatment.name)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "iterative-movement-rewind-zero movement-rewind-zero",
        "iterative-movement-rewind-zero-global movement-rewind-zero-global",
    ]


def test_a_diverged_dense_training_is_told_and_the_rest_goes_on(digits, warm_command, tmp_path):
    settings = experiment_settings(schedule="40", eval_interval=20)
    results = ResultsFolder(
        tmp_path / experiment_folder(settings), dataclasses.asdict(settings) | {"data": digits.fingerprint}
    )
    network = lt.build("fc")
    weights, mask = lt.get_weights(network), masks.full(model_weights.kernels(network))
    metrics = {"kind": "level", "seed": 0, "level": 0, "parent": "", "status": "diverged"}
    metrics |= {"kept_fraction": 1.0, "fingerprint": "abc"}
    results.write(level_path(0, "dense", 0), StoredResult(mask, metrics, None, weights, weights))
    arguments = (*SHORT, "--criterion=random", f"--results_dir={tmp_path}")
    both = warm_command("runs.supermask", *arguments, "--seeds=0,1")
    assert both.returncode == 0, both.stderr
    assert "Seed 0 is left out" in both.stderr
    (line,) = [words for words in printed(both.stdout, "initial") if words[0] == "random"]
    assert len(line) == 6, "one seed has no range"
    none = warm_command("runs.supermask", *arguments, "--seeds=0")
    assert none.returncode == 2
    assert "No dense training finished" in none.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--network=fcc"], "Unknown network 'fcc'; did you mean 'fc'"),
        (["--criterion=large_final_samesign"], "did you mean 'large_final_same_sign'"),
        (["--criterion=os:path"], "'os' has no function 'path'"),
        (["--criterion=random,random"], "--criterion gives 'random' more than once"),
        (["--criterion="], "--criterion is empty; it needs at least one value"),
        (["--levels=0"], "--levels takes a whole number of at least 1; '0' is not one."),
        (["--seeds=1,1"], "--seeds gives 1 more than once"),
        (["--source=one_shot"], "Unknown source 'one_shot'; did you mean 'oneshot'"),
        (["--source=baseline"], "Unknown source 'baseline'"),
        (["--mask1=rewind"], "--mask1 needs --source=iterative"),
        (["--mask0=zero"], "--mask0 needs --source=iterative"),
        (["--source=iterative", "--mask0=zeros"], "Unknown mask-0 action 'zeros'; did you mean 'zero'"),
        (["--threads=-1"], "--threads takes a whole number of at least 0; '-1' is not one."),
        (["stray"], "'stray' is not a flag"),
    ],
)
def test_refused_flags_answer_before_tensorflow_is_imported(arguments, message, light_command):
    done = light_command("runs.supermask", *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
