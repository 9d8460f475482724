r"""The format of ticket files: writes and reads them. Importing this module does not import TensorFlow.

    8 bytes   "LOTTERY\n"
    1 byte    the format's version, 1
    4 bytes   length of the header, little-endian
    header    JSON, compressed with DEFLATE
    payload   for each kernel its mask and, if its pruned weights are not all zero, which of them have their initial
              values; then the kept weights of all kernels; then all other weights (biases, batch norm) as float32
    32 bytes  SHA-256 of everything before

A file is not trusted: every length is checked against the size of the file and against limits before memory is
allocated, no pickle is loaded, and only the classes in `architectures.CLASSES` are built.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import re
import struct
from pathlib import Path
from typing import Any

import numpy as np

from lottery_tf.argument_checks.signatures import checked
from lottery_tf.argument_checks.validation import PATH, POSITIVE
from lottery_tf.errors import DamagedFile, InputError
from lottery_tf.pruning.mask1_actions import SUPERMASK_WEIGHTS
from lottery_tf.pruning.masks import Mask
from lottery_tf.pruning.treatments import Weights
from lottery_tf.registry import choose
from lottery_tf.results.parsing import no_number
from lottery_tf.tickets import mask_coding
from lottery_tf.tickets.architectures import MAX_NAME, Shapes, check_architecture, field, shape_of
from lottery_tf.tickets.limits import Limits, TooLarge
from lottery_tf.tickets.payload import Payload

MAGIC = b"LOTTERY\n"
FORMAT = 1
START = struct.Struct("<8sBI")
DIGEST_BYTES = 32

MAX_WEIGHTS = 100_000_000
MAX_HEADER_BYTES = 1 << 21

TRAINED = "trained"


@checked
@dataclasses.dataclass(frozen=True, eq=False)
class PackedTicket:
    """The content of a ticket file.

    Attributes:
      architecture: `{"network", "image_shape", "classes"}` for a network of Table S1, else `{"config"}` with the
        Keras configuration of the masked model.
      seed: the seed of the initial weights.
      weights: the values of kept weights: "initial" (w_i), "signed_constant" (sign(w_i) times the layer's standard
        deviation), or "trained".
      rescale: whether each layer's kernel is multiplied by its number of weights / number of kept weights.
      mask: for each kernel a boolean array of its shape.
      others: all weights except maskable kernels, float32.
      values: (trained) for each kernel its kept weights in the order of `kernel[mask]`, as float32 or float16.
      at_initial: (trained) for kernels whose pruned weights are not all zero: True where one has its initial value.
      digest: the SHA-256 of all rebuilt weights, in hexadecimal; see `digest`.
      weight_multiplier: factor of untrained weights, before they are rescaled.
    """

    architecture: dict
    seed: int
    weights: str
    rescale: bool
    mask: Mask
    others: Weights
    values: Weights = dataclasses.field(default_factory=dict)
    at_initial: Mask = dataclasses.field(default_factory=dict)
    digest: str = ""
    weight_multiplier: float = 1.0

    @property
    def shapes(self) -> Shapes:
        """The shape of every weight array of the network."""
        return {name: array.shape for name, array in {**self.mask, **self.others}.items()}

    @property
    def needs_initial(self) -> bool:
        """Whether the network is rebuilt from initial weights."""
        return self.weights != TRAINED or bool(self.at_initial)

    def kernel(self, name: str, w_i: np.ndarray | Any) -> np.ndarray:
        """Rebuilds one kernel, float32, from its initial weights, which are used only if `needs_initial`."""
        kept = self.mask[name]
        if self.weights == TRAINED:
            kernel = np.zeros(kept.shape, np.float32)
            kernel[kept] = self.values[name]
            if name in self.at_initial:
                kernel[self.at_initial[name]] = w_i[self.at_initial[name]]
            return kernel
        factor = np.float32(kept.size / kept.sum() if self.rescale else 1)
        untrained = SUPERMASK_WEIGHTS[self.weights](w_i) * np.float32(self.weight_multiplier)
        return np.where(kept, untrained * factor, np.float32(0))


def serialize(packed: PackedTicket) -> bytes:
    """Returns the bytes of a ticket file."""
    payload = []

    def add(content: bytes) -> int:
        payload.append(content)
        return len(content)

    def add_bits(selected: np.ndarray) -> list:
        form, content = mask_coding.encode(selected)
        return [form, add(content)]

    kernels = {}
    for name, kept in packed.mask.items():
        kernels[name] = {"shape": kept.shape, "mask": add_bits(kept)}
        if name in packed.at_initial:
            kernels[name]["at_initial"] = add_bits(packed.at_initial[name][~kept])
    header = {
        "architecture": packed.architecture,
        "seed": packed.seed,
        "weights": packed.weights,
        "rescale": packed.rescale,
        "digest": packed.digest,
        "kernels": kernels,
    }
    if packed.weight_multiplier != 1:
        header["weight_multiplier"] = packed.weight_multiplier
    if packed.weights == TRAINED:
        values = np.concatenate(list(packed.values.values()))
        header["values"] = [values.dtype.name, add(mask_coding.encode_floats(values))]
    others = np.concatenate([np.zeros(0, np.float32), *(value.ravel() for value in packed.others.values())])
    header["others"] = {name: value.shape for name, value in packed.others.items()}
    header["others_bytes"] = add(mask_coding.encode_floats(others))
    return _to_bytes(header, b"".join(payload))


def _to_bytes(header: dict, payload: bytes) -> bytes:
    """Returns the content of a file, which ends in its checksum."""
    text = json.dumps(header, separators=(",", ":"), allow_nan=False).encode()
    if len(text) > MAX_HEADER_BYTES:
        raise InputError(f"The architecture takes {len(text)} bytes; a ticket file holds up to {MAX_HEADER_BYTES}.")
    packed = mask_coding.deflate(text)
    content = START.pack(MAGIC, FORMAT, len(packed)) + packed + payload
    return content + hashlib.sha256(content).digest()


def read(path: str | Path, limit_factor: float = 1) -> bytes:
    """Returns the content of a ticket file.

    Raises:
      InputError: the file does not exist, is a folder, or is larger than the limit.
    """
    allowed = Limits.times(limit_factor)
    PATH("the path of a ticket", path)
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path} is a folder; a ticket is a file.")
    if not path.is_file():
        raise InputError(f"There is no file {path}.")
    with path.open("rb") as file:
        content = file.read(allowed.bytes + 1)
    allowed.check_counts(str(path), bytes=max(len(content), path.stat().st_size))
    return content


def parse(content: bytes, source: str | Path = "The file", limit_factor: float = 1) -> PackedTicket:
    """Parses the content of a ticket file, without building the network.

    Args:
      content: the file's bytes.
      source: the name of the file in messages.
      limit_factor: by how much to raise the limits on what a file may ask for (`limits.Limits`), for a file you trust.

    Raises:
      DamagedFile: the content is not a complete ticket file of this format.
      InputError: the network is larger than the limits.
    """
    allowed = Limits.times(limit_factor)
    try:
        allowed.check_counts("it", bytes=len(content))
        header, payload = _verified_payload(content)
        return _read(header, payload, allowed)
    except TooLarge as error:
        raise TooLarge(f"{source} is not read: {error}") from error
    except (DamagedFile, InputError) as error:
        raise DamagedFile(f"{source} cannot be read as a ticket: {str(error).rstrip('.')}.") from error


def _verified_payload(content: bytes) -> tuple[dict, bytes]:
    """Returns the header and the payload of a file; raises DamagedFile if the checksum is wrong."""
    if content[: len(MAGIC)] != MAGIC:
        raise DamagedFile("it does not begin as one")
    if len(content) < START.size + DIGEST_BYTES:
        raise DamagedFile("it is cut off")
    _, version, header_bytes = START.unpack_from(content)
    if version != FORMAT:
        raise DamagedFile(f"it has format {version}; this release reads format {FORMAT}")
    body, expected = content[:-DIGEST_BYTES], content[-DIGEST_BYTES:]
    if hashlib.sha256(body).digest() != expected:
        raise DamagedFile("its checksum does not match; it was cut or changed")
    if header_bytes > len(body) - START.size:
        raise DamagedFile("its header is longer than the file")
    text = mask_coding.inflate(body[START.size : START.size + header_bytes], MAX_HEADER_BYTES)
    try:
        header = json.loads(text, parse_constant=no_number)
    except (ValueError, RecursionError) as error:
        raise DamagedFile(f"its header is not JSON ({error})") from error
    if not isinstance(header, dict):
        raise DamagedFile("its header is not a JSON object")
    return header, body[START.size + header_bytes :]


def _read(header: dict, payload: bytes, allowed: Limits) -> PackedTicket:
    """Returns what a file's header and payload hold; raises DamagedFile or InputError if they are invalid."""
    kernels = field(header, "kernels", dict)
    shapes = _shapes({name: field(kernels, name, dict).get("shape") for name in kernels})
    other_shapes = _shapes(field(header, "others", dict))
    if both := shapes.keys() & other_shapes.keys():
        raise DamagedFile(f"{min(both)!r} is there twice")
    check_shapes(shapes | other_shapes)
    allowed.check_counts("its network", weights=sum(map(math.prod, (shapes | other_shapes).values())))
    allowed.check_counts("its network", arrays=3 * len(shapes) + len(other_shapes))
    architecture = field(header, "architecture", dict)
    check_architecture(architecture, shapes | other_shapes, allowed)
    weights, rescale = field(header, "weights", str), field(header, "rescale", bool)
    choose(dict.fromkeys((*SUPERMASK_WEIGHTS, TRAINED)), weights, "weights")
    multiplier = header.get("weight_multiplier", 1.0)
    POSITIVE("weight_multiplier", multiplier)

    rest = Payload(payload)
    mask, at_initial = rest.masks(kernels, shapes)
    values = rest.values(header, mask) if weights == TRAINED else {}
    others = rest.floats(field(header, "others_bytes", int), "float32", other_shapes)
    rest.check_end()
    if (at_initial and weights != TRAINED) or ((rescale or multiplier != 1) and weights == TRAINED):
        raise DamagedFile(f"{weights!r} weights are neither frozen nor rescaled that way")
    sha256 = field(header, "digest", str)
    if not re.fullmatch("[0-9a-f]{64}", sha256):
        raise DamagedFile("its header's SHA-256 is not valid")
    seed = checked_seed(field(header, "seed", int))
    return PackedTicket(architecture, seed, weights, rescale, mask, others, values, at_initial, sha256, multiplier)


def _shapes(record: dict) -> Shapes:
    return {name: shape_of(value) for name, value in record.items()}


def check_shapes(shapes: Shapes) -> None:
    """Raises InputError for too many weights, or for names that could change the display of a terminal."""
    if sum(map(math.prod, shapes.values())) > MAX_WEIGHTS:
        raise InputError(f"The network has more than the {MAX_WEIGHTS} weights that a ticket file can hold.")
    if invalid := [name for name in shapes if not name.isprintable() or len(name) > MAX_NAME]:
        raise InputError(f"A ticket file cannot hold the weight name {invalid[0]!r:.100}.")


def checked_seed(seed: int) -> int:
    """Returns the seed; raises InputError if a ticket file cannot store it."""
    if not 0 <= seed < 2**63:
        raise InputError(f"seed is {seed}; it must be at least 0 and below 2**63.")
    return int(seed)
