"""Results as tables: every result is a row, and clear messages for folders that cannot be read."""

import dataclasses
import json
import shutil
from unittest import mock

import made_up
import numpy as np
import pandas as pd
import pytest
from small_folder import TREATMENTS, write_small_folder

from analysis.export import write_all
from analysis.results.columns import CSV_COLUMNS, FRAMES
from analysis.results.load import by_kind, load
from analysis.results.select import Panel, panel, panels
from lottery_tf.errors import InputError
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.results import store, stored_result, walk
from lottery_tf.results.stored_result import FINISHED


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_small_folder(tmp_path_factory.mktemp("made_up") / "results")


def test_every_level_is_a_row(folder):
    levels = load(folder).levels
    assert len(levels) == 2 * (3 * (1 + 2 * 3) - 1 - 1)  # one is missing, one follows a diverged one
    assert set(levels["treatment"]) == {"dense", *(treatment.name for treatment in TREATMENTS)}
    key = ["network", "treatment", "seed", "level"]
    measured = levels.set_index(key)["test_accuracy"].to_dict()
    for metrics in walk.finished(folder):
        name = "dense" if metrics["criterion"] == "dense" else f"{metrics['criterion']}-rewind-zero"
        found = measured.pop((metrics["network"], name, metrics["seed"], metrics["level"]))
        assert found == metrics["test_accuracy"] or (metrics["status"] == "diverged" and pd.isna(found))
    assert not measured


def test_what_diverged_has_no_measures(folder):
    levels = load(folder).levels
    diverged = levels[levels["status"] == "diverged"]
    assert set(zip(diverged["seed"], diverged["treatment"], diverged["level"], strict=True)) == {
        (1, "random-rewind-zero", 2)
    }
    measures = ["test_accuracy", "final_test_accuracy", "early_stop_iteration", "early_stop_val_loss"]
    assert diverged[measures].isna().all(axis=None)
    assert levels.loc[levels["status"] == "finished", measures].notna().all(axis=None)


def test_the_curve_of_a_mask_whose_learning_diverged_is_left_out(tmp_path):
    results = store.ResultsFolder(tmp_path / "learned_masks", {})
    for seed, status in enumerate((FINISHED, "diverged")):
        metrics = {"kind": "learned_mask", "status": status, "seed": seed, "rescale": False}
        results.write(f"seed-{seed}", stored_result.StoredResult({}, metrics, np.zeros((2, 5))))
    found = by_kind(tmp_path)
    assert [metrics["seed"] for metrics in found["learned_mask"]] == [0, 1]
    assert [metrics["seed"] for metrics in found["mask_history"]] == [0]


def write_level(folder, settings, seed, **labels):
    metrics = {
        "kind": "level",
        "status": FINISHED,
        "seed": seed,
        "criterion": "dense",
        "level": 0,
        "kept_fraction": 1.0,
        "parent": "",
        "fingerprint": "abc",
    }
    level = stored_result.StoredResult({}, metrics | {"mask1": "", "mask0": "", "scope": ""} | labels, np.zeros((1, 5)))
    store.ResultsFolder(folder, settings).write(f"seed-{seed}/dense", level)


def test_two_models_of_ones_own_are_two_networks(tmp_path):
    for name in ("mine", "other"):
        write_level(tmp_path / name, {"model": name}, 0)
    assert panels(load(tmp_path).levels) == [("mine", "", "", "float32"), ("other", "", "", "float32")]


def test_results_that_nothing_names_are_of_one_network(tmp_path, monkeypatch):
    write_level(tmp_path / "mine", {"model": "mine"}, 0)
    monkeypatch.chdir(tmp_path / "mine")
    assert panels(load(".").levels) == [("mine", "", "", "float32")]
    (tmp_path / "mine" / "settings.json").unlink()
    assert panels(load(".").levels) == [("", "", "", "float32")]


def test_runs_of_one_name_with_other_settings_are_not_mixed(tmp_path):
    run = {"network": "fc", "dataset": "mnist", "schedule": "tenth"}
    for seed, batch in enumerate((60, 500)):
        settings = {"training": {"batch_size": batch, "weight_decay": None}}
        write_level(tmp_path / f"batch{batch}" / "fc", run | settings, seed, **run)
    message = r"batch500/fc and batch60/fc hold .* their settings differ \(training.batch_size\)"
    for read in (load, by_kind):
        with pytest.raises(InputError, match=message):
            read(tmp_path)
    assert load(tmp_path / "batch60").levels["seed"].tolist() == [0]
    # Older settings do not say what was not to be chosen then.
    write_level(tmp_path / "batch60" / "old", run | {"training": {"batch_size": 60}}, 2, **run)
    assert load(tmp_path / "batch60").levels["seed"].tolist() == [0, 2]


def test_a_result_that_two_places_hold_is_named_with_both(tmp_path):
    run = {"network": "fc", "dataset": "mnist", "schedule": "tenth"}
    for place in ("a", "b"):
        write_level(tmp_path / place / "fc", run, 0, **run)
    with pytest.raises(
        InputError, match=r"more than once, in .*/a/fc/seed-0/dense and .*/b/fc/seed-0/dense: network fc"
    ):
        load(tmp_path)


@pytest.mark.slow
def test_any_folder_above_or_within_the_runs(folder):
    everything = load(folder)
    assert len(load(folder.parent).levels) == len(everything.levels)
    assert panels(everything.levels) == [("conv2", "cifar10", "paper", "float32"), ("fc", "mnist", "paper", "float32")]
    own = load(folder / "fc-mnist" / "paper")
    expected = panel(everything.levels, Panel("fc", "mnist", "paper", "float32")).reset_index(drop=True)
    pd.testing.assert_frame_equal(own.levels, expected)
    assert own.folders[0]["folder"] == "."
    assert set(load(folder / "fc-mnist" / "paper" / "seed-1").levels["seed"]) == {1}


def test_kinds_that_are_not_there_are_empty_tables(tmp_path):
    results = load(made_up.write_results(tmp_path, treatments=(), levels=1))
    assert len(results.levels) == 3
    for kind in list(CSV_COLUMNS)[1:]:
        frame = getattr(results, FRAMES[kind])
        assert len(frame) == 0
        assert set(CSV_COLUMNS[kind]) <= set(frame) <= {*CSV_COLUMNS[kind], "treatment"}


OTHERS = (
    Treatment(scope="global", rewind_to=500),
    Treatment(rounds="oneshot"),
    Treatment(rounds="oneshot", chosen_kept_fraction=0.2),
)


def test_treatments_are_called_what_their_folders_are(tmp_path):
    treatments = (*made_up.TREATMENTS, *OTHERS)
    made_up.write_results(tmp_path / "results", treatments=treatments, seeds=[0], levels=1)
    write_all(tmp_path / "results", tmp_path / "exported")
    folders = {path.name for path in (tmp_path / "results/fc-mnist/paper/seed-0").iterdir() if path.is_dir()}
    for place in ("results", "exported"):
        levels = load(tmp_path / place).levels
        assert set(levels["treatment"]) == folders == {"dense", *(treatment.name for treatment in treatments)}


def test_what_older_results_do_not_say_is_as_in_the_paper(tmp_path):
    new = ("scope", "rewind_to", "rounds", "chosen_kept_fraction")
    with mock.patch.object(store.files, "json_bytes", lambda value: json.dumps({
        name: entry for name, entry in value.items() if name not in new
    }).encode()):  # fmt: skip
        made_up.write_results(tmp_path, treatments=TREATMENTS, seeds=[0], levels=1)
    levels = load(tmp_path).levels
    assert set(levels["treatment"]) == {"dense", *(treatment.name for treatment in TREATMENTS)}


def test_folders_that_hold_no_results(tmp_path):
    with pytest.raises(InputError, match=r"There is no folder .*nowhere"):
        load(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"holds no finished results, and no exported CSV file \(levels.csv, sup"):
        load(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is a file, not a folder"):
        load(tmp_path / "file")


@pytest.mark.slow
def test_a_damaged_result_is_left_out(folder, tmp_path, caplog):
    shutil.copytree(folder / "fc-mnist", tmp_path / "fc-mnist")
    whole = len(load(tmp_path).levels)
    metrics = tmp_path / "fc-mnist/paper/seed-0/random-rewind-zero/level-03/metrics.json"
    metrics.write_text(metrics.read_text().replace('"level": 3', '"level": 2'))
    assert len(load(tmp_path).levels) == whole - 1
    assert "level-03/metrics.json is damaged" in caplog.text


def test_made_up_results_are_genuine(folder):
    level = folder / "fc-mnist/paper/seed-0/random-rewind-zero/level-03"
    settings = json.loads((folder / "fc-mnist/paper/settings.json").read_text())
    found = store.ResultsFolder(folder / "fc-mnist/paper", settings).read(
        str(level.relative_to(level.parents[2])), False
    )
    assert found.metrics["level"] == 3
    assert found.metrics["kept_fraction"] == pytest.approx(0.5128, abs=1e-4)
    assert len(found.history) == 2


def test_a_choice_of_networks_schedules_and_precisions(folder):
    results = load(folder)
    (first, second) = panels(results.levels)
    assert first.network != second.network and first.schedule == second.schedule
    some = results.only(network=[second.network])
    pd.testing.assert_frame_equal(some.levels, panel(results.levels, second))
    assert {*some.supermasks["network"], *some.controls["network"], *some.lines["network"]} == {second.network}
    both = results.only(network=[first.network, second.network], schedule=[first.schedule])
    pd.testing.assert_frame_equal(both.levels, results.levels)
    pd.testing.assert_frame_equal(both.learned_masks, results.learned_masks)  # these have no schedule
    with pytest.raises(InputError, match=f"Unknown network with results '{first.network}x'; did you mean"):
        results.only(network=[f"{first.network}x"])
    with pytest.raises(InputError, match="Unknown schedule with results 'tiny'"):
        results.only(schedule=["tiny"])
    half = results.levels["network"] == first.network
    mixed = dataclasses.replace(
        results, levels=results.levels.assign(precision=np.where(half, "mixed_bfloat16", "float32"))
    )
    assert {*mixed.only(precision=["mixed_bfloat16"]).levels["network"]} == {first.network}
    assert {*mixed.only(precision=["float32"]).levels["network"]} == {second.network}
    with pytest.raises(InputError, match="Unknown precision with results 'float16'"):
        mixed.only(precision=["float16"])
