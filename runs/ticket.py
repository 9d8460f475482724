"""Packs a finished result into a small ticket file, shows what such a file holds, or unpacks it as a Keras model.

Examples:
  python -m runs.ticket pack --run=results/fc-digits/1000/seed-0/large_final-rewind-zero/level-08 --out=fc.ticket
  python -m runs.ticket pack --untrained --run=results/fc-digits/1000/seed-0/random-rewind-zero/level-01 --out=r.ticket
  python -m runs.ticket inspect fc.ticket
  python -m runs.ticket unpack fc.ticket --to=fc.keras
  python -m runs.ticket examples
  python -m runs.ticket unpack fc-mnist-supermask --to=fc.keras

--run is the folder of one result, which holds its metrics.json. A supermask is packed as its mask and its seed. With
--untrained a level is packed in the same way: it is the winning ticket before its training. A trained network is packed
with its kept weights, as float32 or as float16 (rounded, half the size). The unpacked model does not need this package.
The package contains some tickets. `examples` lists them, and their names can be given in place of a file.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from absl import flags

from lottery_tf.command_line import console
from lottery_tf.command_line.command_flags import define_choice, define_path
from lottery_tf.command_line.text_tables import text_table
from lottery_tf.errors import InputError
from lottery_tf.models.settings import DATASETS
from lottery_tf.pruning import masks
from lottery_tf.registry import choose, nearest
from lottery_tf.results import files, result_files
from lottery_tf.results.locate import TRAINED_KINDS
from lottery_tf.results.paths import CHECKSUMS, DENSE, best_suffix
from lottery_tf.supermasks.mask_settings import weights_in_words
from lottery_tf.system import processes
from lottery_tf.tickets import examples, packing, payload, ticket_format

RESULT = define_path("run", None, "pack: the folder of one finished result.")
OUT = define_path("out", None, "pack: the ticket file to write.")
DTYPE = define_choice(
    "dtype",
    "float32",
    payload.DTYPES,
    f"pack: the type of the stored weights of a trained network: {', '.join(payload.DTYPES)}.",
)
UNTRAINED = flags.DEFINE_bool(
    "untrained", False, "pack: the level's mask and its initial weights: the winning ticket before its training."
)
TO = define_path("to", None, "unpack: the Keras model to write; its name ends in .keras.")
COMPACT = flags.DEFINE_bool(
    "compact", False, "unpack: leave out units and channels without connections. The outputs stay the same."
)
LIMIT_FACTOR = flags.DEFINE_float(
    "limit_factor",
    1,
    "inspect, unpack: by how much to raise the limits on what a ticket file may ask for (about 2 seconds and 500 MB). "
    "Raise it for files that you trust.",
    lower_bound=1,
)

REWOUND = {"mask1": "rewind", "mask0": "zero", "rewind_to": 0}  # a level of these starts as a mask and initial weights


def pack() -> None:
    """Writes the ticket file of a finished result."""
    out = writable(OUT.value, "--out")
    metrics, mask, final = read_result(Path(RESULT.value), UNTRAINED.value)
    processes.start_tensorflow()
    content = packed_result(metrics, mask, final, DTYPE.value)
    files.replace(out, content)
    weights = sum(kept.size for kept in mask.values())
    print(f"{out}: {len(content):,} bytes, {8 * len(content) / weights:.3f} bits for each of {weights:,} weights.")


def read_result(folder: Path, untrained: bool = False) -> tuple[dict, masks.Mask, dict | None]:
    """Returns the metrics, mask and final weights in a result's folder; no weights for a mask over untrained ones."""
    if not (folder / CHECKSUMS).is_file():
        raise InputError(
            f"{folder} is not a finished result: give the folder of one level or mask, which holds a metrics.json."
        )
    metrics = result_files.read_metrics(folder)
    if missing := [name for name in ("network", "dataset", "seed") if name not in metrics]:
        raise InputError(
            f"{folder} does not record its {missing[0]}; pack it from Python, with lottery_tf.tickets.packing."
        )
    if "weights" in metrics:
        return metrics, read_mask(folder), None
    if metrics.get("kind") == "supermask":
        raise InputError(
            f"{folder} holds the masks of all levels; pack the folder {folder.name}{best_suffix('initial')} beside it."
        )
    if metrics.get("kind") not in TRAINED_KINDS:
        raise InputError(f"{folder} holds a measurement ({metrics.get('kind')}), not a network or a mask.")
    if untrained:
        check_began_with_initial_weights(folder, metrics)
        return metrics, read_mask(folder), None
    if (result := result_files.read_result(folder, weights=True)) is None:
        raise InputError(
            f"The weights of {folder} were deleted; run the command again with --keep=all, or pack the last level."
        )
    return metrics, result.mask, result.final


def check_began_with_initial_weights(folder: Path, metrics: dict) -> None:
    """Raises InputError unless the result is a level that started as a mask over its initial weights."""
    if metrics["kind"] != "level":
        raise InputError(f"--untrained packs the winning ticket of a level; {folder} holds a {metrics['kind']}.")
    began = {name: metrics.get(name, usual) for name, usual in REWOUND.items()}
    if metrics.get("criterion") != DENSE and began != REWOUND:
        shown = ", ".join(f"{name} {value}" for name, value in began.items())
        raise InputError(
            f"--untrained needs a level that started from its initial weights under a mask; {folder} did not ({shown})."
        )


def read_mask(folder: Path) -> masks.Mask:
    """Returns the mask in a result's folder."""
    return result_files.read_result(folder, weights=False).mask


def packed_result(metrics: dict, mask: masks.Mask, final: dict | None, dtype: str) -> bytes:
    """Returns the content of a ticket file from the values that `read_result` returns."""
    from lottery_tf.masking import model_weights
    from lottery_tf.models import networks

    dataset = choose(DATASETS, metrics["dataset"], "data set")
    model = networks.build(metrics["network"], dataset.image_shape, dataset.classes)
    if final is None:
        return packing.pack_supermask(
            model,
            mask,
            metrics["seed"],
            metrics.get("weights", "initial"),
            metrics.get("rescale", False),
            metrics.get("weight_multiplier", 1.0),
        )
    model_weights.set_weights(model, final, mask)
    return packing.pack_trained(model, metrics["seed"], dtype)


def content_of(path: str) -> bytes:
    """Returns the content of a ticket file, or of the example ticket with this name; suggests one for a near miss."""
    if not Path(path).exists() and nearest(path, examples.EXAMPLES):
        return examples.example(path)
    return ticket_format.read(path, LIMIT_FACTOR.value)


def list_examples() -> None:
    """Prints the tickets in the package, and the commands that made them."""
    rows: list[tuple] = [("name", "network", "data", "kept %", "test accuracy, %", "bytes", "what")]
    for name, each in examples.examples().items():
        kept, accuracy, size = (
            f"{100 * each.kept_fraction:.2f}",
            f"{100 * each.test_accuracy:.2f}",
            len(content_of(name)),
        )
        rows.append((name, each.network, each.dataset, kept, accuracy, f"{size:,}", each.about))
    commands = dict.fromkeys(command for each in examples.examples().values() for command in each.commands)
    print(text_table(rows), "\nMade by these commands:", *commands, sep="\n")


def inspect(path: str) -> None:
    """Prints what a ticket file holds, the kept fraction of each layer, and its size beside that of other formats."""
    content = content_of(path)
    packed = ticket_format.parse(content, path, LIMIT_FACTOR.value)
    print(description(packed))
    sys.stdout.flush()
    processes.start_tensorflow()
    found = packing.sizes(content, LIMIT_FACTOR.value)
    sizes = [(name, f"{size.bytes:,}", f"{size.bits_per_weight:.4f}") for name, size in found.items()]
    print(f"\n{text_table([('', 'bytes', 'bits per weight'), *sizes])}")
    print("\nAll weights were rebuilt, and their SHA-256 checksum matches the file.")


def description(packed: ticket_format.PackedTicket) -> str:
    """Describes in lines of text what a ticket file holds."""
    names = {"initial": "supermask on initial weights", "signed_constant": "supermask on the signed constant"}
    what = names.get(packed.weights) or f"trained weights, stored as {next(iter(packed.values.values())).dtype}"
    lines = [
        f"network: {network_name(packed.architecture)}",
        f"weights: {weights_in_words(what, packed.rescale, packed.weight_multiplier)}",
        f"seed: {packed.seed}",
        "",
    ]
    counts = {name: (kept.size, int(kept.sum())) for name, kept in packed.mask.items()}
    total = tuple(map(sum, zip(*counts.values(), strict=True)))
    rows = [
        (name, f"{size:,}", f"{kept:,}", f"{100 * kept / size:.3f}")
        for name, (size, kept) in {**counts, "all": total}.items()
    ]
    return "\n".join([*lines, text_table([("layer", "weights", "kept", "kept %"), *rows])])


def network_name(architecture: dict) -> str:
    """Returns the name of a ticket file's network, as it is printed."""
    if "network" not in architecture:
        return f"a Keras model, {architecture['config']['class_name']}"
    shape = "x".join(map(str, architecture["image_shape"]))
    return f"{architecture['network']} for {shape} images in {architecture['classes']} classes"


def unpack(path: str) -> None:
    """Writes the network of a ticket file as a Keras model that does not need this package."""
    to = writable(TO.value, "--to")
    if to.suffix != ".keras":
        raise InputError(f"--to is {to}; Keras needs a name that ends in .keras.")
    packed = ticket_format.parse(content_of(path), path, LIMIT_FACTOR.value)
    processes.start_tensorflow()
    from lottery_tf.masking.compaction import compact
    from lottery_tf.masking.conversion import unmasked

    plain = compact if COMPACT.value else unmasked
    temporary = to.with_name(f".{to.stem}.{os.getpid()}.keras")
    try:
        plain(packing.rebuild(packed, LIMIT_FACTOR.value)).save(temporary)
        os.replace(temporary, to)
    finally:
        temporary.unlink(missing_ok=True)
    print(f'Wrote {to}; keras.models.load_model("{to}") reads it.')


def writable(path: str, flag: str) -> Path:
    """Returns the path of a file to write, after making its folder; raises InputError if the path is a folder."""
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{flag} is {path}, a folder; it must name a file.")
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


VERBS = {  # verb -> function, the flags it needs, the other words on its command line
    "pack": (pack, ("run", "out"), ()),
    "inspect": (inspect, (), ("the ticket file",)),
    "unpack": (unpack, ("to",), ("the ticket file",)),
    "examples": (list_examples, (), ()),
}


def main(words: list[str]) -> None:
    """Packs, inspects or unpacks one ticket file, or lists the example tickets."""
    if not words:
        raise InputError(f"Give a verb: {', '.join(VERBS)}. --help shows an example of each.")
    function, wanted_flags, wanted_words = choose(VERBS, words[0], "verb")
    if missing := [name for name in wanted_flags if not flags.FLAGS[name].value]:
        raise InputError(f"{words[0]} needs --{missing[0]}.")
    if len(words) - 1 != len(wanted_words):
        raise InputError(f"{words[0]} takes {' '.join(wanted_words) or 'only flags'}; given: {words[1:]}.")
    function(*words[1:])


if __name__ == "__main__":
    console.run(main, words=True)
