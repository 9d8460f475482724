"""Half precision from the command line to the tables; results of two precisions are kept apart.

A behaviour of several modules: the commands that train, measure, export and make tables.
"""

import csv
import json

import pytest

HALF = "mixed_bfloat16"
TINY = ("--iterations=6", "--eval_interval=3", "--levels=1")


def test_two_precisions_share_a_folder_of_results_and_no_line(warm_command, tmp_path):
    for more in ((), (f"--precision={HALF}",)):
        for command, flags in (("lottery", TINY), ("supermask", TINY), ("landscape", (*TINY, "--points=2"))):
            done = warm_command(f"runs.{command}", *flags, *more, f"--results_dir={tmp_path / 'results'}")
            assert done.returncode == 0, done.stderr
    runs = tmp_path / "results" / "fc-digits"
    stored = {path.parent.name: json.loads(path.read_text()) for path in runs.glob("*/settings.json")}
    assert {name: own["training"]["precision"] for name, own in stored.items()} == {
        "6": "float32",
        f"6-{HALF}": HALF,
    }
    dense = json.loads((runs / f"6-{HALF}" / "seed-0" / "dense" / "metrics.json").read_text())
    assert (dense["precision"], dense["schedule"], dense["overflow"]) == (HALF, "6", False)
    done = warm_command(
        "analysis.export", f"--results_dir={tmp_path / 'results'}", "--kind=all", f"--out={tmp_path / 'out'}"
    )
    assert done.returncode == 0, done.stderr
    for name in ("levels", "supermasks", "lines"):
        with open(tmp_path / "out" / f"{name}.csv", newline="") as file:
            assert {row["precision"] for row in csv.DictReader(file)} == {"float32", HALF}, name
    for root in ("results", "out"):
        done = warm_command("analysis.tables", "--table=figure3", f"--results_dir={tmp_path / root}")
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("Mask criteria") == 4 and done.stdout.count(HALF) == 2, "two metrics for each"


def test_an_export_made_before_there_was_a_precision_is_float32(warm_command, tmp_path):
    warm_command("runs.lottery", *TINY, f"--results_dir={tmp_path / 'results'}")
    warm_command("analysis.export", f"--results_dir={tmp_path / 'results'}", f"--out={tmp_path / 'levels.csv'}")
    with open(tmp_path / "levels.csv", newline="") as file:
        rows = [{name: value for name, value in row.items() if name != "precision"} for row in csv.DictReader(file)]
    (tmp_path / "old").mkdir()
    with open(tmp_path / "old" / "levels.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    tables = [
        warm_command("analysis.tables", "--table=figure3", f"--results_dir={tmp_path / root}").stdout
        for root in ("results", "old")
    ]
    assert tables[0] == tables[1] != ""


@pytest.mark.parametrize("command", ["lottery", "learn_mask", "supermask", "landscape", "study"])
def test_an_unknown_precision_is_refused_with_the_valid_ones(command, light_command):
    words = ["--study=trial"] if command == "study" else []
    done = light_command(f"runs.{command}", *words, "--precision=bfloat16")
    assert done.returncode == 2
    assert "did you mean 'mixed_bfloat16'" in done.stderr and "mixed_float16" in done.stderr


@pytest.mark.parametrize("flag", ["--precision=2", "--limit_precision=2"])
def test_the_search_for_limits_takes_its_precision_by_the_old_name_too(flag, light_command):
    done = light_command("runs.landscape", flag)
    assert done.returncode == 2
    assert "precision is 2.0; it must lie between 0 and 1" in done.stderr
    note = "--precision=NUMBER is now called --limit_precision.\n"
    assert done.stderr.startswith(note) == (note in done.stderr) == flag.startswith("--precision")
