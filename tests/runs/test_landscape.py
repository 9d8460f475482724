"""`runs.landscape` as a user runs it: in real processes, some of which are killed."""

import shutil
import signal

import made_up
import pytest
from foreground import wait_for_file, words

from lottery_tf.landscape.measurements.catalogue import MEASUREMENTS
from lottery_tf.results.walk import finished
from runs.benchmarks.faults import NOT_COMPARED

SHORT = ("--iterations=40", "--eval_interval=20", "--levels=3", "--threads=1", "--points=4", "--images=60",
         "--eigenvalues=2", "--probes=2", "--lanczos_steps=5", "--limit_precision=0.1", "--bins=5")  # fmt: skip
ALL = (*SHORT, "--seeds=0,1", f"--measure={','.join(MEASUREMENTS)}", "--at=1", "--multiples=1,3",
       "--matching_tolerance=3", "--retrained_precision=0.4")  # fmt: skip
MEASURED_KINDS = ("line", "perturbation", "spectrum", "ray", "limit", "threshold", "histogram")


@pytest.fixture(scope="module")
def whole(tmp_path_factory, warm_forks):
    """The results folder of a run that nothing interrupted, and what the run printed."""
    results_dir = tmp_path_factory.mktemp("whole")
    done = warm_forks.run("runs.landscape", *ALL, f"--results_dir={results_dir}")
    assert done.returncode == 0, done.stderr
    return results_dir, done.stdout


def measured(results_dir, kind):
    """The metrics of every measurement of a kind, without what differs from run to run."""
    return [
        {name: value for name, value in metrics.items() if name not in NOT_COMPARED}
        for metrics in finished(results_dir, kind)
    ]


def logged(done):
    """What a command said on standard error, but for the line that says how training steps run."""
    return [line for line in done.stderr.splitlines() if not line.startswith("Training steps of ")]


def printed(output, title):
    """The table below a title: its lines, each split at two spaces or more."""
    block = output.split(f"\n{title}")[1].split("\n\n")[0]
    return [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in block.splitlines()[1:]]


def test_every_measure_is_stored_and_printed(whole):
    results_dir, output = whole
    counts = {kind: len(measured(results_dir, kind)) for kind in MEASURED_KINDS}
    assert counts == {"line": 2 * (3 + 1), "perturbation": 2 * 2, "spectrum": 2, "ray": 2, "limit": 2 * 3,
                      "threshold": 2 * 3, "histogram": 2 * 3}  # fmt: skip
    for title, rows in (
        ("Lines between successive levels: large_final-rewind-zero", 3),
        ("Instability: one ticket trained with two orders of images: large_final-rewind-zero", 1),
        ("Robustness: networks retrained from perturbed rewind points: large_final-rewind-zero", 2),
        ("Flatness at the end of training: large_final-rewind-zero", 1),
        ("Along the next round's pruning, without retraining:", 3),
        ("The largest share of the kept weights that can be pruned at once: large_final-rewind-zero", 2),
        ("Magnitudes of kept weights before and after retraining: large_final-rewind-zero", 3),
    ):
        assert len(printed(output, title)) == 1 + rows, title
    assert "at most 3 points above the dense network's. Stable" in output


def test_the_table_of_lines_sums_up_what_is_stored(whole):
    results_dir, output = whole
    heads, *lines = printed(output, "Lines between successive levels: ")
    stored = [metrics for metrics in measured(results_dir, "line") if metrics["relation"] == "successive"]
    for level, cells in enumerate(lines):
        own = [metrics for metrics in stored if metrics["level"] == level]
        barriers = sorted(100 * metrics["error_barrier"] for metrics in own)
        assert cells[0] == f"{level}-{level + 1}"
        mean_and_range = f"{sum(barriers) / 2:.2f} [{barriers[0]:.2f}, {barriers[1]:.2f}]"
        assert cells[heads.index("error barrier")] in (mean_and_range, f"{barriers[0]:.2f}")
        rises = [max(row["error"] - (row["position"] * metrics["first_error"]
                                     + (1 - row["position"]) * metrics["second_error"]) for row in metrics["rows"])
                 for metrics in own]  # fmt: skip
        assert cells[heads.index("above the chord")].startswith(f"{100 * sum(rises) / 2:.2f}")
        first = sum(metrics["first_error"] <= metrics["dense_error"] + 0.03 for metrics in own)
        assert cells[heads.index("first matches")] == f"{first} of 2"
        stable = sum(barrier < 2 for barrier in barriers)
        assert cells[heads.index("stable")] == f"{stable} of 2"


def test_nothing_is_done_twice(whole, warm_command):
    results_dir, output = whole
    again = warm_command("runs.landscape", *ALL, f"--results_dir={results_dir}")
    assert (again.returncode, again.stdout) == (0, output)
    assert len(logged(again)) == 1, again.stderr
    strict = warm_command("runs.landscape", *ALL, "--stable_below=1e-9", f"--results_dir={results_dir}")
    assert len(logged(strict)) == 1, strict.stderr
    heads, *lines = printed(strict.stdout, "Lines between successive levels: ")
    assert {cells[heads.index("stable")] for cells in lines} <= {"0 of 2", "1 of 2"}
    assert "All weights are kept, about 0.01 GB" in again.stderr
    other = warm_command("runs.landscape", *ALL, "--matching_tolerance=0.001", f"--results_dir={results_dir}")
    lines = [line for line in other.stderr.splitlines() if line.startswith("seed")]
    assert lines
    assert all(" limit" in line for line in lines), "the tolerance is of account for the limits only"


def test_several_directions_and_copies(whole, warm_command, tmp_path):
    shutil.copytree(whole[0], tmp_path, dirs_exist_ok=True)
    more = ("--seeds=0", "--measure=robustness,instability", "--at=1", "--multiples=1", "--directions=2", "--copies=2",
            "--matching_tolerance=3", "--batch_norm_images=30")  # fmt: skip
    done = warm_command("runs.landscape", *SHORT, *more, f"--results_dir={tmp_path}")
    assert done.returncode == 0, done.stderr
    moved = [each for each in measured(tmp_path, "perturbation") if (each["seed"], each["multiple"]) == (0, 1)]
    assert [each["draw"] for each in moved] == [1, 2]
    assert moved[0]["distance"] == pytest.approx(moved[1]["distance"]) == pytest.approx(moved[0]["projection"])
    assert moved[0]["rows"] != moved[1]["rows"]
    lines = [each for each in measured(tmp_path, "line") if (each["seed"], each["relation"]) == (0, "reordered")]
    assert len(lines) == 3, "the level and two copies of it make three pairs"
    assert {each["settings"]["batch_norm_images"] for each in [*moved, *lines]} == {30}


def test_killed_and_resumed_it_ends_with_the_same_measurements(whole, warm_command, start, tmp_path):
    results_dir, _ = whole
    process = start(words("runs.landscape", *ALL, f"--results_dir={tmp_path}"))
    wait_for_file(tmp_path, "level-01-perturbation-1-1/checksums.json", process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not any(tmp_path.rglob("level-01-limit")), "it was not killed half-way"
    resumed = warm_command("runs.landscape", *ALL, f"--results_dir={tmp_path}")
    assert resumed.returncode == 0, resumed.stderr
    assert "seed 0 large_final-rewind-zero level-01 perturbed by 1, direction 1" not in resumed.stderr, "trained twice"
    for kind in ("line", "perturbation", "ray", "threshold", "histogram"):
        wanted = [metrics for metrics in measured(results_dir, kind) if metrics.get("relation") != "chosen"]
        assert measured(tmp_path, kind) == wanted, kind


def test_rewind_points_and_criteria_and_ways_to_prune(warm_command, tmp_path):
    arguments = (*SHORT, "--criterion=large_final,random", "--rewind_to=0,20", "--scope=global", "--levels=2",
                 f"--results_dir={tmp_path}")  # fmt: skip
    done = warm_command("runs.landscape", *arguments)
    assert done.returncode == 0, done.stderr
    for name in ("large_final", "random"):
        for end in ("", "-rewind20"):
            lines = printed(done.stdout, f"Lines between successive levels: {name}-rewind-zero-global{end}\n")
            assert [cells[0] for cells in lines] == ["0-1", "1-2"]
    stored = {(metrics["criterion"], metrics["rewind_to"]) for metrics in measured(tmp_path, "line")}
    assert stored == {(criterion, to) for criterion in ("large_final", "random") for to in (0, 20)}


def test_the_line_between_two_results(whole, warm_command):
    results_dir, _ = whole
    ends = [results_dir / "fc-digits" / "40" / f"seed-{seed}" / "dense" for seed in (0, 1)]
    between = f"--between={','.join(map(str, ends))}"
    done = warm_command("runs.landscape", between, "--points=5", "--split=validation")
    assert done.returncode == 0, done.stderr
    (_, cells) = printed(done.stdout, "The line between two results: ")
    assert cells[:2] == ["fc-digits/40/seed-0/dense", "fc-digits/40/seed-1/dense"]
    (metrics,) = [metrics for metrics in measured(results_dir, "line") if metrics["relation"] == "chosen"]
    assert (len(metrics["rows"]), metrics["settings"]["split"], metrics["criterion"]) == (5, "validation", "")
    assert f"{100 * metrics['error_barrier']:.2f}" in cells
    again = warm_command("runs.landscape", between, "--points=5", "--split=validation")
    assert (again.stdout, logged(again)) == (done.stdout, [])


def test_results_of_other_networks_and_data_sets_are_refused_at_once(light_command, tmp_path):
    """By what their folders say alone: no weights are read."""
    places = [made_up.write_results(tmp_path, panels=[panel], treatments=(), seeds=[0]) for panel in PANELS]
    dense = [place / f"{network}-{dataset}" / schedule / "seed-0" / "dense"
             for place, (network, dataset, schedule) in zip(places, PANELS, strict=True)]  # fmt: skip
    for other, message in ((1, "were trained on different data sets"), (2, "are different networks")):
        done = light_command("runs.landscape", f"--between={dense[0]},{dense[other]}")
        assert (done.returncode, message in done.stderr) == (2, True), done.stderr


PANELS = (("fc", "mnist", "600"), ("fc", "digits", "600"), ("conv2", "mnist", "600"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--measure=line"], "Unknown measure 'line'; did you mean 'lines'"),
        (["--measure="], "--measure is empty"),
        (["--measure=lines,lines"], "--measure gives 'lines' more than once"),
        (["--measure=limit", "--mask0=init"], "needs the mask-0 action 'zero'"),
        (["--measure=robustness", "--mask1=finetune"], "needs a rewind point"),
        (["--measure=robustness", "--levels=1"], "'robustness' needs more levels; --levels is 1"),
        (
            ["--measure=robustness", "--at=0"],
            "--at contains 0; with --levels=24, 'robustness' can be measured at levels 1 to 23",
        ),
        (["--measure=flatness", "--at=two"], "'two' is neither"),
        (
            ["--measure=flatness", "--at=25"],
            "--at contains 25; with --levels=24, 'flatness' can be measured at levels 0 to 24",
        ),
        (["--measure=flatness", "--at="], "--at is empty; it needs at least one value"),
        (["--measure=flatness", "--at=3,3"], "--at gives 3 more than once"),
        (["--at=3"], "--at does not apply to lines, magnitudes, which are measured at every level"),
        (["--measure=robustness", "--rounds=oneshot"], "needs iterative pruning"),
        (["--multiples=1,1.0"], "--multiples gives 1.0 more than once"),
        (["--measure=flatness", "--images=2000"], "--images is 2000; digits has 1200 training images"),
        (["--stable_below=0"], "--stable_below is 0.0; it must be above 0 points"),
        (["--points=1"], "points is 1; it must be at least 2"),
        (["--multiples=1,many"], "--multiples takes numbers; 'many' is not one"),
        (["--matching_tolerance=-1"], "tolerance is -0.01"),
        (["--levels=0"], "--levels takes a whole number of at least 1; '0' is not one."),
        (["--rewind_to=1000"], "rewind_to is 1000; it must be below the 1000 iterations"),
        (["--rewind_to=early"], "'early' is neither"),
        (["--criterion=randon"], "did you mean 'random'"),
        (["--criterion="], "--criterion is empty"),
        (["--rounds=oneshot", "--kept_fraction=half"], "--kept_fraction takes numbers; 'half' is not one"),
        (["--between=a"], "--between needs the folders of two results; 1 given"),
        (["--between=a,b", "--network=fc"], "leave out --network"),
        (["--between=a,b", "--criterion=random"], "leave out --criterion"),
        (["--between=lottery_tf,runs"], "is not a result in a results folder"),
        (["stray"], "'stray' is not a flag"),
    ],
)
def test_refused_flags_answer_before_tensorflow_is_imported(arguments, message, light_command):
    done = light_command("runs.landscape", *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
