"""Mutated files of every kind of result and of studies: reported as damaged by name, or read.

A behaviour of several modules: schemas, parsing, the analysis, and the status of studies.
"""

import json

import made_up
import numpy as np
import pytest

from analysis.results import load
from lottery_tf.errors import DamagedFile, InputError
from lottery_tf.results import metrics_schemas, parsing, paths, walk
from lottery_tf.seeds import generator
from lottery_tf.studies.planning import Request
from lottery_tf.studies.study_folder import StudyFolder
from lottery_tf.supermasks.mask_sources import MaskSource
from runs import status
from runs.display.progress import summary_of

HOSTILE = [
    None, True, False, 0, -1, 3, 10**30, 10**400, 1.5, -0.5, 1e308, "", "a", "0.5", "\0", "\ud800", "a" * 300, "../x",
    [], [1], [[]], ["a"], [None], {}, {"a": 1}, {"": None}, [{}], {"kind": 1}, "level", "finished", "NaN",
]  # fmt: skip
MUTATIONS = 40  # of each kind of file


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    """The metrics of a result of each kind, by the kind."""
    root = made_up.write_results(
        tmp_path_factory.mktemp("examples"), treatments=[made_up.TREATMENTS[0]], seeds=[0], levels=2,
        mask_sources=[MaskSource("oneshot", "movement")], learned=made_up.LEARNED[:1], controls=["reinit"],
        landscape=[made_up.TREATMENTS[0]],
    )  # fmt: skip
    found = {metrics["kind"]: metrics for metrics in walk.finished(root, kind=None)}
    assert found.keys() == metrics_schemas.METRICS_SCHEMAS.keys() - {"rewind"}
    return found


def places(value, path=()):
    """The path to every value within a JSON value."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in items:
        yield from places(each, (*path, key))


def mutated(value, rng):
    """A JSON value with one of its parts removed, or something else in its place."""
    value = json.loads(json.dumps(value))
    options = list(places(value))[1:]
    *before, last = options[rng.integers(len(options))]
    part = value
    for key in before:
        part = part[key]
    if rng.random() < 0.25:
        del part[last]
    else:
        part[last] = HOSTILE[rng.integers(len(HOSTILE))]
    return value


def read_as_readers_do(path, content):
    """What tables and summaries make of metrics that are accepted."""
    metrics = parsing.metrics(path, content)
    if metrics["kind"] in load.FRAMES:
        load._frame(metrics["kind"], load.flat([{"network": ""} | metrics]), path)
    if metrics["kind"] in ("level", "control", "supermask") and metrics.get("status", "finished") == "finished":
        summary_of({"seconds": 0.0, "test_accuracy": 0.0} | metrics)
    return metrics


@pytest.mark.slow
@pytest.mark.parametrize("kind", metrics_schemas.METRICS_SCHEMAS)
def test_mutated_metrics_are_damaged_or_read(kind, examples, tmp_path):
    example = examples.get(kind, examples["level"]) | {"kind": kind}
    path, refused = tmp_path / "metrics.json", 0
    assert read_as_readers_do(path, json.dumps(example).encode()) == example
    rng = generator(0, "mutations", kind)
    for _ in range(MUTATIONS):
        content = json.dumps(mutated(example, rng)).encode()
        try:
            read_as_readers_do(path, content)
        except DamagedFile as error:
            assert str(path) in str(error)
            refused += 1
    assert refused > MUTATIONS / 3


@pytest.mark.slow
def test_bytes_changed_anywhere_are_damaged_or_read(examples, tmp_path):
    rng, path = generator(0, "bytes"), tmp_path / "metrics.json"
    content = np.frombuffer(json.dumps(examples["line"]).encode(), np.uint8)
    for _ in range(10 * MUTATIONS):
        changed = content.copy()
        changed[rng.integers(content.size)] = rng.integers(256)
        try:
            read_as_readers_do(path, changed[: None if rng.random() < 0.9 else rng.integers(content.size)].tobytes())
        except DamagedFile as error:
            assert str(path) in str(error)


STATE = {
    "process": 3, "machine": "m", "began": "2026-01-01 00:00:00", "written": "2026-01-01 00:00:00", "stage": "at work",
    "counts": {"finished": 1, "left out": 0}, "steps_per_second": 1.5, "seconds_left": 3.0,
    "running": {"a": {"seconds": 1.0, "steps": 2, "of": 3}}, "failed": {"b": "Traceback\nValueError: no"},
}  # fmt: skip
STUDY = Request(("demo",), seeds=(0,), levels=2, schedule="100")


@pytest.fixture
def study(tmp_path):
    folder = StudyFolder.for_request(tmp_path, STUDY)
    folder.make()
    folder.write_state(STATE)
    return folder


def read_study(folder):
    """What `runs.status` says of a study."""
    return status.text(status.status(folder.path.parents[1], StudyFolder.open(folder.path)))


@pytest.mark.slow
@pytest.mark.parametrize("name", [paths.REQUEST, paths.STATE])
def test_mutated_files_of_a_study_stop_no_other(name, study, monkeypatch):
    monkeypatch.setattr(StudyFolder, "is_running", True)
    assert "2 of 3 steps" in read_study(study)
    rng, example, refused = generator(0, "study", name), json.loads((study.path / name).read_text()), 0
    for _ in range(3 * MUTATIONS):
        (study.path / name).write_text(json.dumps(mutated(example, rng)))
        try:
            read_study(study)
        except InputError:  # a request of something that this version does not have
            refused += 1
        except DamagedFile as error:
            assert str(study.path / name) in str(error)
            refused += 1
    assert refused > MUTATIONS


def test_a_run_whose_settings_are_damaged_is_read_all_the_same(tmp_path, caplog):
    root = made_up.write_results(tmp_path, treatments=[], seeds=[0])
    (settings,) = root.glob("*/*/settings.json")
    settings.write_text('{"training": []}')
    found = load.load(root)
    assert len(found.levels) == 1 and found.folders == []
    assert "training is []; it must be an object" in caplog.text
