"""Files of a results folder whose checksums match and whose content is malformed: each is damaged, by its name."""

import io
import json
import os
import zipfile

import made_up
import numpy as np
import pytest

from analysis.results import load
from lottery_tf.errors import DamagedFile, InputError
from lottery_tf.pruning import masks
from lottery_tf.results import files, metrics_schemas, parsing, paths, result_files, walk
from lottery_tf.results.store import ResultsFolder
from lottery_tf.results.stored_result import HISTORY_COLUMNS, StoredResult
from lottery_tf.seeds import generator
from lottery_tf.studies.planning import Request
from lottery_tf.studies.study_folder import StudyFolder
from lottery_tf.supermasks.mask_sources import MaskSource
from lottery_tf.training.checkpoint import Checkpoint
from runs import status
from runs.progress import summary_of

NO_TEXT = "it must not contain NUL characters or unpaired surrogates"
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
        ladders=[MaskSource("oneshot", "movement")], learned=made_up.LEARNED[:1], controls=["reinit"],
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


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Expecting value"),
        ("[]", "it holds no JSON object"),
        ("null", "it holds no JSON object"),
        ("{}", "kind is missing"),
        ('{"kind": 3}', "kind is 3; it must be text"),
        ('{"kind": "level", "seed": "0"}', "is missing"),
        ('{"kind": "mine", "loss": NaN}', "NaN is not a JSON number"),
        ('{"kind": "mine", "loss": -Infinity}', "-Infinity is not a JSON number"),
        ('{"kind": "mine", "loss": 1e999}', "a number is not finite"),
        ('{"kind": "mine", "loss": ' + "9" * 5000 + "}", "Exceeds the limit"),
        ('{"kind": "mine", "loss": ' + "9" * 4000 + "}", "is too large"),
        ('{"kind": "mine", "loss": ' + "[" * 100_000 + "]" * 100_000 + "}", "nested too deeply"),
        ('{"kind": "mine", "loss": ' + "[" * 200 + "]" * 200 + "}", "nested too deeply"),
        (r'{"kind": "mine", "network": "\ud800"}', f"network is .*; {NO_TEXT}"),
        (r'{"kind": "mine", "dataset": "\u0000"}', f"dataset is .*; {NO_TEXT}"),
    ],
)
def test_json_that_is_no_result(text, message, tmp_path):
    with pytest.raises(DamagedFile, match=message) as caught:
        parsing.metrics(tmp_path / "metrics.json", text.encode())
    assert str(caught.value).startswith(f"{tmp_path / 'metrics.json'} is damaged: ")
    assert len(str(caught.value)) < 500


def test_results_of_a_kind_of_ones_own_may_say_anything(tmp_path):
    own = {"kind": "mine", "deep": [{"a": [1.5, None, True, "é"]}], "seed": 0, "made_by": {"command": "run \udcff"}}
    assert parsing.metrics(tmp_path, json.dumps(own).encode()) == own


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


HEADER = ",".join(HISTORY_COLUMNS)


@pytest.mark.parametrize(
    "text",
    [
        "", HEADER, f"{HEADER}\n\n", "a,b\n1,2", "iteration,a,a\n1,2,3", f"{HEADER}\n0,1,2,3",
        f"{HEADER}\n0,1,2,3,4\n5,1",
        f"{HEADER}\n0,1,2,3,4,5",
        f"{HEADER}\n0,1,2,3,four", f"{HEADER}\nnan,1,2,3,4", f"{HEADER}\n5,1,2,3,4\n4,1,2,3,4", f"{HEADER}\n-1,1,2,3,4",
        f"{HEADER}\n0,1,2,3,{'4' * 200_000}x", f"{HEADER}\n0,1,2,3,é", f"{HEADER}\n0;1;2;3;4", f"{HEADER}\n0,1,2,3,'4'",
    ],
)  # fmt: skip
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_histories_that_are_none(text, encoding, tmp_path):
    with pytest.raises(DamagedFile, match="history.csv is damaged"):
        parsing.history(tmp_path / "history.csv", text.encode(encoding))


def test_a_history_comes_back_to_the_bit(tmp_path):
    rng = generator(0, "history")
    rows = np.concatenate(
        [np.arange(50)[:, None] * 7, rng.normal(size=(50, 4)) * 10.0 ** rng.integers(-300, 300, (50, 4))], 1
    )
    rows[0, 1:3], rows[-1, 3] = np.nan, np.inf
    for columns in (HISTORY_COLUMNS, ("iteration", "a", "b, c", 'd"', "é")):
        found = parsing.history(tmp_path, result_files._csv_bytes(columns, rows))
        assert (found[0], found[1].tobytes()) == (columns, rows.tobytes())


# Arrays

MASK = {"a/kernel": np.array([[True, False, True], [True, True, True], [False] * 3, [True] * 3])}
PACKED = masks.pack_mask(MASK)


def npz(arrays, **changes):
    return files.npz_bytes(dict(arrays) | changes)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"bits/a/kernel": PACKED["bits/a/kernel"][:1]}, "has 1 bytes of uint8 for 12 weights"),
        ({"bits/a/kernel": np.append(PACKED["bits/a/kernel"], np.uint8(0))}, "has 3 bytes of uint8 for 12 weights"),
        ({"bits/a/kernel": np.array([255, 255], np.uint8)}, "has bits without weights"),
        ({"bits/a/kernel": PACKED["bits/a/kernel"].astype(np.float32)}, "bytes of float32 for 12 weights"),
        ({"bits/a/kernel": np.array(["a", "b"])}, "bytes of <U1"),
        ({"shape/a/kernel": np.array([4.0, 3.0])}, "has no shape"),
        ({"shape/a/kernel": np.array([-4, -3])}, "has no shape"),
        ({"shape/a/kernel": np.array([[4, 3]])}, "has no shape"),
        ({"shape/a/kernel": np.array([2**62, 2**62])}, "for 21267647932558653966460912964485513216 weights"),
        ({"bits/b/kernel": PACKED["bits/a/kernel"]}, "'bits/b/kernel' is missing or unknown"),
        ({"own": np.zeros(3)}, "'own' is missing or unknown"),
    ],
)
def test_masks_that_are_none(arrays, message, tmp_path):
    path = tmp_path / "mask.npz"
    np.testing.assert_array_equal(parsing.mask(path, npz(PACKED))["a/kernel"], MASK["a/kernel"])
    with pytest.raises(DamagedFile, match=f"mask.npz is damaged: .*{message}"):
        parsing.mask(path, npz(PACKED, **arrays))
    with pytest.raises(DamagedFile, match="'bits/a/kernel' is missing or unknown"):
        parsing.mask(path, npz({"shape/a/kernel": PACKED["shape/a/kernel"]}))


def array_file(header, body=b"", name="bits/a.npy", quoted=True):
    """An `.npz` file of one array whose header says something; the same bytes in every process."""
    text = (repr(header) if quoted else header).encode()
    start = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(zipfile.ZipInfo(name), start + body, zipfile.ZIP_DEFLATED)
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (array_file({"descr": "<f8", "fortran_order": False, "shape": (9 * 2**37,)}), "its header says"),
        (array_file({"descr": "<f8", "fortran_order": False, "shape": (2**40, 2**40)}), "its header says"),
        (array_file({"descr": "<f8", "fortran_order": False, "shape": (-3,)}), "has the shape"),
        (array_file({"descr": "|O", "fortran_order": False, "shape": (1,)}, b"\x80\x04N."), "holds object"),
        (array_file({"descr": [("a", "<f8")], "fortran_order": False, "shape": (1,)}, b"12345678"), "no numbers"),
        (array_file({"descr": "<M8[s]", "fortran_order": False, "shape": (1,)}, b"12345678"), "no numbers"),
        (array_file({"descr": "<f8"}), ""),
        (array_file(["import os"]), ""),
        (array_file("-" * 9000 + "1", quoted=False), "nested too deeply"),
        (array_file("[" * 9000, quoted=False), ""),
        (array_file({"descr": "<f8", "fortran_order": False, "shape": (1,)}, b"12345678", "a.txt"), "not an array"),
        (b"PK\x05\x06" + b"\0" * 10, ""),
        (b"", ""),
        (b"\x93NUMPY", ""),
    ],
)
def test_array_files_that_claim_too_much_or_are_none(content, message, tmp_path):
    with pytest.raises(DamagedFile, match=f"weights.npz is damaged: .*{message}"):
        parsing.arrays(tmp_path / "weights.npz", content)


def test_a_file_that_would_unpack_to_more_than_it_can_hold(tmp_path):
    content = bytearray(npz({"a": np.zeros(1000)}))
    directory = content.rindex(b"PK\x01\x02")
    content[directory + 24 : directory + 28] = (2**32 - 2).to_bytes(4, "little")
    with pytest.raises(DamagedFile, match="claims more bytes than the file can hold"):
        parsing.arrays(tmp_path / "weights.npz", bytes(content))


def test_a_mask_of_more_weights_than_any_network_has(tmp_path, monkeypatch):
    monkeypatch.setattr(parsing, "MOST_MASK_BYTES", 2**17)
    bits = array_file({"descr": "|u1", "fortran_order": False, "shape": (2**18,)}, bytes(2**18))
    assert len(bits) < 2**10
    with pytest.raises(DamagedFile, match="it claims more than 131,072 bytes"):
        parsing.mask(tmp_path / "mask.npz", bits)


def test_bytes_changed_in_an_array_file_are_damaged_or_read(tmp_path):
    rng, content = generator(0, "npz"), np.frombuffer(npz(PACKED), np.uint8)
    for _ in range(10 * MUTATIONS):
        changed = content.copy()
        changed[rng.integers(content.size)] = rng.integers(256)
        try:
            found = parsing.mask(tmp_path / "mask.npz", changed.tobytes())
        except DamagedFile as error:
            assert "mask.npz is damaged" in str(error)
        else:
            assert all(kept.dtype == bool for kept in found.values())


# Files that do not go together


def level(**changes):
    weights = {"a/kernel": np.ones((4, 3), np.float32), "a/bias": np.zeros(3, np.float32)}
    metrics = {
        "kind": "level", "seed": 0, "level": 1, "kept_fraction": 8 / 12, "status": "finished", "parent": "",
        "fingerprint": "abc", "kept_fraction_by_layer": {"a/kernel": 8 / 12},
    }  # fmt: skip
    own = {"mask": MASK, "metrics": metrics, "history": None, "start": weights, "final": weights}
    return StoredResult(**own | changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mask": {}}, "its mask lacks layers, or has others: a/kernel"),
        ({"mask": MASK | {"b/kernel": np.ones(3, bool)}}, "its mask lacks layers, or has others: b/kernel"),
        ({"mask": {"a/kernel": np.zeros((4, 3), bool)}}, "The mask keeps 0 of the 12 weights"),
        ({"mask": {"a/kernel": np.ones((3, 4), bool)}}, "do not agree on 'a/kernel'"),
        ({"start": {}, "final": {}}, "do not agree on 'a/kernel'"),
        ({"final": {"a/bias": np.zeros(3)}}, "do not agree on 'a/kernel'"),
        ({"start": {"a/kernel": np.ones((4, 3))}}, "before and after training are not of the same layers"),
    ],
)
def test_results_whose_files_do_not_go_together_are_made_again(changes, message, tmp_path, caplog):
    folder = ResultsFolder(tmp_path, {"model": "mine"})
    folder.write("whole", level())
    assert folder.read("whole", weights=True) is not None
    folder.write("odd", level(**changes))
    with pytest.raises(DamagedFile, match=message):
        result_files.read_result(tmp_path / "odd", weights=True)
    assert folder.read("odd", weights=True) is None and not (tmp_path / "odd").exists()
    assert "It is trained again" in caplog.text


def test_learned_masks_may_keep_nothing(tmp_path):
    metrics = {"kind": "learned_mask", "seed": 0, "status": "finished", "rescale": False}
    folder = ResultsFolder(tmp_path, {"model": "mine"})
    folder.write("mask", level(metrics=metrics, mask={"a/kernel": np.zeros((4, 3), bool)}, start={}, final={}))
    assert not folder.read("mask", weights=True).mask["a/kernel"].any()


def test_what_stands_in_the_place_of_a_result_or_of_its_files_is_put_aside(tmp_path, caplog):
    folder = ResultsFolder(tmp_path, {"model": "mine"})
    (tmp_path / "a file").write_text("mine")
    folder.write("a folder", level())
    folder.write("a loop", level())
    (tmp_path / "a folder" / "mask.npz").unlink()
    (tmp_path / "a folder" / "mask.npz").mkdir()
    (tmp_path / "a folder" / "mask.npz" / "own").write_text("mine")
    (tmp_path / "a loop" / "metrics.json").unlink()
    (tmp_path / "a loop" / "metrics.json").symlink_to("metrics.json")
    for name, what in (("a file", "is missing"), ("a folder", "is not a file"), ("a loop", "leads back to itself")):
        assert folder.read(name, weights=True) is None and what in caplog.messages[-1]
        folder.write(name, level())
        assert folder.read(name, weights=True) is not None
    assert (tmp_path / "a file" / "a file").read_text() == "mine"
    assert (tmp_path / "a folder" / "mask.npz.1" / "own").read_text() == "mine"


def test_what_is_no_file_is_damaged(tmp_path):
    os.mkfifo(tmp_path / "metrics.json")
    (tmp_path / "mask.npz").mkdir()
    for name in ("metrics.json", "mask.npz"):
        with pytest.raises(DamagedFile, match="is not a file"):
            files.read_bytes(tmp_path / name)


@pytest.mark.parametrize(("name", "size"), [("metrics.json", 2**25), ("history.csv", 2**30), ("weights.npz", 2**40)])
def test_what_is_too_large_is_not_read(name, size, tmp_path):
    with open(tmp_path / name, "wb") as file:
        file.truncate(size)  # takes no room on the disk
    with pytest.raises(DamagedFile, match=f"{name} is damaged: it has {size:,} bytes, more than"):
        files.read_bytes(tmp_path / name)


def test_a_checkpoint_of_other_arrays_is_not_taken_up(tmp_path, caplog):
    saved = Checkpoint(tmp_path, 0)
    saved.save_if_due("level 1", lambda: {"history": np.zeros((3, 5)), "model/0": np.ones(4)})
    shapes = {"history": (None, 5), "model/0": (4,)}
    assert saved.load("level 1", shapes).keys() == shapes.keys()
    for odd in ({"model/0": (5,)}, {"model/1": (4,)}, {"history": (5,)}, {"history": (None, 4)}):
        assert saved.load("level 1", shapes | odd) is None
        assert f"{tmp_path / 'snapshot.npz'} is damaged: " in caplog.messages.pop()


# Studies

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
