"""Each way of adding something: does what its paragraph says, and sees it work from the command line."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys

import made_up
import numpy as np
import pages
import pytest

from lottery_tf.pruning.masks import unpack_mask
from lottery_tf.pruning.treatments import Treatment

pytestmark = pytest.mark.slow

LIBRARY, ANALYSIS = "lottery_tf/README.md", "analysis/README.md"
CONTROL = "level-01-shuffled-1"
SHORT = ("--iterations=20", "--levels=1")


class Reader:
    """Someone who follows a section of a page in a folder."""

    def __init__(self, folder, page, heading):
        self.folder = folder
        self.part = pages.section(page, heading)

    def write(self):
        """Puts what the section prints where it says."""
        for kind, path, code in filter(None, map(pages.addition, pages.python_blocks(self.part))):
            path = self.folder / path
            if kind == "file":
                path.write_text(code)
            elif kind == "end":
                path.write_text(f"{path.read_text()}\n\n{code}")
            else:
                path.write_text(with_entry(path.read_text(), kind, code))

    def run(self, more=None):
        """Runs the commands of the section, with further arguments by module; returns what each prints."""
        commands = pages.commands(self.part)
        assert commands
        return [self.do("-m", module, *own, *(more or {}).get(module, ())) for module, own in commands]

    def do(self, *words):
        """What `python WORDS` prints, in the folder."""
        environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(self.folder), str(pages.ROOT)))}
        done = subprocess.run(
            [sys.executable, *words], cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def arrays(self, path):
        with np.load(self.folder / "results" / path) as content:
            return dict(content)


def with_entry(text, table, code):
    """The text of a module with an entry in one of its tables, or a field in a class; imports go to the top."""
    lines = code.splitlines(keepends=True)
    imports = "".join(line for line in lines if line.startswith(("from ", "import ")))
    entry = "".join(line for line in lines if line.startswith(" "))
    begins = rf'^{table}\b[^\n]* = {{[^\n]*\n|^class {table}:\n    """(?s:.*?)\n    """\n\n'
    text, found = re.subn(begins, lambda head: head[0] + entry, text, flags=re.MULTILINE)
    assert found == 1 and entry
    return text.replace("from __future__ import annotations\n", f"from __future__ import annotations\n{imports}", 1)


@pytest.fixture
def checkout(tmp_path):
    """A copy of the packages."""
    for name in ("lottery_tf", "runs", "analysis"):
        shutil.copytree(pages.ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("measured", "__pycache__"))
    return tmp_path


def test_a_criterion(tmp_path):
    reader = Reader(tmp_path, LIBRARY, "Add a criterion")
    reader.write()
    figure = {"analysis.figures": ["--format=svg", "--results_dir=results"]}
    printed, supermasks, _ = reader.run({"runs.lottery": SHORT, "runs.supermask": SHORT} | figure)
    assert "my_module+my_criterion-rewind-zero" in printed
    dense = reader.arrays("fc-digits/20/seed-0/dense/weights.npz")
    mask = unpack_mask(reader.arrays("fc-digits/20/seed-0/my_module+my_criterion-rewind-zero/level-01/mask.npz"))
    for name, kept in mask.items():
        growth = np.abs(dense[f"final/{name}"]) / (np.abs(dense[f"start/{name}"]) + 1e-8)
        assert not kept.all() and growth[kept].min() >= growth[~kept].max()
    assert "my_module:my_criterion" in supermasks
    assert "my_module:my_criterion" in (tmp_path / "figures" / "figure2.svg").read_text()


def test_actions(tmp_path):
    reader = Reader(tmp_path, LIBRARY, "Add an action")
    reader.write()
    reader.run({"runs.lottery": [*SHORT, "--keep=all"]})
    dense = reader.arrays("fc-digits/20/seed-0/dense/weights.npz")
    for mask1 in ("rewind", "my_actions+half_way"):
        for mask0 in ("zero", "my_actions+a_tenth"):
            folder = f"fc-digits/20/seed-0/large_final-{mask1}-{mask0}/level-01"
            start = reader.arrays(f"{folder}/weights.npz")
            for name, kept in unpack_mask(reader.arrays(f"{folder}/mask.npz")).items():
                w_i, w_f = dense[f"start/{name}"], dense[f"final/{name}"]
                wanted = w_i if mask1 == "rewind" else (w_i + w_f) / 2
                frozen = 0 * w_i if mask0 == "zero" else w_i / 10
                np.testing.assert_array_equal(start[f"start/{name}"], np.where(kept, wanted, frozen))
                np.testing.assert_array_equal(start[f"final/{name}"][~kept], frozen[~kept])


def test_a_control(checkout):
    reader = Reader(checkout, LIBRARY, "Add a control")
    reader.write()
    reader.run({"runs.lottery": ["--keep=all"]})
    folder = "fc-digits/20/seed-0/large_final-rewind-zero"
    ticket, control = (
        unpack_mask(reader.arrays(f"{folder}/level-01{which}/mask.npz")) for which in ("", "-shuffled-1")
    )
    initial = reader.arrays("fc-digits/20/seed-0/dense/weights.npz")
    start = reader.arrays(f"{folder}/{CONTROL}/weights.npz")
    for name, kept in ticket.items():
        np.testing.assert_array_equal(control[name], kept)
        w_i, begun = initial[f"start/{name}"], start[f"start/{name}"]
        assert (begun[~kept] == 0).all() and np.isin(begun[kept], w_i).all()
        assert (begun[kept] != w_i[kept]).mean() > 0.9


def test_an_augmentation(checkout):
    reader = Reader(checkout, LIBRARY, "Add an augmentation")
    reader.write()
    reader.run()
    code = """
import numpy as np
from lottery_tf.training.augmentation import flip
images, drawn = np.arange(12).reshape(2, 2, 3, 1), np.array([[0, 0, 1], [0, 0, 0]])
for axis in (-1, 1):
    flipped = flip(np.moveaxis(images, -1, axis), drawn, channels_first=axis == 1)
    print(np.moveaxis(flipped, axis, -1).ravel().tolist())
"""
    assert reader.do("-c", code) == 2 * "[2, 1, 0, 5, 4, 3, 6, 7, 8, 9, 10, 11]\n"


def test_a_gate(checkout):
    reader = Reader(checkout, LIBRARY, "Add a gate")
    reader.write()
    reader.run()
    (stored,) = (checkout / "results").glob("**/initial-step-m0.1-*/metrics.json")
    assert json.loads(stored.read_text())["g"] == "step"


def test_a_mask_source(checkout):
    reader = Reader(checkout, LIBRARY, "Add a mask source")
    reader.write()
    (printed,) = reader.run()
    assert "large_final" in printed
    (stored,) = (checkout / "results").glob("**/inverted-large_final/metrics.json")
    kept = [row["kept_fraction"] for row in json.loads(stored.read_text())["rows"] if row["weights"] == "initial"]
    assert kept == pytest.approx([0.2, 0.36], abs=0.01)


def test_a_landscape_measurement(checkout):
    reader = Reader(checkout, LIBRARY, "Add a landscape measurement")
    reader.write()
    reader.run()
    level = "fc-digits/20/seed-0/large_final-rewind-zero/level-01"
    weights = reader.arrays(f"{level}/weights.npz")
    rows = json.loads((checkout / "results" / f"{level}-norm" / "metrics.json").read_text())["rows"]
    assert len(rows) == 3
    for row in rows:
        assert row["norm"] == pytest.approx(np.sqrt((weights[f"final/{row['layer']}"] ** 2).sum()), rel=1e-5)
    with open(checkout / "norms.csv", newline="") as file:
        exported = [(row["level"], row["layer"], float(row["norm"])) for row in csv.DictReader(file)]
    assert [row for row in exported if row[0] == "1"] == [("1", row["layer"], row["norm"]) for row in rows]
    loaded = reader.do("-c", "from analysis.results.load import load; print(len(load('results').norms))")
    assert int(loaded) == len(exported)
    assert "norms (almost nothing)" in reader.do("-m", "runs.landscape", "--help")
    reader.do("-m", "analysis.report")


def test_a_network(checkout):
    reader = Reader(checkout, LIBRARY, "Add a network")
    reader.write()
    reader.run()
    mask = unpack_mask(reader.arrays("narrow-digits/40/seed-0/large_final-rewind-zero/level-01/mask.npz"))
    assert [kept.shape for kept in mask.values()] == [(3, 3, 1, 8), (3, 3, 8, 8), (14 * 14 * 8, 32), (32, 10)]


def test_a_data_set(checkout):
    import tensorflow_datasets as tfds

    def examples(count):
        for number in range(count):
            image = np.zeros((8, 8, 1), np.uint8)
            image[number % 3] = 200 + number % 50
            yield number, {"image": image, "label": number % 3}

    parts = {"image": tfds.features.Image(shape=(8, 8, 1)), "label": tfds.features.ClassLabel(num_classes=3)}
    splits = {"train": list(examples(300)), "test": list(examples(60))}
    features = tfds.features.FeaturesDict(parts)
    tfds.dataset_builders.store_as_tfds_dataset("my_images", "1.0.0", features, splits, data_dir=checkout / "my_data")

    reader = Reader(checkout, LIBRARY, "Add a data set")
    reader.write()
    reader.run({"runs.lottery": ["--levels=1"]})
    reader.do("-m", "analysis.export", "--results_dir=results", "--out=results.csv")
    with open(checkout / "results.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["dataset"], row["schedule"], row["level"]) for row in rows] == [("my_images", "100", n) for n in "01"]
    assert min(float(row["test_accuracy"]) for row in rows) > 0.9
    level = "fc-my_images/100/seed-0/large_final-rewind-zero/level-01"
    assert reader.arrays(f"{level}/weights.npz")["final/output/bias"].shape == (3,), "as many outputs as classes"
    reader.do("-m", "runs.ticket", "pack", f"--run=results/{level}", "--out=my.ticket")


def test_a_study(checkout):
    reader = Reader(checkout, LIBRARY, "Add a study")
    reader.write()
    reader.run()
    folder = checkout / "results" / "fc-digits" / "20" / "seed-0"
    names = {"dense", "large_final-rewind-zero", "large_final-constant_init_sign-zero"}
    assert names <= {path.name for path in folder.iterdir()}
    assert "signs" in reader.do("-m", "runs.status", "--results_dir=results")


def test_a_claim(checkout):
    treatments = [Treatment(name) for name in ("movement", "random")]
    made_up.write_results(checkout / "results", treatments=treatments, levels=12)
    reader = Reader(checkout, ANALYSIS, "Add a claim")
    reader.write()
    (printed,) = reader.run()
    claim = printed.partition("Moving weights are worth keeping. (Zhou et al., Section 2)\n")[2].splitlines()
    assert claim[0].strip() == "Test: The line movement is above random."
    assert claim[1].strip() == "fc, mnist, paper: shown"
    assert claim[2].strip().startswith("movement - random: +")


def test_a_figure(checkout):
    made_up.write_results(checkout / "results", treatments=[Treatment()], levels=2)
    reader = Reader(checkout, ANALYSIS, "Add a figure")
    reader.write()
    reader.run()
    assert (checkout / "figures" / "losses.png").stat().st_size > 1000
    code = "from analysis.report import captions; print(captions.caption('losses', None))"
    assert reader.do("-c", code) == "Each dot is a trained network.\n"
