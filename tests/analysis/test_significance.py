"""The numbers behind the stars: the same tests, the same stars, and what so few runs cannot show."""

import made_up
import pytest

from analysis.results.load import load
from analysis.results.select import Panel, panel
from analysis.significance import behind_stars, limits, text
from analysis.statistics import significance_tests
from analysis.statistics.figure_lines import lines
from analysis.statistics.stars import StarRule
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.studies import paper

FC = Panel("fc", "mnist", "paper", "float32")
FIGURE = paper.FIGURE_LINES["figure5"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return made_up.write_results(
        tmp_path_factory.mktemp("significance") / "results",
        treatments=FIGURE.lines.values(),
        seeds=paper.SEEDS,
        levels=3,
        missing=[(0, Treatment(mask0="init").name, level) for level in (2, 3)],
    )


@pytest.fixture(scope="module")
def levels(folder):
    return panel(load(folder).levels, FC)


@pytest.mark.parametrize("test", significance_tests.TESTS)
@pytest.mark.parametrize("measure", ["test_accuracy", "early_stop_iteration"])
def test_the_p_values_are_those_of_the_stars(levels, test, measure):
    found = behind_stars(levels, FIGURE, measure, StarRule(test))
    stars = lines(levels, FIGURE, measure, StarRule(test)).set_index(["line", "level"])["star"]
    means = lines(levels, FIGURE, measure, StarRule(test)).set_index(["line", "level"])["mean"]
    assert len(found) == 3 * 2
    for (level, line), rows in found.groupby(["level", "line"]):
        assert rows["star"].iloc[0] == stars[line, level] == (rows["corrected_p_value"] <= 0.05).all()
        assert set(rows["against"]) | {line} == set(FIGURE.lines)
        assert rows["n_against"].tolist() == [
            4 if other == "init" and level > 1 else 5 for other in rows["against"]
        ] or (test in ("paired", "wilcoxon"))
        for row in rows.itertuples():
            if test not in ("paired", "wilcoxon"):  # those leave the run without a partner out
                assert row.difference == pytest.approx(means[line, level] - means[row.against, level])


def test_the_correction_is_beside_the_plain_p_value(levels):
    found = behind_stars(levels, FIGURE, "test_accuracy", StarRule(correction="holm"))
    assert (found["corrected_p_value"] > found["p_value"]).all()
    plain = behind_stars(levels, FIGURE, "test_accuracy")
    assert (plain["corrected_p_value"] == plain["p_value"]).all()


def test_the_text_has_a_block_a_level(levels):
    found = behind_stars(levels, FIGURE, "test_accuracy")
    blocks = text(found, "test_accuracy").split("\n\n")
    assert [block.split(",")[0] for block in blocks] == ["level 1", "level 2", "level 3"]
    first = found.iloc[0]
    assert f"80.04% kept: {first.line}" in blocks[0]
    assert f"{100 * first.difference:+.2f}" in blocks[0]
    assert f"[{100 * first.low:+.2f}, {100 * first.high:+.2f}]" in blocks[0]
    assert "5, 4" in blocks[1]


def test_a_single_run_is_not_compared(tmp_path):
    levels = load(made_up.write_results(tmp_path, treatments=FIGURE.lines.values(), seeds=[0], levels=1)).levels
    found = behind_stars(levels, FIGURE, "test_accuracy")
    assert not found["star"].any()
    assert "Welch's t-test needs 2 runs of each line" in text(found, "test_accuracy")


def test_what_five_runs_can_show():
    rows = {line.strip().split("  ")[0]: line for line in limits(5, 9).splitlines()}
    assert "0.0312" in rows["Wilcoxon's signed-rank test, exact"]
    assert rows["Wilcoxon's signed-rank test, exact"].endswith("out of reach")  # with 72 comparisons to correct for
    permutation = rows["exact permutation test of the difference of means, unpaired"]
    assert "0.0040  " in permutation and "within reach  out of reach" in permutation
    assert "any above 0" in rows["Welch's t-test"]
    assert "at least 1.18 standard deviations is significant" in limits(5, 9)
    assert "1.72 standard deviations is found in 80% of studies" in limits(5, 9)


@pytest.mark.parametrize(("runs", "words"), [(1, "A single run has no variance"), (3, "0.0500")])
def test_what_fewer_runs_can_show(runs, words):
    assert words in limits(runs, 3)


def test_with_two_lines_holm_corrects_for_one_direction_only():
    assert limits(5, 2).count("out of reach") == 0


def test_the_command(command, folder):
    given = [f"--results_dir={folder}", "--figure=figure5", "--metric=early_stop_iteration", "--correction=holm"]
    done = command("analysis.significance", *given)
    assert done.returncode == 0, done.stderr
    assert "Mask-0 actions: early-stopping iteration; fc, mnist, schedule paper" in done.stdout
    assert "the line's mean is below the other's" in done.stdout
    assert "What 5 runs of each line can show" in done.stdout


def test_the_former_name_of_the_metric_is_taken_too(light_command, folder):
    words = ("analysis.significance", f"--results_dir={folder}", "--figure=figure5")
    now, before = (light_command(*words, f"--{name}=early_stop_iteration") for name in ("metric", "measure"))
    assert (before.returncode, before.stdout) == (0, now.stdout) != (0, light_command(*words).stdout)
    assert before.stderr == f"--measure is now called --metric.\n{now.stderr}"


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--figure=figure6"], "Unknown figure 'figure6'"),
        (["--metric=accuracy"], "Unknown metric 'accuracy'"),
        (["--figure=figure4"], "holds no two lines of figure4 at the same level"),
    ],
)
def test_the_command_refuses(light_command, folder, flags, message):
    done = light_command("analysis.significance", f"--results_dir={folder}", *flags)
    assert done.returncode == 2
    assert message in done.stderr
