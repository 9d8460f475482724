"""The other JSON files of a results folder: what their entries may be."""

import json

import pytest

from lottery_tf.argument_checks.annotation_checks import check_mapping
from lottery_tf.errors import DamagedFile, InputError
from lottery_tf.results import result_files, schemas
from lottery_tf.results.schemas import RequestFile, Settings, State

SUM = "0" * 64


@pytest.mark.parametrize(
    "sums",
    [
        {"a/b": SUM}, {"..": SUM}, {".": SUM}, {"": SUM}, {"a" * 300: SUM}, {"\0": SUM}, {"\ud800": SUM}, {"a\nb": SUM},
        {"mask.npz": SUM[1:]}, {"mask.npz": SUM.replace("0", "g")}, {"mask.npz": None}, {"mask.npz": [SUM]},
    ],
)  # fmt: skip
def test_checksums_of_no_files(sums, tmp_path):
    (tmp_path / "level").mkdir()
    (tmp_path / "level" / "checksums.json").write_text(json.dumps(sums))
    with pytest.raises(DamagedFile, match="checksums.json is damaged"):
        result_files.read_metrics(tmp_path / "level")


def test_checksums_of_any_file_in_a_folder_are_welcome():
    schemas.check_checksums({})
    schemas.check_checksums({".hidden": SUM, "...": SUM, "é ü.npz": "0123456789abcdef" * 4, "a" * 255: SUM})
    for odd in ([SUM], {1: SUM}, {"a\\b": 64 * "A"}):
        with pytest.raises(InputError):
            schemas.check_checksums(odd)


RUNNING = {"seconds": 1.0, "steps": 2, "of": 3}


@pytest.mark.parametrize(
    ("schema", "values", "message"),
    [
        (Settings, {"training": []}, "training is .*; it must be an object"),
        (Settings, {"network": None}, "network is None; it must be text"),
        (Settings, {"dropout": "0.5"}, "dropout is '0.5'; it must be a number"),
        (Settings, {"eval_interval": -1}, "eval_interval is -1; it must be at least 0"),
        (RequestFile, {}, "studies is missing"),
        (RequestFile, {"studies": "demo"}, "studies is 'demo'; it must be a list"),
        (RequestFile, {"studies": ["demo", 3]}, r"studies\[1\] is 3; it must be text"),
        (State, {"process": 1.5}, "process is 1.5; it must be a whole number"),
        (State, {"counts": {"finished": -1}}, r"counts\['finished'\] is -1; it must be at least 0"),
        (State, {"running": {"a": RUNNING, "b": {"steps": 2, "of": 3}}}, r"running\['b'\].seconds is missing"),
        (State, {"failed": {"a": None}}, r"failed\['a'\] is None; it must be text"),
    ],
)
def test_entries_that_cannot_be_are_refused(schema, values, message):
    with pytest.raises(InputError, match=message):
        check_mapping(schema, values)


def test_entries_may_be_missing_or_of_another_version():
    check_mapping(Settings, {"mine": [1]})
    check_mapping(Settings, {"network": "fc", "dropout": None, "training": {"iterations": 3}, "eval_interval": 0})
    check_mapping(RequestFile, {"studies": ["demo"], "levels": "three"})
    check_mapping(State, {})
    check_mapping(State, {"running": {"a": RUNNING | {"more": 1}}, "failed": {}, "process": 0})
