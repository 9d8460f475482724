"""Each way of adding something: does what its paragraph says, and sees it work from the command line."""

import ast
import csv
import itertools
import json
import os
import re
import shutil
import subprocess
import sys

import made_up
import numpy as np
import pages
import pandas as pd
import pytest

from lottery_tf.pruning.masks import unpack_mask
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.studies import paper

pytestmark = pytest.mark.slow

LIBRARY, ANALYSIS = "lottery_tf/README.md", "analysis/README.md"
CONTROL = "level-01-shuffled-1"
SHORT = ("--iterations=20", "--levels=1")


class Reader:
    """Someone who follows a section of a page in a folder."""

    def __init__(self, folder, page, heading):
        self.folder = folder
        self.part = pages.section(page, heading)
        self.additions = [*filter(None, map(pages.addition, pages.python_blocks(self.part)))]

    def write(self, *names):
        """Puts what the section prints where it says: all of it, or what goes into some tables."""
        for kind, path, name, code in self.additions:
            if names and name not in names:
                continue
            path = self.folder / path
            text = path.read_text() if path.exists() else ""
            path.write_text(PUT[kind](text, name, code))

    def name_functions(self):
        """Gives the functions of the section short names, in the tables that it names, in its order."""
        (code,) = [code for kind, _, _, code in self.additions if kind == "file"]
        functions = [
            ast.get_source_segment(code, each) for each in ast.parse(code).body if type(each) is ast.FunctionDef
        ]
        for function, (table, path) in zip(functions, pages.tables(self.part), strict=True):
            path = self.folder / "lottery_tf" / path
            path.write_text(with_function(path.read_text(), table, function + "\n"))

    def run(self, more=None):
        """Runs the commands of the section, with further arguments by module; returns what each prints."""
        commands = pages.commands(self.part)
        assert commands
        return [self.do("-m", module, *own, *(more or {}).get(module, ())) for module, own in commands]

    def do(self, *words):
        """What `python WORDS` prints, in the folder."""
        done = self._done(words)
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done.stdout

    def fail(self, *words):
        """The error of `python WORDS`, in the folder."""
        done = self._done(words)
        assert done.returncode
        return done.stderr

    def _done(self, words):
        environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(self.folder), str(pages.ROOT)))}
        return subprocess.run(
            [sys.executable, *words], cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )

    def passed_tests(self, expression, *files):
        """The names of tests in some files, by default those that the section names; asserts that they pass."""
        chosen = ("-n", "0", "-vv", "-p", "no:cacheprovider", "-k", expression)
        printed = self.do("-m", "pytest", *chosen, *(files or pages.files_of_tests(self.part)))
        return re.findall(r"^\S+?::(.*?) PASSED", printed, re.MULTILINE)

    def arrays(self, path):
        with np.load(self.folder / "results" / path) as content:
            return dict(content)


def above(text, name, code):
    """The text of a module with code above one of its tables."""
    text, found = re.subn(rf"^(?={name}\b)", lambda _: f"{code.rstrip()}\n\n\n", text, flags=re.MULTILINE)
    assert found == 1, name
    return text


def with_function(text, table, code):
    """The text of a module with a function above one of its tables, and its name in the table."""
    (name,) = re.findall(r"^def (\w+)", code, re.MULTILINE)
    names = rf"(^{table}\b[^\n]* = {{[^(]*? in \([^)]*?)(,?\s*\))"
    text, found = re.subn(names, rf"\1, {name}\2", text, flags=re.MULTILINE)
    assert found == 1, table
    return above(text, table, code)


def with_entry(text, table, code):
    """The text of a module with an entry at the end of one of its tables; imports go to the top."""
    return _inserted(text, rf"^{table}\b[^\n]* = [\[{{(]", r"^[\]})]", code)


def with_field(text, name, code):
    """The text of a module with a field at the end of those of a class."""
    return _inserted(text, rf'^class {name}\b[^\n]*:\n    """(?s:.*?)\n    """\n\n', r"^\n", code)


def _inserted(text, begin, end, code):
    """The text with indented lines before the first match of a pattern after that of another."""
    lines = code.splitlines(keepends=True)
    imports = "".join(line for line in lines if line.startswith(("from ", "import ")))
    entry = "".join(line for line in lines if line.startswith(" "))
    assert entry
    where = re.compile(end, re.MULTILINE).search(text, re.search(begin, text, re.MULTILINE).end()).start()
    text = text[:where] + entry + text[where:]
    return re.sub(r"^(?=(?:from (?!__future__)|import ))", imports, text, count=1, flags=re.MULTILINE)


PUT = {  # kind of addition -> function from a module's text, the name of a table or class, and code to the new text
    "file": lambda text, name, code: code,
    "end": lambda text, name, code: f"{text}\n\n{code}",
    "above": above,
    "entry": with_entry,
    "field": with_field,
    "function": with_function,
}


@pytest.fixture
def checkout(tmp_path):
    """A copy of the packages and their tests."""
    left_out = shutil.ignore_patterns("measured", "__pycache__")
    for name in ("lottery_tf", "runs", "analysis", "tests"):
        shutil.copytree(pages.ROOT / name, tmp_path / name, ignore=left_out)
    shutil.copy(pages.ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def kept_by_growth(reader, level):
    """Whether the mask of a level keeps the weights of each layer that grew by the largest factor."""
    dense = reader.arrays("fc-digits/20/seed-0/dense/weights.npz")
    for name, kept in unpack_mask(reader.arrays(f"fc-digits/20/seed-0/{level}/mask.npz")).items():
        growth = np.abs(dense[f"final/{name}"]) / (np.abs(dense[f"start/{name}"]) + 1e-8)
        if kept.all() or growth[kept].min() < growth[~kept].max():
            return False
    return True


def check_actions(reader, level, kept_values, pruned_values):
    """Asserts from which values the weights of a level start, by functions of those of the dense network."""
    dense = reader.arrays("fc-digits/20/seed-0/dense/weights.npz")
    weights = reader.arrays(f"fc-digits/20/seed-0/{level}/weights.npz")
    for name, kept in unpack_mask(reader.arrays(f"fc-digits/20/seed-0/{level}/mask.npz")).items():
        w_i, w_f = dense[f"start/{name}"], dense[f"final/{name}"]
        frozen = pruned_values(w_i)
        np.testing.assert_array_equal(weights[f"start/{name}"], np.where(kept, kept_values(w_i, w_f), frozen))
        np.testing.assert_array_equal(weights[f"final/{name}"][~kept], frozen[~kept])


MASK1_BY_HAND = {"rewind": lambda w_i, w_f: w_i, "half_way": lambda w_i, w_f: (w_i + w_f) / 2}
MASK0_BY_HAND = {"zero": lambda w_i: 0 * w_i, "a_tenth": lambda w_i: w_i / 10}


def test_a_criterion(checkout):
    reader = Reader(checkout, LIBRARY, "Add a criterion")
    reader.write()
    figure = {"analysis.figures": ["--format=svg", "--results_dir=results"]}
    printed, supermasks, _ = reader.run({"runs.lottery": SHORT, "runs.supermask": SHORT} | figure)
    assert "my_module+my_criterion-rewind-zero" in printed
    assert kept_by_growth(reader, "my_module+my_criterion-rewind-zero/level-01")
    assert not kept_by_growth(reader, "random-rewind-zero/level-01")
    assert "my_module:my_criterion" in supermasks
    assert "my_module:my_criterion" in (checkout / "figures" / "figure2.svg").read_text()

    treatments = re.findall(r"`(lt\.Treatment\(.*?\))`", reader.part)
    scores = [
        f"print({treatment}.score(w_i=np.array([2, 1]), w_f=np.array([-8, 1])).round())" for treatment in treatments
    ]
    in_a_notebook = "\n".join(["import lottery_tf as lt", (checkout / "my_module.py").read_text(), *scores])
    assert reader.do("-c", in_a_notebook) == 2 * "[4. 1.]\n"


def test_actions(checkout):
    reader = Reader(checkout, LIBRARY, "Add an action")
    reader.write()
    reader.run({"runs.lottery": [*SHORT, "--keep=all"]})
    for mask1 in ("rewind", "my_actions+half_way"):
        for mask0 in ("zero", "my_actions+a_tenth"):
            by_hand = MASK1_BY_HAND[mask1.rpartition("+")[2]], MASK0_BY_HAND[mask0.rpartition("+")[2]]
            check_actions(reader, f"large_final-{mask1}-{mask0}/level-01", *by_hand)


def test_a_criterion_and_actions_with_short_names(checkout):
    for heading in ("Add a criterion", "Add an action"):
        reader = Reader(checkout, LIBRARY, heading)
        reader.write()
        reader.name_functions()
        for written in ("my_module.py", "my_actions.py"):
            (checkout / written).unlink(missing_ok=True)
    (flag,) = re.findall(r"the flag is then `(.*?)`", Reader(checkout, LIBRARY, "Add a criterion").part)
    reader.do("-m", "runs.lottery", flag, "--mask1=half_way", "--mask0=a_tenth", *SHORT, "--keep=all")
    assert kept_by_growth(reader, "my_criterion-half_way-a_tenth/level-01")
    check_actions(reader, "my_criterion-half_way-a_tenth/level-01", MASK1_BY_HAND["half_way"], MASK0_BY_HAND["a_tenth"])


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
    reader.do("-m", "analysis.figures", "--results_dir=results", "--figure=7", "--out=figures")
    assert (checkout / "figures" / "figure7.png").stat().st_size > 1000


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
    assert "norm" in reader.do("-c", "from analysis.results.columns import LANDSCAPE; print(LANDSCAPE)")
    assert "norms (almost nothing)" in reader.do("-m", "runs.landscape", "--help")
    reader.do("-m", "analysis.report")
    without_norms = {
        "kind": "norm",
        "seed": 0,
        "parent": "a",
        "level": 1,
        "kept_fraction": 0.5,
        "rows": [{"layer": "a"}],
    }
    code = f"from lottery_tf.results.metrics_schemas import check_metrics; check_metrics({without_norms})"
    assert "rows[0].norm is missing" in reader.fail("-c", code)


def test_a_network(checkout):
    reader = Reader(checkout, LIBRARY, "Add a network")
    planned = ("-m", "runs.lottery", "--levels=1", "--dry_run")
    reader.write("NETWORKS", "FAMILIES")
    of_conv2 = reader.do(*planned, "--network=conv2").splitlines()[-1]
    assert reader.do(*planned, "--network=narrow").splitlines()[-1] == of_conv2.replace("conv2", "narrow")
    reader.write("COSTS")
    assert ", 4,000 images per second in each" in reader.do(*planned, "--network=narrow")
    reader.run()
    for network, shapes in {
        "narrow": [(3, 3, 1, 8), (3, 3, 8, 8), (14 * 14 * 8, 32), (32, 10)],
        "shortcut": [(28 * 28, 32), (32, 32), (32, 10)],
    }.items():
        mask = unpack_mask(reader.arrays(f"{network}-digits/40/seed-0/large_final-rewind-zero/level-01/mask.npz"))
        assert [kept.shape for kept in mask.values()] == shapes
    network = "import lottery_tf as lt; print([layer.name for layer in lt.build('shortcut').layers])"
    assert reader.do("-c", network).count("sum_2") == 1, "it has a shortcut"


@pytest.fixture(scope="module")
def my_images(tmp_path_factory):
    """A folder with a data set of one's own, prepared with the tools of tensorflow-datasets."""
    import tensorflow_datasets as tfds

    def examples(count):
        for number in range(count):
            image = np.zeros((8, 8, 1), np.uint8)
            image[number % 3] = 200 + number % 50
            yield number, {"image": image, "label": number % 3}

    parts = {"image": tfds.features.Image(shape=(8, 8, 1)), "label": tfds.features.ClassLabel(num_classes=3)}
    splits = {"train": list(examples(300)), "test": list(examples(60))}
    features = tfds.features.FeaturesDict(parts)
    folder = tmp_path_factory.mktemp("data")
    tfds.dataset_builders.store_as_tfds_dataset("my_images", "1.0.0", features, splits, data_dir=folder)
    return folder


def test_a_data_set(checkout, my_images):
    (checkout / "my_data").symlink_to(my_images)
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

    standardized = """
import lottery_tf as lt
images = lt.load("my_images_standardized", "my_data").train.images
print(images.dtype, abs(images.mean()).round(4), images.std().round(4))
"""
    assert reader.do("-c", standardized) == "float32 0.0 1.0\n"


def test_a_study(checkout):
    made_up.write_results(checkout / "results", treatments=[Treatment(), Treatment(rewind_to=200)], levels=2)
    reader = Reader(checkout, LIBRARY, "Add a study")
    reader.write()
    _, planned, table, _ = reader.run()
    folder = checkout / "results" / "fc-digits" / "20" / "seed-0"
    names = {"dense", "large_final-rewind-zero", "large_final-constant_init_sign-zero"}
    assert names <= {path.name for path in folder.iterdir()}
    assert "signs" in reader.do("-m", "runs.status", "--results_dir=results")

    tasks, finished = 5 * (1 + 1 + 2 * 24), 3 * (1 + 2 * 2)  # rewind points are not among the made-up results
    assert planned.splitlines()[1].split()[:4] == ["rewinding", f"{tasks}", f"{finished}", f"{tasks - finished}"]
    assert "iteration 0" in table and "iteration 200" in table
    assert (checkout / "figures" / "rewinding.png").stat().st_size > 1000
    reader.do("-m", "analysis.report", "--results_dir=results", "--out=report")
    missing = next(
        line for line in (checkout / "report" / "index.html").read_text().splitlines() if " has 1 of " in line
    )
    assert missing.count(" lines of ") == len(paper.PAPER_FIGURES) and "lines of ," not in missing


def test_an_example_ticket(checkout):
    reader = Reader(checkout, LIBRARY, "Add an example ticket")
    reader.write()
    *_, listed = reader.run()
    assert "fc-digits" in listed
    assert len(reader.passed_tests("fc-digits and row or every_file_has_a_row")) == 2
    level = checkout / "results/fc-digits/200/seed-0/large_final-rewind-zero/level-02"
    said = float(reader.do("-c", "import lottery_tf as lt; print(lt.examples()['fc-digits'].test_accuracy)"))
    found = json.loads((level / "metrics.json").read_text())["test_accuracy"]
    assert said == pytest.approx(found, abs=0.02), "it differs a little between processors"


SETTINGS = {  # class -> its module, a field, and the line of the field under "Attributes"
    "TrainingSettings": ("models/settings.py", "clip: float = 0.0", "clip: largest norm of a gradient; 0: any."),
    "Treatment": ("pruning/treatments.py", "tag: Index = 0", "tag: a number that tells treatments apart."),
    "MaskSettings": ("supermasks/mask_settings.py", "slope: float = 1.0", "slope: factor of the logits."),
}
OLDER_FOLDER = """
import dataclasses
from lottery_tf.errors import InputError
from lottery_tf.models.settings import experiment_settings
from lottery_tf.results.store import ResultsFolder
for clip in (0.0, 0.5):
    settings = experiment_settings("fc", "digits", "20", clip=clip)
    try:
        ResultsFolder("older/fc-digits/20", dataclasses.asdict(settings) | {"data": "made up"})
        print("the same settings")
    except InputError as error:
        print(error)
"""


def test_settings(checkout):
    """One of each class; the page has no code for them."""
    made_up.write_results(checkout / "older", [("fc", "digits", "20")], treatments=[Treatment()], seeds=[0], levels=1)
    reader = Reader(checkout, LIBRARY, "Add a setting")
    for name, (path, field, line) in SETTINGS.items():
        assert f"`{name}`" in reader.part
        path = checkout / "lottery_tf" / path
        text = with_field(path.read_text(), name, f"    {field}\n")
        path.write_text(_inserted(text, rf"^class {name}\b(?s:.*?)\n    Attributes:\n", r"^\n", f"      {line}\n"))
    path = checkout / "lottery_tf" / "models" / "settings.py"
    path.write_text(
        path.read_text().replace("SETTINGS_ADDED_LATER = {", 'SETTINGS_ADDED_LATER = {"training.clip": 0.0, ')
    )
    path = checkout / "lottery_tf" / "supermasks" / "masked_model.py"
    path.write_text(
        path.read_text().replace("        **kwargs,\n", "        slope: float = 1.0,\n        **kwargs,\n", 1)
    )

    helped = {name: " ".join(reader.do("-m", name, "--help").split()) for name in ("runs.lottery", "runs.learn_mask")}
    for command, name in (("lottery", "TrainingSettings"), ("lottery", "Treatment"), ("learn_mask", "MaskSettings")):
        flag, _, text = SETTINGS[name][2].partition(": ")
        assert re.search(rf" --{flag}\b\S* {re.escape(text[:1].upper() + text[1:-1])}", helped[f"runs.{command}"])

    reader.do("-m", "runs.lottery", *SHORT, "--clip=0.5", "--tag=3")
    run = checkout / "results" / "fc-digits" / "20"
    assert (run / "seed-0" / "large_final-rewind-zero-tag=3" / "level-01" / "mask.npz").exists()
    assert json.loads((run / "settings.json").read_text())["training"]["clip"] == 0.5
    same, other = reader.do("-c", OLDER_FOLDER).strip().split("\n", 1)
    assert same == "the same settings" and "training.clip" in other

    for folder, tag in (("results", "3"), ("older", "0")):
        reader.do("-m", "analysis.export", f"--results_dir={folder}", "--out=levels.csv")
        assert set(pd.read_csv(checkout / "levels.csv").query("level > 0")["tag"].astype(str)) == {tag}

    named = "from lottery_tf.supermasks.mask_settings import MaskSettings; print(MaskSettings(slope=2.0).name)"
    assert reader.do("-c", named) == "initial-bernoulli-m0-slope=2.0\n"
    for slope, g in itertools.product((1, 2), ("bernoulli", "rounded")):
        printed = reader.do("-m", "runs.learn_mask", "--iterations=20", f"--g={g}", f"--slope={slope}")
        assert (", slope 2" in printed) == (slope == 2)
    reader.do("-m", "analysis.export", "--kind=learned_mask", "--results_dir=results", "--out=masks.csv")
    assert pd.read_csv(checkout / "masks.csv")["slope"].tolist() == [1.0, 2.0, 1.0, 2.0]
    table = reader.do("-m", "analysis.tables", "--results_dir=results", "--table=learned_masks")
    rows = [line for line in table.splitlines() if "bernoulli" in line]
    assert [(", slope 2" in row, "n = 1" in row) for row in rows] == [(False, True), (True, True)]
    assert "Sampling the mask" in reader.do("-m", "analysis.claims", "--results_dir=results")
    assert "training.clip" in reader.fail("-m", "runs.learn_mask", "--iterations=20", "--clip=0.5")


def test_a_claim(checkout):
    treatments = [Treatment(name) for name in ("movement", "random")]
    made_up.write_results(checkout / "results", treatments=treatments, levels=12)
    reader = Reader(checkout, ANALYSIS, "Add a claim")
    reader.write()
    (printed,) = reader.run()
    for sentence, rule, difference in (
        ("Moving weights are worth keeping.", "The line movement is above random.", "movement - random: +"),
        ("Random masks are worse than none.", "The dense network is above the line random.", "dense - random: +"),
    ):
        test, verdict, numbers, *_ = printed.partition(f"{sentence} (Zhou et al., Section 2)\n")[2].splitlines()
        assert test.strip() == f"Test: {rule}"
        assert verdict.strip() == "fc, mnist, paper: shown"
        assert numbers.strip().startswith(difference)


def test_a_claim_that_lines_are_as_good(checkout):
    """Written like the page's claim that one is above another, with `claim_as_good` in its place."""
    made_up.write_results(
        checkout / "results", treatments=[Treatment(name) for name in ("movement", "random")], levels=12
    )
    reader = Reader(checkout, ANALYSIS, "Add a claim")
    claims = checkout / "analysis" / "claims" / "zhou2019.py"
    above = next(code for kind, _, _, code in reader.additions if kind == "end")
    claims.write_text(f"{claims.read_text()}\n\n{above.replace('claim_above', 'claim_as_good')}")
    (printed,) = reader.run()
    claim = printed.partition("Moving weights are worth keeping. (Zhou et al., Section 2)\n")[2].splitlines()
    assert claim[0].strip() == "Test: random is as good as movement, within the margin."
    assert claim[1].strip() == "fc, mnist, paper: contradicted"


def test_a_figure(checkout):
    made_up.write_results(checkout / "results", treatments=[Treatment()], levels=2)
    reader = Reader(checkout, ANALYSIS, "Add a figure")
    reader.write()
    reader.run()
    assert (checkout / "figures" / "losses.png").stat().st_size > 1000
    report = (checkout / "report" / "index.html").read_text()
    section = report.partition('id="losses-section"')[2]
    assert "Whether a low loss means a high accuracy." in section and 'id="losses"' in section
    assert "Each dot is a trained network." in section
    assert (checkout / "report" / "figures" / "losses.svg").exists()

    reader.do("-m", "analysis.export", "--results_dir=results", "--out=levels.csv")
    levels = pd.read_csv(checkout / "levels.csv")
    code = """
from analysis.figures import catalogue
(line,) = catalogue.draw("losses", catalogue.figure_inputs("results")).axes[0].lines
print(*line.get_xdata(), *line.get_ydata())
"""
    drawn = [float(word) for word in reader.do("-c", code).split()]
    np.testing.assert_allclose(drawn, [*levels["early_stop_val_loss"], *(100 * levels["test_accuracy"])])


NAMES_OF_FLAGS = {  # a flag of the table in `runs/README.md` -> what the paragraphs add to its choices
    "--criterion": ["my_criterion"],
    "--mask1": ["half_way"],
    "--mask0": ["a_tenth"],
    "--network": ["narrow", "shortcut"],
    "--dataset": ["my_images", "my_images_standardized"],
}
NAMES_IN_TESTS = (  # what the paragraphs add to tables of tests, or what tests take from tables of the packages
    "my_criterion", "narrow", "my_images", "norm", "signs", "rewinding", "Moving weights", "Random masks", "shuffled",
    *NAMES_OF_FLAGS,
)  # fmt: skip
OF_ALL_ENTRIES = (  # tests that no paragraph names, which look at all flags, figures or measurements
    "tests/test_readme.py::test_the_table_of_flags_names_every_choice",
    "tests/analysis/figures/test_styles.py::test_the_lines_of_a_figure_differ_in_marker_and_in_colour_or_dash",
    "tests/analysis/figures/test_styles.py::test_no_two_treatments_look_the_same",
    "tests/analysis/report/test_captions.py::test_every_figure_has_a_caption",
    "tests/analysis/report/test_coverage.py::test_each_control_and_measurement_is_a_row",
    "tests/analysis/report/test_figure_sources.py::test_all_figures_but_the_drawn_idea_have_results_behind_them",
    "tests/analysis/results/test_exported_files.py::test_a_column_that_is_not_there_is_named",
)


def test_the_tests_that_the_paragraphs_name(checkout, my_images, monkeypatch):
    """With all additions in one copy: the tests pass, have the additions among their cases, and so does the linter."""
    files, changed = {*OF_ALL_ENTRIES}, set()
    for page in (LIBRARY, ANALYSIS):
        for heading in re.findall(r"^#+ (Add an? .*)$", pages.text(page), re.MULTILINE):
            if heading == "Add an example ticket":  # which needs a training, and has a test above
                continue
            reader = Reader(checkout, page, heading)
            reader.write()
            if heading in ("Add a criterion", "Add an action"):
                reader.name_functions()
            files.update(pages.files_of_tests(reader.part))
            changed.update(addition.path for addition in reader.additions)
    flags = checkout / "runs" / "README.md"
    for flag, names in NAMES_OF_FLAGS.items():
        listed = "".join(f"`{name}`, " for name in names)
        text, found = re.subn(rf"^\| `{flag}` \| ", rf"\g<0>{listed}", flags.read_text(), flags=re.MULTILINE)
        assert found == 1
        flags.write_text(text)
    for name in ("mnist", "cifar10"):  # tests of real data look for both
        (checkout / "data" / name).mkdir(parents=True)
    (checkout / "data" / "my_images").symlink_to(my_images / "my_images")
    monkeypatch.setenv("TFDS_DATA_DIR", str(checkout / "data"))

    slow_ones = ["my_images", "Moving", "Random", *(name.rpartition("::")[2] for name in OF_ALL_ENTRIES)]
    passed = reader.passed_tests(" or ".join(["not slow", *slow_ones]), *sorted(files))
    for name in NAMES_IN_TESTS:
        assert any(f"[{name}" in test for test in passed), name
    reader.do("-m", "ruff", "check", "--ignore=I001,D100", *changed)  # I001: the order of imports, which it can mend
