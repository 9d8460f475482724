"""The pages of documentation: their code runs as printed; their commands, links and names exist."""

import csv
import re
import runpy
import sys
import types

import keras
import numpy as np
import pages
import pytest

import lottery_tf as lt
from lottery_tf.masking.naming import renamed
from lottery_tf.models import settings, table_s1
from lottery_tf.pruning import criteria, mask0_actions, mask1_actions
from lottery_tf.results.stored_result import HISTORY_COLUMNS

LIBRARY = "lottery_tf/README.md"
RENAMED = ("Ladder", "Stretch", "Result", "RunSettings", "run_settings")  # public names as they were, which warn


class Logged(keras.callbacks.Callback):
    """A stand-in for W&B's Keras callback."""

    calls = []

    def on_epoch_end(self, epoch, logs=None):
        self.calls.append((epoch, *sorted(logs)))


@pytest.fixture
def wandb(monkeypatch):
    """A stand-in for Weights & Biases that records what it is called with: `projects`, `readings`, `epochs`."""
    made = types.SimpleNamespace(projects=[], readings=[], epochs=[])
    run = types.SimpleNamespace(log=made.readings.append)
    package, integration = types.ModuleType("wandb"), types.ModuleType("wandb.integration")
    package.init = lambda project: made.projects.append(project) or run
    callbacks = types.ModuleType("wandb.integration.keras")
    callbacks.WandbMetricsLogger = type("WandbMetricsLogger", (Logged,), {"calls": made.epochs})
    for module in (package, integration, callbacks):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return made


def run_blocks(name, folder):
    """Runs the code of a page, block after block, as a notebook does; returns all names that it makes."""
    names = {}
    for number, block in enumerate(pages.python_blocks(pages.text(name))):
        if pages.addition(block) is None:
            path = folder / f"block_{number}.py"
            path.write_text(block)
            names |= runpy.run_path(str(path), names)
    return names


@pytest.mark.slow
def test_the_ten_lines_of_the_front_page(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    made = run_blocks("README.md", tmp_path)
    lines = [line for line in capsys.readouterr().out.splitlines() if "kept" in line]
    assert len(lines) == 6
    assert min(float(line.split()[-1].rstrip("%")) for line in lines) > 85
    saved = keras.models.load_model("pruned.keras")
    images = made["digits"].test.images[:20] / 255
    np.testing.assert_allclose(saved(images), made["pruned"](images), atol=1e-5)


@pytest.mark.slow
def test_the_code_of_the_librarys_page(tmp_path, monkeypatch, capsys, wandb):
    monkeypatch.chdir(tmp_path)
    made = run_blocks(LIBRARY, tmp_path)
    digits, levels = made["digits"], made["levels"]

    # your own model, and its results on disk
    assert [level.metrics["level"] for level in levels] == [0, 1, 2, 3]
    assert capsys.readouterr().out.splitlines()[0].startswith("0 1.0")
    stored = lt.ResultsFolder("results/mine", {"model": "mine"}).read("seed-0/large_final-rewind-zero/level-01", True)
    assert all(np.array_equal(made["mask"][name], kept) for name, kept in stored.mask.items())
    held = lt.get_weights(made["mine"].model)
    assert all(held[name].tobytes() == value.tobytes() for name, value in stored.start.items())

    # masks under Keras's own fit: pruned weights are still zero, and some others moved
    kernel = made["layer"].kernel.numpy()
    gone = np.abs(made["kernel"]) <= 0.05
    assert gone.any() and not kernel[gone].any() and (kernel != made["kernel"])[~gone].any()

    # Supermasks
    right = made["plain"].predict(digits.test.images / 255, verbose=0).argmax(1) == digits.test.labels
    assert right.mean() > 0.5

    # tickets
    for content, wanted in ((made["winning"], levels[-1].start), (made["trained"], levels[-1].final)):
        found = renamed(lt.get_weights(lt.rebuild(content)), wanted)  # Keras numbers layers on
        assert all(found[name].tobytes() == value.tobytes() for name, value in wanted.items())

    # live logging: readings at iterations 0, 100 and 200 of two levels; two epochs of two values
    assert wandb.projects == ["tickets"]
    assert [(each["level"], each["iteration"]) for each in wandb.readings] == [
        (level, iteration) for level in (0, 1) for iteration in (0, 100, 200)
    ]
    assert all({"seed", "kept_fraction", *HISTORY_COLUMNS} <= {*each} for each in wandb.readings)
    assert wandb.readings[-1]["criterion"] == "large_final"
    assert (
        wandb.readings[-1]["validation_accuracy"]
        == made["watched"].results.read("seed-0/large_final-rewind-zero/level-01", False).history[-1, 4]
    )
    assert wandb.epochs == [(0, "loss"), (1, "loss")]
    with open("readings.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    written = [float(row["validation_loss"]) for row in rows]
    assert written == [each["validation_loss"] for each in wandb.readings]
    with open("fit.csv", newline="") as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["0", "1"]


@pytest.mark.parametrize("name", [name for name in pages.PAGES if name not in ("README.md", LIBRARY)])
def test_other_pages_have_no_code_that_nothing_runs(name):
    assert all(pages.addition(block) for block in pages.python_blocks(pages.text(name)))


def test_the_front_page_is_one_page():
    text = pages.text("README.md")
    assert len(text.encode()) < 10_000
    assert len([line for line in text.splitlines() if line.endswith("&& pytest")]) == 1


def test_the_front_page_counts_the_verdicts_of_the_table_of_claims():
    table = pages.text("analysis/measured/README.md").partition("<!-- table: claims -->")[2].partition("<!-- end")[0]
    rows = [row.split(" | ") for row in table.strip().splitlines()[2:]]
    verdicts, claims = [row[1].strip("*") for row in rows], {row[0] for row in rows}
    shown, not_shown, contradicted = map(verdicts.count, ("shown", "not shown", "contradicted"))
    assert shown + not_shown + contradicted == len(verdicts)
    said = " ".join(pages.text("README.md").split())
    assert len(verdicts) - len(claims) == 3
    enough = "claims of the paper and the two works that it builds on have enough data, three of them on two networks"
    assert f"{len(claims)} {enough}" in said
    assert f'Of the {len(verdicts)} verdicts, {shown} are "shown", {not_shown} are "not shown" and' in said
    assert f'and {contradicted} are "contradicted"' in said


@pytest.mark.parametrize("name", pages.PAGES)
def test_links_lead_somewhere(name):
    page = pages.PAGES[name]
    for link in pages.links(name):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in pages.anchors(target), link


def test_anchors_are_those_of_headings(tmp_path):
    (tmp_path / "page.md").write_text("# A ticket, `packed`\n```\n# no heading\n```\n## Masks for Keras's own fit\n")
    assert pages.anchors(tmp_path / "page.md") == {"a-ticket-packed", "masks-for-kerass-own-fit"}


@pytest.mark.parametrize("name", pages.PAGES)
def test_names_and_files_that_are_spoken_of_are_there(name):
    spoken = pages.text(name)
    for public in re.findall(r"\blt\.([A-Za-z_]\w*)", spoken):
        assert public in RENAMED or hasattr(lt, public), public
    for module in re.findall(r"python -m ((?:runs|analysis)\.\w+)", spoken):
        path = pages.ROOT / module.replace(".", "/")
        assert path.with_suffix(".py").exists() or (path / "__main__.py").exists(), module
    for path in re.findall(r"`((?:lottery_tf|runs|analysis|tests)/[\w/.]+)`", spoken):
        assert (pages.ROOT / path).exists(), path


@pytest.mark.slow
@pytest.mark.parametrize("name", pages.PAGES)
def test_commands_have_the_flags_that_are_printed(name, light_command):
    before_additions, *_ = pages.text(name).partition("\n## How to add\n")  # `test_adding.py` runs the commands there
    for module, arguments in pages.commands(before_additions):
        done = light_command(module, *arguments, "--only_check_args")
        assert done.returncode == 0, (module, arguments, done.stderr)


CHOICES = {  # flag -> the table of what can be chosen
    "--network": table_s1.NETWORKS,
    "--dataset": settings.DATASETS,
    "--criterion": criteria.CRITERIA,
    "--mask1": mask1_actions.MASK1,
    "--mask0": mask0_actions.MASK0,
    "--schedule": settings.SCHEDULES,
}


@pytest.mark.parametrize("flag", CHOICES)
def test_the_table_of_flags_names_every_choice(flag):
    (row,) = [line for line in pages.text("runs/README.md").splitlines() if line.startswith(f"| `{flag}`")]
    assert set(CHOICES[flag]) <= set(re.findall(r"`([a-z0-9_]+)`", row))
