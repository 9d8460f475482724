"""Files with valid checksums and malformed content are reported as damaged by name."""

import io
import json
import zipfile

import numpy as np
import pytest
from levels_by_hand import MASK

from lottery_tf.errors import DamagedFile
from lottery_tf.pruning import masks
from lottery_tf.results import files, parsing, result_files
from lottery_tf.results.stored_result import HISTORY_COLUMNS
from lottery_tf.seeds import generator


def test_pickles_are_refused(tmp_path):
    path = tmp_path / "evil.npz"
    np.savez(path, evil=np.array([{"a": 1}], dtype=object))
    with pytest.raises(DamagedFile, match="evil.npz is damaged: .*holds object, no numbers"):
        parsing.arrays(path, path.read_bytes())


NO_TEXT = "it must not contain NUL characters or unpaired surrogates"
MUTATIONS = 40  # of each kind of file


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
