"""The CSV file of every kind of result: the same bytes from the same results, and files that already exist."""

import csv

import made_up
import pandas as pd
import pytest

from analysis.export import TIMED, write_all, write_csv
from analysis.results.columns import CSV_COLUMNS, CSV_NAMES
from analysis.results.load import by_kind, load
from analysis.tables.formats import to_csv
from lottery_tf.errors import InputError
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.studies import paper


def read(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("kind", CSV_COLUMNS)
def test_a_row_for_each_result(kind, tmp_path):
    metrics = {column: f"{column} here" for column in CSV_COLUMNS[kind]} | {"versions": {}, "test_accuracy": None}
    assert write_csv([metrics, metrics], tmp_path / "out.csv", kind) == 2
    expected = {column: "" if column == "test_accuracy" else f"{column} here" for column in CSV_COLUMNS[kind]}
    assert read(tmp_path / "out.csv") == [expected] * 2


def test_a_line_for_each_row_of_supermasks(tmp_path):
    mask_source = {"seed": 3, "rows": [{"level": 1, "test_accuracy": 0.5}, {"level": 2, "test_accuracy": 0.25}]}
    assert write_csv([mask_source], tmp_path / "out.csv", "supermask") == 2
    assert [(row["seed"], row["level"], row["test_accuracy"]) for row in read(tmp_path / "out.csv")] == [
        ("3", "1", "0.5"), ("3", "2", "0.25"),
    ]  # fmt: skip


@pytest.mark.parametrize("kind", CSV_COLUMNS)
def test_times_are_told_where_they_are_asked_for(kind, tmp_path):
    metrics = {column: 1 for column in CSV_COLUMNS[kind]} | {"seconds": 7.5}
    write_csv([metrics], tmp_path / "plain.csv", kind)
    write_csv([metrics], tmp_path / "timed.csv", kind, times=True)
    assert "seconds" not in read(tmp_path / "plain.csv")[0]
    assert read(tmp_path / "timed.csv")[0].get("seconds") == ("7.5" if kind in TIMED else None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return made_up.write_results(
        tmp_path_factory.mktemp("export") / "results",
        treatments=(Treatment(), Treatment("random")),
        mask_sources=paper.HEURISTIC_MASK_SOURCES[:1],
        learned=made_up.LEARNED[:1],
        controls=("reinit",),
        landscape=(Treatment(),),
        diverged=[(0, "random-rewind-zero", 2)],
    )


def test_all_kinds_are_the_files_of_each(folder, tmp_path, command, light_command):
    done = command("analysis.export", f"--results_dir={folder}", "--kind=all", f"--out={tmp_path / 'new' / 'all'}")
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (tmp_path / "new" / "all").iterdir()} == set(CSV_NAMES.values())
    for kind, name in CSV_NAMES.items():
        assert light_command(
            "analysis.export", f"--results_dir={folder}", f"--kind={kind}", f"--out={tmp_path / name}"
        ).returncode == 0  # fmt: skip
        assert (tmp_path / name).read_bytes() == (tmp_path / "new" / "all" / name).read_bytes()
    assert len(read(tmp_path / "levels.csv")) == 3 * 7 - 1


@pytest.mark.slow
def test_the_order_in_which_results_came_does_not_show(folder, tmp_path):
    """As where a study is interrupted, or shared by several processes: other times, other order on the disk."""
    made_up.write_results(
        tmp_path / "results",
        treatments=(Treatment("random"), Treatment()),
        seeds=(2, 0, 1),
        mask_sources=paper.HEURISTIC_MASK_SOURCES[:1],
        learned=made_up.LEARNED[:1],
        controls=("reinit",),
        landscape=(Treatment(),),
        diverged=[(0, "random-rewind-zero", 2)],
        seconds=99.0,
    )
    first, second = (write_all(root, tmp_path / name) for root, name in ((folder, "a"), (tmp_path / "results", "b")))
    assert list(first.values()) == list(second.values())
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()
    write_all(folder, tmp_path / "a", times=True)
    write_all(tmp_path / "results", tmp_path / "b", times=True)
    assert (tmp_path / "a" / "levels.csv").read_bytes() != (tmp_path / "b" / "levels.csv").read_bytes()


def test_only_kinds_that_are_there_are_written(tmp_path):
    made_up.write_results(tmp_path / "results", treatments=(), seeds=[0])
    assert list(write_all(tmp_path / "results", tmp_path / "out").values()) == [1]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["levels.csv"]


def test_times_by_command(folder, light_command, tmp_path):
    for times, last in (("--times", "seconds"), ("--notimes", "status")):
        done = light_command("analysis.export", f"--results_dir={folder}", times, f"--out={tmp_path / 'out.csv'}")
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "out.csv").read_text().splitlines()[0].split(",")[-1] == last


def test_files_of_other_results_are_not_mixed_in(folder, tmp_path):
    write_all(folder, tmp_path / "out")
    before = (tmp_path / "out" / "levels.csv").read_bytes()
    made_up.write_results(tmp_path / "results", treatments=(), seeds=[0])
    with pytest.raises(InputError, match=r"out holds supermasks.csv, but .*results has no results of this kind"):
        write_all(tmp_path / "results", tmp_path / "out")
    assert (tmp_path / "out" / "levels.csv").read_bytes() == before


def test_nothing_and_nowhere_to_write(folder, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="There is no result in .*empty to export"):
        write_all(tmp_path / "empty", tmp_path / "out")
    (tmp_path / "file").write_text("precious")
    with pytest.raises(InputError, match="file is a file; --kind=all needs a folder"):
        write_all(folder, tmp_path / "file")
    with pytest.raises(InputError, match="There is no results folder"):
        write_all(tmp_path / "nowhere", tmp_path / "out")
    with pytest.raises(InputError, match="empty is a folder; a single kind of result is exported to a file"):
        write_csv([{}], tmp_path / "empty")
    assert not (tmp_path / "out").exists()
    assert (tmp_path / "file").read_text() == "precious"


def test_a_file_that_is_there_survives_an_empty_export(tmp_path):
    (tmp_path / "out.csv").write_text("precious")
    with pytest.raises(InputError, match="no result of the kind 'level' to export"):
        write_csv([], tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == "precious"
    write_csv([{"seed": 0}], tmp_path / "new" / "folder" / "out.csv")
    assert (tmp_path / "new" / "folder" / "out.csv").exists()


FORMULAS = ("=cmd|' /C calc'!A0", "+1+cmd()", "-2+3", "@SUM(A1)", "\t=a", "'=quoted", "''-twice")


@pytest.mark.slow
def test_a_spreadsheet_runs_no_text_and_reading_gives_it_back(folder, tmp_path):
    """The names of networks and criteria are a user's; numbers, negative ones too, stay numbers."""
    rows = [each | {"network": name} for name in (*FORMULAS, "'plain'") for each in by_kind(folder)["level"][:1]]
    (tmp_path / "out").mkdir()
    write_csv(rows, tmp_path / "out" / "levels.csv")
    cells = [row["network"] for row in read(tmp_path / "out" / "levels.csv")]
    assert cells == [f"'{name}" for name in FORMULAS] + ["'plain'"]
    assert set(load(tmp_path / "out").levels["network"]) == {*FORMULAS, "'plain'"}
    table = pd.DataFrame({"line": ["=cmd()", "-5.0"], "mean": [-1.5, float("nan")], "n": [-3, 2]})
    assert to_csv(table) == "line,mean,n\n'=cmd(),-1.5,-3\n-5.0,,2\n"


def test_an_empty_results_folder_cannot_be_exported(light_command, tmp_path):
    assert (
        "There is no result of the kind 'level' to export"
        in light_command("analysis.export", f"--results_dir={tmp_path}", f"--out={tmp_path}/r.csv").stderr
    )
    assert not (tmp_path / "r.csv").exists()
    unknown = light_command("analysis.export", f"--results_dir={tmp_path}", "--kind=levels")
    assert "Unknown kind of result 'levels'; did you mean 'level'" in unknown.stderr
    missing = light_command("analysis.export", f"--results_dir={tmp_path}/none")
    assert missing.returncode == 2
    assert "There is no results folder" in missing.stderr
