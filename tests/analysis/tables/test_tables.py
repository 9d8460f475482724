"""Tables from the command line: written, printed, or refused."""

import made_up
import pandas as pd
import pytest

from analysis.export import write_all
from analysis.results.load import load
from analysis.results.select import Panel, panel
from analysis.statistics import figure_lines
from analysis.tables import catalogue
from lottery_tf.studies import paper

FC = Panel("fc", "mnist", "paper", "float32")


def test_the_command_writes_and_prints(command, light_command, folder, tmp_path):
    write_all(folder, tmp_path / "exported")
    done = command(
        "analysis.tables", f"--results_dir={tmp_path / 'exported'}", "--format=csv", f"--out={tmp_path / 'out'}"
    )
    assert done.returncode == 0, done.stderr
    names = {path.name for path in (tmp_path / "out").iterdir()}
    # They would repeat lines of figure3, or compare with a second precision.
    without_rows = {"figure4", "figure5", "supplement", "precision"}
    assert names == {f"{name}.csv" for name in {*catalogue.TABLES} - without_rows}
    rows = pd.read_csv(tmp_path / "out" / "figure3.csv")
    found = figure_lines.lines(panel(load(folder).levels, FC), paper.FIGURE_LINES["figure3"], "test_accuracy")
    own = rows[rows["measure"] == "test_accuracy"]
    assert own["mean"].tolist() == pytest.approx((100 * found["mean"]).tolist())
    assert own["star"].tolist() == found["star"].tolist()
    printed = light_command("analysis.tables", f"--results_dir={folder}", "--table=table1", "--test=permutation")
    assert printed.stdout.startswith("### Table 1")
    assert "79.3" in printed.stdout
    chosen = light_command("analysis.tables", f"--results_dir={folder}", "--table=table1", "--schedule=tiny")
    assert chosen.returncode == 2 and "Unknown schedule with results 'tiny'. Valid: paper." in chosen.stderr


@pytest.fixture(scope="module")
def dense_alone(tmp_path_factory):
    return made_up.write_results(tmp_path_factory.mktemp("dense") / "results", treatments=(), seeds=[0])


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--table=table2"], "Unknown table 'table2'; did you mean 'table1'"),
        (["--format=html"], "Unknown format 'html'"),
        (["--test=t"], "Unknown test 't'"),
        (["--correction=bonferroni"], "Unknown correction"),
        (["--significance=2"], "significance is 2.0"),
        (["--table=figure4", "--results_dir={folder}"], "holds no results for figure4"),
        (["--results_dir=nowhere"], "There is no folder nowhere"),
    ],
)
def test_the_command_refuses(light_command, dense_alone, flags, message):
    done = light_command("analysis.tables", *(flag.format(folder=dense_alone) for flag in flags))
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
