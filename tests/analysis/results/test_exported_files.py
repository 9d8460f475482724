"""Exported CSV files read again: the same results, beside runs and other files, and clear messages for bad ones.

A behaviour of two modules: `analysis.export` writes the files, `analysis.results.load` reads them.
"""

import csv
import shutil

import pandas as pd
import pytest
from small_folder import write_small_folder

from analysis.export import write_all
from analysis.results.columns import CSV_COLUMNS, CSV_NAMES, FRAMES
from analysis.results.load import load
from lottery_tf.errors import InputError


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_small_folder(tmp_path_factory.mktemp("made_up") / "results")


@pytest.fixture(scope="module")
def export_of_folder(folder, tmp_path_factory):
    exported = tmp_path_factory.mktemp("exported")
    write_all(folder, exported)
    return exported


@pytest.fixture
def exported(export_of_folder, tmp_path):
    """A copy, which a test may spoil."""
    return shutil.copytree(export_of_folder, tmp_path / "exported")


def test_exported_files_read_the_same(folder, exported):
    original, read = load(folder), load(exported)
    for name in FRAMES.values():
        pd.testing.assert_frame_equal(getattr(original, name), getattr(read, name), check_exact=True)
    assert len(original.supermasks) == 2 * 3 * (2 * 2 * 3 + 2)
    assert [found["folder"] for found in original.folders] == [
        "conv2-cifar10/learned_masks", "conv2-cifar10/paper", "fc-mnist/learned_masks", "fc-mnist/paper",
    ]  # fmt: skip
    assert original.folders[3]["training"]["iterations"] == 50_380
    assert read.folders == []


def test_a_criterion_that_cannot_be_imported_here_is_read(folder, exported):
    path = exported / "levels.csv"
    path.write_text(path.read_text().replace(",random,", ",elsewhere:mine,"))
    assert "elsewhere+mine-rewind-zero" in set(load(exported).levels["treatment"])


@pytest.mark.slow
def test_a_result_that_is_there_twice_is_refused(folder, exported, tmp_path):
    shutil.copytree(folder / "fc-mnist/paper", tmp_path / "twice" / "first")
    shutil.copytree(folder / "fc-mnist/paper", tmp_path / "twice" / "second")
    with pytest.raises(
        InputError,
        match="holds a level more than once, in .*/first/.* and .*/second/.*: "
        "network fc, .* seed 0, criterion dense, .* level 0",
    ):
        load(tmp_path / "twice")
    path = exported / "learned_masks.csv"
    path.write_text(path.read_text() + path.read_text().splitlines()[-1] + "\n")
    with pytest.raises(InputError, match="holds a learned mask more than once"):
        load(exported)


@pytest.mark.slow
def test_runs_and_exports_below_a_folder_are_read_together(folder, exported, tmp_path):
    """As where more is trained in a folder of published CSV files: nothing of either is hidden."""
    whole, other = load(exported), exported / "levels.csv"
    shutil.copytree(exported, tmp_path / "all" / "first")
    second = tmp_path / "all" / "deeper" / "second"
    second.mkdir(parents=True)
    (second / "levels.csv").write_text(other.read_text().replace(",paper,", ",half,"))
    found = load(tmp_path / "all")
    assert len(found.levels) == 2 * len(whole.levels) and set(found.levels["schedule"]) == {"paper", "half"}
    assert len(found.learned_masks) == len(whole.learned_masks) and len(found.exports) == len(whole.exports) + 1
    shutil.copytree(folder / "fc-mnist", tmp_path / "all" / "fc-mnist")
    both = load(tmp_path / "all")
    assert len(both.levels) == len(found.levels) and both.folders, "what is there twice counts once"
    (second / "levels.csv").write_text(other.read_text().replace(",finished", ",diverged", 1))
    with pytest.raises(
        InputError, match=r"holds a level more than once, in .*/second/levels.csv and .*/first/levels.csv"
    ):
        load(tmp_path / "all")


def test_tables_below_a_results_folder_are_no_exports(folder, tmp_path, caplog):
    """`analysis.tables --table=learned_masks --format=csv` writes a file of the same name."""
    shutil.copytree(folder / "fc-mnist", tmp_path / "fc-mnist")
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "learned_masks.csv").write_text("network,dataset,n\nfc,mnist,3\n")
    assert load(tmp_path).exports == [] and "learned_masks.csv is left out" in caplog.text


@pytest.mark.parametrize("kind", CSV_COLUMNS)
def test_a_column_that_is_not_there_is_named(exported, kind):
    path = exported / CSV_NAMES[kind]
    with open(path, newline="") as file:
        rows = list(csv.reader(file))
    name = "test_accuracy" if "test_accuracy" in rows[0] else CSV_COLUMNS[kind][-1]
    place = rows[0].index(name)
    path.write_text("".join(",".join(row[:place] + row[place + 1 :]) + "\n" for row in rows))
    with pytest.raises(InputError, match=rf"{path.name} lacks the columns {name}"):
        load(exported)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda content: content[: -len(b",finished\n")], "more or fewer values than there are columns"),
        (lambda content: b"\x89PNG\r\n\x1a\n\xff\xfe" + content, "cannot be read as a CSV file"),
        (lambda content: b"", "levels.csv lacks the columns network, dataset"),
        (lambda content: content.replace(b",large_final,", b",large_final,extra,", 1), "row .* more or fewer values"),
        (lambda content: content.replace(b",0,dense,", b",one,dense,", 1), "'one' is not a valid value for .* 'seed'"),
        (lambda content: content.replace(b",1.0,", b",all,", 1), "'all' is not a valid value for .* 'kept_fraction'"),
        (lambda content: content.replace(b",1.0,", b",9.0,", 1), "'9.0' is not a valid value for .* 'kept_fraction'"),
        (lambda content: content.replace(b",0,dense,", b",-1,dense,", 1), "'-1' is not a valid value for .* 'seed'"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_export_is_named(exported, spoil, message):
    path = exported / "levels.csv"
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(InputError, match=message):
        load(exported)
