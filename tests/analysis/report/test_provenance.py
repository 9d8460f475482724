"""How results were made: the recorded times, machines, commands and settings."""

import made_up
import pytest

from analysis.report import provenance
from analysis.results import load
from lottery_tf.results import files, paths, result_files

pytestmark = pytest.mark.slow


def test_times_machines_and_commands_are_what_the_trainings_recorded(root, read):
    made = provenance.trainings(root)
    trained, levels = made.times.set_index("schedule"), len(load.load(root).levels)
    assert trained.loc["paper", "trainings"] == levels
    assert trained.loc["paper", "mean seconds"] == "1.5"
    recorded = {"packages": "numpy 2", "machine": "a machine", "threads": "2"}
    not_recorded = dict.fromkeys(("compiler", "commit"), "not recorded")
    of_levels, of_masks = sorted(made.origins.to_dict("records"), key=lambda row: row["packages"], reverse=True)
    assert of_levels == recorded | not_recorded | {"trainings": levels}
    assert {*of_masks.values()} == {"not recorded", len(load.load(root).learned_masks)}
    assert made.commands == {made_up.COMMAND: levels}
    text = " ".join("".join(read.text).split())
    assert f"Commands of the trainings: 1 {made_up.COMMAND}" in text and "a machine" in text


def test_results_that_do_not_say_of_which_network_they_are_have_times_too(tmp_path):
    """Those of a model of one's own, whose `ResultsFolder` has no labels."""
    path = tmp_path / "seed-0" / "dense"
    own = {"seed": 0, "level": 0, "kept_fraction": 1.0, "status": "finished", "parent": "", "fingerprint": "abc"}
    metrics = files.json_bytes({"kind": "level", "seconds": 2.0} | own)
    result_files.write_files(
        path, {"metrics.json": metrics, paths.CHECKSUMS: files.json_bytes({"metrics.json": files.sha256(metrics)})}
    )
    (tmp_path / "settings.json").write_text("{}")
    made = provenance.trainings(tmp_path)
    name = tmp_path.name
    assert made.times.to_dict("records") == [
        {"network": name, "dataset": "", "schedule": "", "precision": "float32", "trainings": 1,
         "total hours": "0.00", "mean seconds": "2.0"}
    ]  # fmt: skip
    assert {*made.origins.iloc[0][:-1]} == {"not recorded"} and not made.commands


def test_each_figure_has_the_settings_of_its_own_runs(root):
    found = load.load(root)
    assert set(provenance.settings_table(found)) == {"setting", "fc-mnist/paper", "fc-mnist/learned_masks"}
    own = provenance.settings_table(found, [("fc", "mnist", "paper", "float32")]).set_index("setting")
    assert list(own) == ["fc-mnist/paper"] and own.loc["training.learning_rate", "fc-mnist/paper"] == 1.2e-3
    learned = provenance.settings_table(found, [("fc", "mnist", None, "float32")])
    assert list(learned) == ["setting", "fc-mnist/learned_masks"]
    assert not len(provenance.settings_table(found, [("fc", "mnist", "half", "float32")]))
