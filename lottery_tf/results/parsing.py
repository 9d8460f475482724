"""Parses the files of a results folder; malformed content raises `DamagedFile` with the name of the file.

A file may come from anywhere, so its sizes are checked before memory is allocated.
"""

from __future__ import annotations

import csv
import io
import json
import math
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lottery_tf.argument_checks.annotation_checks import check_mapping
from lottery_tf.argument_checks.validation import WHOLE_LIMIT, shown
from lottery_tf.errors import DamagedFile, InputError
from lottery_tf.pruning import masks
from lottery_tf.pruning.masks import Mask
from lottery_tf.results import metrics_schemas
from lottery_tf.results.stored_result import HISTORY_COLUMNS

MOST_JSON_BYTES = 1 << 24  # the largest that the program writes has some 20 kB
MOST_TABLE_BYTES = 1 << 28  # a million readings have some 100 MB
MOST_ARRAY_BYTES = 1 << 33  # of all arrays in a file: weights before and after training of a network of 10**9 weights
MOST_MASK_BYTES = 1 << 27  # a bit for each of these
MOST_COMPRESSION = 1100  # DEFLATE makes 1032 bytes of one at most
DEEPEST = 100  # objects and lists within one another
UNREADABLE = (  # what zipfile and NumPy raise for files in other formats
    ValueError, TypeError, LookupError, OSError, EOFError, OverflowError, RuntimeError, SyntaxError, struct.error,
    tokenize.TokenError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip
NUMBERS = "?iufcV"  # kinds of dtypes that arrays may have; V: those that NumPy has no name for, such as bfloat16


def damaged(path: Path, why: object) -> DamagedFile:
    """Returns the error for a file and what is wrong with it."""
    return DamagedFile(f"{path} is damaged: {str(why).rstrip('.')}.")


def json_object(path: Path, content: bytes, schema: Any) -> dict:
    """Returns the JSON object in a file after checking it against a schema.

    The schema is a `TypedDict`, or a function that raises InputError for an invalid object.

    Raises:
      DamagedFile: the content is not such an object.
    """
    try:
        found = json.loads(content, parse_constant=no_number)
        if not isinstance(found, dict):
            raise InputError("it holds no JSON object")
        _check_plain(found)
        check: Callable[[dict], None] = schema
        if isinstance(schema, type):
            check_mapping(schema, found)
        else:
            check(found)
    except RecursionError:
        raise damaged(path, "it is nested too deeply") from None
    except ValueError as error:
        raise damaged(path, error) from error
    return found


def no_number(word: str) -> float:
    """Refuses NaN and infinities, which Python's `json` would read."""
    raise InputError(f"{word} is not a JSON number")


def _check_plain(value: Any, depth: int = 0) -> None:
    """Raises InputError for deep nesting, whole numbers beyond 64 bits, and numbers that are not finite."""
    if depth > DEEPEST:
        raise InputError("it is nested too deeply")
    if isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            _check_plain(each, depth + 1)
    elif isinstance(value, int) and not -WHOLE_LIMIT < value < WHOLE_LIMIT:
        raise InputError(f"{shown(value)} is too large")
    elif isinstance(value, float) and not math.isfinite(value):
        raise InputError("a number is not finite")


def metrics(path: Path, content: bytes) -> dict:
    """Returns the metrics in a `metrics.json`; raises DamagedFile if they do not match their kind."""
    return json_object(path, content, metrics_schemas.check_metrics)


def history(path: Path, content: bytes) -> tuple[tuple[str, ...], np.ndarray]:
    """Returns the columns of a `history.csv` and its rows, a float64 array; raises DamagedFile for other content."""
    header, _, rows = content.partition(b"\n")
    try:
        columns = next(csv.reader([header.decode().strip()]), [])
        if columns[:1] != [HISTORY_COLUMNS[0]] or len({*columns}) < len(columns):
            raise InputError(f"its columns are not {HISTORY_COLUMNS[0]} and others, each once")
        if not rows.strip():
            raise InputError("it has no rows")
        found = np.loadtxt(io.StringIO(rows.decode("ascii")), np.float64, delimiter=",", comments=None, ndmin=2)
    except (ValueError, csv.Error) as error:
        raise damaged(path, error) from error
    if found.shape[1] != len(columns):
        raise damaged(path, f"its rows have {found.shape[1]} columns")
    iterations = found[:, 0]
    if not (np.isfinite(iterations).all() and iterations[0] >= 0 and (np.diff(iterations) >= 0).all()):
        raise damaged(path, "its iterations fall")
    return tuple(columns), found


def arrays(path: Path, content: bytes, most: int = MOST_ARRAY_BYTES) -> dict[str, np.ndarray]:
    """Returns the arrays in an `.npz` file; compares their headers with the size of the file before it reads any.

    Together they may have `most` bytes.

    Raises:
      DamagedFile: the content is not such a file, an array does not match its header, or objects are pickled.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as file:
            _check_sizes(file, most)
        with np.load(io.BytesIO(content), allow_pickle=False) as loaded:
            return dict(loaded)
    except UNREADABLE as error:
        raise damaged(path, error) from error


def _check_sizes(file: zipfile.ZipFile, most: int) -> None:
    """Raises InputError if an array has another size than its header and the directory of the file claim."""
    total = 0
    names = [member.filename for member in file.infolist()]
    if len(set(names)) < len(names):
        raise InputError("it holds two arrays of one name")
    for member in file.infolist():
        if not member.filename.endswith(".npy"):
            raise InputError(f"it holds {shown(member.filename)}, which is not an array")
        if member.file_size > MOST_COMPRESSION * max(1, member.compress_size):
            raise InputError(f"{shown(member.filename)} claims more bytes than the file can hold")
        total += member.file_size
        if total > most:
            raise InputError(f"it claims more than {most:,} bytes")
        with file.open(member) as stream:
            shape, dtype = _header(stream)
            claimed = math.prod(shape) * dtype.itemsize + stream.tell()
        if dtype.hasobject or dtype.kind not in NUMBERS + "U" or dtype.names is not None:
            raise InputError(f"{shown(member.filename)} holds {dtype}, no numbers")
        if claimed != member.file_size:
            raise InputError(f"{shown(member.filename)} has {member.file_size:,} bytes, its header says {claimed:,}")


HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def _header(stream: Any) -> tuple[tuple[int, ...], np.dtype]:
    """Returns the shape and dtype in the header of an array."""
    version = np.lib.format.read_magic(stream)
    if version not in HEADERS:
        raise InputError(f"it has an array of the unknown format {version}")
    try:
        shape, _, dtype = HEADERS[version](stream)
    except MemoryError:  # of Python's parser, not of the machine: a header has 10,000 bytes at most
        raise InputError("the header of an array is nested too deeply") from None
    if any(size < 0 for size in shape):
        raise InputError(f"an array has the shape {shown(shape)}")
    return shape, dtype


def check_array_shapes(
    path: Path, found: Mapping[str, np.ndarray], wanted: Mapping[str, tuple[int | None, ...]]
) -> None:
    """Raises DamagedFile if arrays have other names or shapes; None stands for any size."""
    if different := sorted(found.keys() ^ wanted.keys()):
        raise damaged(path, f"it lacks arrays, or has others: {', '.join(different[:5])}")
    for name, shape in wanted.items():
        sizes = found[name].shape
        if len(sizes) != len(shape) or any(size not in (given, None) for given, size in zip(sizes, shape, strict=True)):
            raise damaged(path, f"{name} has the shape {sizes}, not {shape}")


def mask(path: Path, content: bytes) -> Mask:
    """Returns the mask in a `mask.npz`; raises DamagedFile for other content."""
    found = arrays(path, content, MOST_MASK_BYTES)
    try:
        return masks.unpack_mask(found)
    except DamagedFile as error:
        raise damaged(path, error) from error


def check_agreement(path: Path, found: Mapping, mask: Mask, start: Mapping | None, final: Mapping | None) -> None:
    """Raises DamagedFile if the metrics, mask and weights of a trained network belong to different layers.

    Weights are None if they were not read.
    """
    if metrics_schemas.METRICS_SCHEMAS.get(found["kind"]) not in metrics_schemas.TRAINED_SCHEMAS:
        return
    layers = found.get("kept_fraction_by_layer", mask)
    if layers.keys() != mask.keys():
        raise damaged(path, f"its mask lacks layers, or has others: {', '.join(sorted(layers.keys() ^ mask.keys()))}")
    try:
        masks.check_mask(mask)
    except InputError as error:
        raise damaged(path, error) from error
    for weights in (each for each in (start, final) if each is not None):
        if different := [name for name in mask if name not in weights or weights[name].shape != mask[name].shape]:
            raise damaged(path, f"its mask and its weights do not agree on {different[0]!r}")
    if start is not None and final is not None and _shapes(start) != _shapes(final):
        raise damaged(path, "its weights before and after training are not of the same layers")


def _shapes(weights: Mapping) -> dict:
    return {name: value.shape for name, value in weights.items()}
