"""Tables from the command line: written, printed, or refused."""

import csv
from statistics import fmean

import made_up
import pandas as pd
import pytest

from analysis.export import write_all
from analysis.results.load import load
from analysis.results.select import Panel, panel
from analysis.statistics import figure_lines
from analysis.tables import catalogue
from lottery_tf.results.walk import finished
from lottery_tf.studies import paper

FC = Panel("fc", "mnist", "paper", "float32")


def test_the_command_writes_and_prints(command, light_command, folder, tmp_path):
    write_all(folder, tmp_path / "exported")
    done = command(
        "analysis.tables", f"--results_dir={tmp_path / 'exported'}", "--format=csv", f"--out={tmp_path / 'out'}"
    )
    assert done.returncode == 0, done.stderr
    names = {path.name for path in (tmp_path / "out").iterdir()}
    # They would repeat lines of figure3, if they have any, or compare with a second precision.
    without_rows = {*paper.FIGURE_LINES} - {"figure3"} | {"precision"}
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


def test_the_table_of_tickets_has_chosen_shares_and_their_controls(warm_command, light_command, tmp_path):
    """Each number is the mean over seeds of each seed's mean over draws."""
    shared = ("--iterations=20", "--eval_interval=10", "--seeds=0,1", f"--results_dir={tmp_path}")
    ways = ("--rounds=oneshot", "--kept_fraction=0.2,0.05", "--controls=reinit,random", "--control_draws=2")
    done = warm_command("runs.lottery", *shared, *ways)
    assert done.returncode == 0, done.stderr
    runs = {}
    for kind in ("level", "control"):
        for metrics in finished(tmp_path, kind):
            place = (metrics.get("control"), metrics["chosen_kept_fraction"])
            runs.setdefault(place, {}).setdefault(metrics["seed"], []).append(100 * metrics["test_accuracy"])
    told = light_command("analysis.tables", f"--results_dir={tmp_path}", "--table=lottery", "--format=csv")
    assert told.returncode == 0, told.stderr
    rows = [row for row in csv.DictReader(told.stdout.splitlines()) if row["measure"] == "test_accuracy"]
    names = {None: "winning ticket, one-shot", "reinit": "ticket reinitialized", "random": "random ticket"}
    wanted = {(line, kept): runs[control, kept] for control, line in names.items() for kept in (0.2, 0.05)}
    wanted |= {(line, 1.0): runs[None, None] for line in names.values()}
    found = {(row["line"], round(float(row["kept_percent"]) / 100, 2)): float(row["mean"]) for row in rows}
    assert found == {key: pytest.approx(fmean(map(fmean, seeds.values()))) for key, seeds in wanted.items()}
    assert {row["treatment"] for row in rows} == {"large_final-rewind-zero-oneshot"}
    page = light_command("analysis.tables", f"--results_dir={tmp_path}", "--table=lottery").stdout
    assert "5.00" in page and "20.00" in page and "level" not in page.partition("|")[2].partition("\n")[0]
