"""`runs.lottery` and `analysis.export` as a user runs them: in real processes, some of which are killed."""

import csv
import json
import signal

import pytest
from foreground import wait_for_file, words
from shared import HANG_SECONDS

from analysis.results.columns import CSV_COLUMNS
from lottery_tf.pruning.criteria import CRITERIA
from lottery_tf.pruning.mask0_actions import MASK0
from lottery_tf.pruning.mask1_actions import MASK1

SHORT = ("--iterations=60", "--eval_interval=20", "--levels=2")


def exported(light_command, results_dir, out):
    done = light_command("analysis.export", f"--results_dir={results_dir}", f"--out={out}")
    assert done.returncode == 0, done.stderr
    with open(out, newline="") as file:
        return list(csv.DictReader(file))


def without_times(rows):
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


def test_every_choice_runs_and_is_exported(warm_command, light_command, tmp_path):
    shared = ("runs.lottery", "--iterations=20", "--eval_interval=20", "--levels=1", f"--results_dir={tmp_path}")
    flags = (
        [f"--criterion={','.join(CRITERIA)}"],
        [f"--mask1={','.join(MASK1)}", "--mask0=zero,hybrid"],
        ["--criterion=movement", f"--mask0={','.join(MASK0)}"],
    )
    criteria, *others = (warm_command(*shared, *own) for own in flags)
    for done in (criteria, *others):
        assert done.returncode == 0, done.stderr
    rows = exported(light_command, tmp_path, tmp_path / "all.csv")
    treatments = {(row["criterion"], row["mask1"], row["mask0"]) for row in rows}
    assert treatments == {("dense", "", "")} | {(criterion, "rewind", "zero") for criterion in CRITERIA} | {
        ("large_final", mask1, mask0) for mask1 in MASK1 for mask0 in ("zero", "hybrid")
    } | {("movement", "rewind", mask0) for mask0 in MASK0}
    assert tuple(rows[0]) == CSV_COLUMNS["level"]
    assert len(rows) == len(treatments)
    assert {row["kept_fraction"][:6] for row in rows if row["level"] == "1"} == {"0.8003"}
    assert all(0 < float(row["test_accuracy"]) <= 1 and row["iterations"] == "20" for row in rows)
    assert "magnitude_increase-rewind-zero" in criteria.stdout
    assert (tmp_path / "fc-digits" / "20" / "lottery.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("network", "flags", "kept"),
    [
        (
            "conv2",
            [
                "--optimizer=momentum",
                "--conv_pruned_fraction=0.5",
                "--threads=1",
                "--eval_interval=1",
                "--batch_size=10",
                "--dropout=0.5",
            ],
            0.79737,
        ),
        ("conv4", ["--optimizer=sgd", "--dense_pruned_fraction=0.4", "--keep=all", "--batch_size=10"], 0.63246),
        ("conv6", ["--learning_rate=1e-5", "--output_pruned_fraction=0.9", "--batch_size=9"], 0.8246),
    ],
)
def test_convolutional_networks_and_the_other_flags(network, flags, kept, warm_command, light_command, tmp_path):
    done = warm_command(
        "runs.lottery", f"--network={network}", "--schedule=2", "--levels=1", *flags, f"--results_dir={tmp_path}"
    )
    assert done.returncode == 0, done.stderr
    dense, level = exported(light_command, tmp_path, tmp_path / "r.csv")
    assert (dense["kept_fraction"], level["iterations"], level["status"]) == ("1.0", "2", "finished")
    assert float(level["kept_fraction"]) == pytest.approx(kept, abs=1e-4)


def folders(results_dir):
    return {path.parent.name for path in results_dir.rglob("metrics.json")}


def test_ways_to_prune_and_controls(warm_command, tmp_path):
    """Global pruning, late rewinding and fine-tuning in all combinations that can be; controls in the table."""
    done = warm_command(
        "runs.lottery", "--iterations=30", "--eval_interval=15", "--levels=1", "--scope=layer,global",
        "--rewind_to=0,10", "--controls=reinit,random,reorder", "--control_draws=2", f"--results_dir={tmp_path}",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "To do: 30 trainings, 860 steps: about " in done.stderr
    names = {path.parent.parent.name for path in tmp_path.rglob("level-01/metrics.json")}
    assert names == {"large_final-rewind-zero" + end for end in ("", "-global", "-rewind10", "-global-rewind10")}
    kinds = {f"level-01-{control}-{draw}" for control in ("reinit", "random", "reorder") for draw in (1, 2)}
    assert folders(tmp_path) == {"dense", "rewind-10", "level-01"} | kinds
    blocks = dict(block.split("\n", 1) for block in done.stdout.split("\n\n"))
    for name in names:
        assert [line.split()[:2] for line in blocks[name].splitlines()[1:]] == [["0", "100.00"], ["1", "80.04"]]
        (line,) = blocks[f"{name}, control: random"].splitlines()[1:]
        assert line.split()[:2] == ["1", "80.04"]
        assert line.endswith("]"), "two draws make a range"


def test_one_shot_to_any_kept_fraction_and_fine_tuning(warm_command, light_command, tmp_path):
    shared = ("--iterations=30", "--eval_interval=15", f"--results_dir={tmp_path}")
    done = warm_command(
        "runs.lottery", *shared, "--rounds=oneshot", "--kept_fraction=0.2,0.05", "--mask1=rewind,finetune"
    )
    assert done.returncode == 0, done.stderr
    rows = [row for row in exported(light_command, tmp_path, tmp_path / "r.csv") if row["level"] != "0"]
    assert sorted((row["mask1"], round(float(row["kept_fraction"]), 4)) for row in rows) == [
        ("finetune", 0.05), ("finetune", 0.2), ("rewind", 0.05), ("rewind", 0.2),
    ]  # fmt: skip
    assert "large_final-finetune-zero-oneshot-kept0.05" in done.stdout


def test_dropout_is_part_of_the_settings(warm_command, tmp_path):
    short = ("--iterations=2", "--batch_size=8", "--levels=1", f"--results_dir={tmp_path}")
    done = warm_command("runs.lottery", *short, "--dropout=0.5", "--warmup_iterations=2")
    assert done.returncode == 0, done.stderr
    refused = warm_command("runs.lottery", *short, "--warmup_iterations=2")
    assert refused.returncode == 2
    assert "holds results made with other settings: dropout is 0.5 there, None here" in refused.stderr


def test_flags_that_change_the_training_are_in_its_settings(warm_command, tmp_path):
    done = warm_command(
        "runs.lottery", "--iterations=4", "--batch_size=8", "--levels=1", "--learning_rate_drops=1,3",
        "--weight_decay=0.001", "--decay=cosine", "--downsample_pruned_fraction=0.3", f"--results_dir={tmp_path}",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    settings = json.loads((tmp_path / "fc-digits" / "4" / "settings.json").read_text())
    training = settings["training"]
    assert (training["learning_rate_drops"], training["weight_decay"], training["decay"]) == ([1, 3], 0.001, "cosine")
    assert settings["pruning"]["downsample"] == 0.3


def test_a_deeper_network_by_the_same_command(warm_command, light_command, tmp_path):
    done = warm_command(
        "runs.lottery", "--network=resnet20", "--iterations=3", "--batch_size=4", "--levels=1", "--rewind_to=1",
        "--learning_rate=0.03", "--warmup_iterations=2", f"--results_dir={tmp_path}",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    dense, level = exported(light_command, tmp_path, tmp_path / "r.csv")
    assert (dense["kept_fraction"], level["status"]) == ("1.0", "finished")
    assert float(level["kept_fraction"]) == pytest.approx(0.8024, abs=1e-4)
    assert folders(tmp_path) == {"dense", "rewind-1", "level-01"}


def test_seeds_are_summed_up(warm_command, light_command, tmp_path):
    done = warm_command("runs.lottery", *SHORT, "--seeds=3,4", "--levels=1", "--keep=all", f"--results_dir={tmp_path}")
    assert "--keep=all stores about 0.0" in done.stderr
    rows = [row for row in exported(light_command, tmp_path, tmp_path / "r.csv") if row["level"] == "1"]
    low, high = sorted(100 * float(row["test_accuracy"]) for row in rows)
    (line,) = [line for line in done.stdout.splitlines() if line.split()[:2] == ["1", "80.04"]]
    assert line.endswith(f"{(low + high) / 2:.2f} [{low:.2f}, {high:.2f}]")


KILLS = (("dense", 3), ("large_final-rewind-hybrid/level-01", 7), ("random-rewind-hybrid/level-02", 5))


def test_killed_again_and_again_it_ends_with_the_same_bits(command, warm_command, light_command, tmp_path):
    """kill -9 inside levels, while a checkpoint is written, as one is at every reading of the validation loss."""
    arguments = ("runs.lottery", "--criterion=large_final,random", "--mask0=hybrid", "--levels=2", "--iterations=800")
    whole = command(*arguments, f"--results_dir={tmp_path}/whole")
    assert whole.returncode == 0, whole.stderr
    again = (*arguments, f"--results_dir={tmp_path}/killed", "--snapshot_seconds=0")
    for level, number in KILLS:
        checkpoint = tmp_path / "killed" / "fc-digits" / "800" / "seed-0" / f"{level}.partial" / "snapshot.npz"
        killed = warm_command(*again, killed_at=(checkpoint, number))
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        assert checkpoint.exists(), "it was not killed inside a level"
    resumed = warm_command(*again)
    assert resumed.returncode == 0, resumed.stderr
    assert resumed.stderr.count("% kept") == 1, "a finished level was trained again"
    rows = [exported(light_command, tmp_path / name, tmp_path / f"{name}.csv") for name in ("whole", "killed")]
    assert without_times(rows[0]) == without_times(rows[1])
    for path in (tmp_path / "whole").rglob("*.npz"):
        other = tmp_path / "killed" / path.relative_to(tmp_path / "whole")
        assert other.read_bytes() == path.read_bytes()


def test_two_commands_on_one_folder(light_command, start, tmp_path):
    one = words("runs.lottery", *SHORT, "--criterion=large_final,movement", f"--results_dir={tmp_path}")
    both = [start(one), start(one)]
    errors = [process.communicate(timeout=HANG_SECONDS)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], errors
    trained = sum(error.count("% kept") for error in errors)
    assert trained == 1 + 2 * 2, "the two did the same work"
    rows = exported(light_command, tmp_path, tmp_path / "r.csv")
    assert len(rows) == 5


def test_ctrl_c_says_how_to_go_on(start, tmp_path):
    process = start(words("runs.lottery", "--iterations=100000", f"--results_dir={tmp_path}"))
    wait_for_file(tmp_path, "events.out.tfevents.*", process)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=HANG_SECONDS)
    assert process.returncode == 130, "it trained to the end"
    assert "run the same command again to continue" in errors


FULL_DISK = """
import errno, os, sys
real, left = os.fsync, [12]
def fsync(handle):
    left[0] -= 1
    if left[0] < 0:
        raise OSError(errno.ENOSPC, "No space left on device")
    real(handle)
os.fsync = fsync
import runs.lottery
from lottery_tf.command_line import console
sys.argv[0] = "runs.lottery"
console.run(runs.lottery.main)
"""


def test_a_full_disk_ends_with_a_message_and_resumes(command, warm_command, light_command, tmp_path):
    arguments = (*SHORT, f"--results_dir={tmp_path}")
    done = command(None, *arguments, code=FULL_DISK)
    assert done.returncode == 1
    assert "The disk is full" in done.stderr
    assert "Traceback" not in done.stderr
    assert warm_command("runs.lottery", *arguments).returncode == 0
    assert len(exported(light_command, tmp_path, tmp_path / "r.csv")) == 3


def test_divergence_is_told_and_the_rest_goes_on(warm_command, light_command, tmp_path):
    done = warm_command(
        "runs.lottery", *SHORT, "--seeds=0,1", "--optimizer=sgd", "--learning_rate=1e30", f"--results_dir={tmp_path}"
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("the training diverged; later levels are left out") == 2
    rows = exported(light_command, tmp_path, tmp_path / "r.csv")
    assert [(row["seed"], row["status"], row["test_accuracy"]) for row in rows] == [
        ("0", "diverged", ""), ("1", "diverged", ""),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--network=fcc"], "Unknown network 'fcc'; did you mean 'fc'"),
        (["--dataset=mnits"], "Unknown data set 'mnits'; did you mean 'mnist'? Valid: digits, mnist"),
        (["--criterion=large_finla"], "Unknown mask criterion 'large_finla'; did you mean 'large_final'"),
        (["--mask1=rewindd"], "Unknown mask-1 action 'rewindd'"),
        (["--mask0=zeros"], "Unknown mask-0 action 'zeros'; did you mean 'zero'"),
        (["--criterion=os:path"], "'os' has no function 'path'"),
        (["--criterion=random,random"], "--criterion gives 'random' more than once"),
        (["--criterion="], "--criterion is empty; it needs at least one value"),
        (["--scope=globl"], "Unknown scope of pruning 'globl'; did you mean 'global'"),
        (["--rounds=one"], "Unknown kind of rounds 'one'"),
        (["--rewind_to=-5"], "--rewind_to takes whole numbers of at least 0, or ranges such as 0-4; '-5' is neither"),
        (["--rewind_to=5", "--mask1=finetune"], "rewind_to is 5, but the mask-1 action 'finetune' does not rewind"),
        (["--rewind_to=60", "--iterations=60"], "rewind_to is 60; it must be below the 60 iterations of a training"),
        (["--kept_fraction=0.2"], "it needs one-shot pruning"),
        (["--kept_fraction=many", "--rounds=oneshot"], "--kept_fraction takes numbers; 'many' is not one"),
        (["--controls=reinti"], "Unknown control 'reinti'; did you mean 'reinit'"),
        (["--controls=random,random"], "--controls gives 'random' more than once"),
        (
            ["--controls=random", "--control_draws=0"],
            "--control_draws takes a whole number of at least 1; '0' is not one.",
        ),
        (["--controls=reinit", "--mask0=init"], "cannot be compared with tickets of the mask-0 action 'init'"),
        (["--dropout=2"], "dropout is 2.0; it must lie between 0 and 1"),
        (["--network=resnet20", "--dropout=0.5"], "'resnet20' has no hidden dense layer"),
        (["--warmup_iterations=-1"], "warmup_iterations is -1; it must be at least 1"),
        (["--levels=0"], "--levels takes a whole number of at least 1; '0' is not one."),
        (["--seeds=1,2,1"], "--seeds gives 1 more than once"),
        (["--seeds=a"], "--seeds takes whole numbers of at least 0, or ranges such as 0-4; 'a' is neither"),
        (["--seeds=-1"], "'-1' is neither"),
        (["--seeds=4-0"], "--seeds takes increasing ranges"),
        (["--seeds=0-2,1"], "--seeds gives 1 more than once"),
        (["--seeds="], "--seeds is empty"),
        (
            ["--dense_pruned_fraction=1.5"],
            "dense_pruned_fraction is 1.5; it must be at least 0 (nothing is pruned) and below 1",
        ),
        (["--iterations=-5"], "iterations is -5"),
        (["--iterations=10", "--schedule=half"], "Give --schedule or --iterations, not both"),
        (["--schedule=third"], "Unknown schedule"),
        (["--threads=-1"], "--threads takes a whole number of at least 0; '-1' is not one."),
        (["--optimizer=adm"], "Unknown optimizer 'adm'; did you mean 'adam'"),
        (["stray"], "'stray' is not a flag. Flags begin with --."),
        (["criterion=random"], "'criterion=random' is not a flag; did you mean --criterion?"),
        (["--critrion=random"], "There is no flag --critrion; did you mean --criterion?"),
        (["--levels=many"], "--levels takes a whole number of at least 1; 'many' is not one."),
        (["--learning_rate=much"], "--learning_rate takes a number; 'much' is not one."),
        (["--keep=everything"], "Unknown keep 'everything'. Valid: needed, all."),
        (["--precision=mixed_float8"], "Unknown precision 'mixed_float8'; did you mean 'mixed_float16'"),
    ],
)
def test_refused_flags_answer_before_tensorflow_is_imported(arguments, message, light_command):
    done = light_command("runs.lottery", *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
