"""The README's own code, run as it is printed."""

import os
import re
import runpy
import subprocess
import sys

import keras
import pytest
from conftest import ROOT

import lottery_tf as lt
from lottery_tf.masking import model_weights


def python_blocks():
    return re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)


def run(block, folder, **names):
    """The names that a block of code makes; `names` are what it finds."""
    (folder / "block.py").write_text(block)
    return runpy.run_path(str(folder / "block.py"), names)


def test_the_job_in_ten_lines(tmp_path, monkeypatch, capsys):
    (block,) = [block for block in python_blocks() if "lt.Experiment(" in block]
    monkeypatch.chdir(tmp_path)
    made = run(block, tmp_path)
    accuracies = [
        float(line.split()[-1].rstrip("%")) for line in capsys.readouterr().out.splitlines() if "kept" in line
    ]
    assert len(accuracies) == 6
    assert min(accuracies) > 85
    assert keras.models.load_model(tmp_path / "ticket.keras").output_shape == (None, 10)
    (block,) = [block for block in python_blocks() if "lt.pack_supermask(" in block]
    names = {"lt": lt, "network": keras.Sequential(made["layers"]), "level": made["level"], "ticket": made["ticket"]}
    packed = run(block, tmp_path, **names)
    for content, wanted in ((packed["winning"], made["level"].start), (packed["trained"], made["level"].final)):
        found = model_weights.get_weights(lt.rebuild(content))
        assert all(found[name].tobytes() == value.tobytes() for name, value in wanted.items())


def test_the_masked_model(digits, tmp_path):
    (block,) = [block for block in python_blocks() if "lt.MaskedModel(" in block]
    layers = [keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(64, "relu"), keras.layers.Dense(10)]
    names = {"keras": keras, "lt": lt, "network": keras.Sequential(layers)}
    names |= {"images": digits.train.images / 255, "labels": digits.train.labels}
    plain = run(block, tmp_path, **names)["plain"]
    right = plain.predict(digits.test.images / 255, verbose=0).argmax(1) == digits.test.labels
    assert right.mean() > 0.5


@pytest.mark.slow
def test_a_criterion_of_your_own(tmp_path):
    (block,) = [block for block in python_blocks() if "my_module.py" in block]
    (tmp_path / "my_module.py").write_text(block)
    own = ["--criterion=my_module:my_criterion", "--iterations=20", "--levels=1", "--results_dir=out"]
    done = subprocess.run(
        [sys.executable, "-m", "runs.lottery", *own],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": os.pathsep.join((str(ROOT), str(tmp_path)))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "my_module+my_criterion-rewind-zero" in done.stdout


@pytest.mark.parametrize("flag", ["--criterion", "--mask1", "--mask0", "--schedule"])
def test_the_table_of_flags_names_every_choice(flag):
    from lottery_tf.models import settings
    from lottery_tf.pruning import criteria, mask0_actions, mask1_actions

    tables = {
        "--criterion": criteria.CRITERIA,
        "--mask1": mask1_actions.MASK1,
        "--mask0": mask0_actions.MASK0,
        "--schedule": settings.SCHEDULES,
    }
    (row,) = [line for line in (ROOT / "README.md").read_text().splitlines() if line.startswith(f"| `{flag}`")]
    assert set(tables[flag]) <= set(re.findall(r"`([a-z0-9_]+)`", row))
