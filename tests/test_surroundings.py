"""What a user has set for other programs: pinned by commands, or refused at once in a sentence."""

import json
import os
import signal
import subprocess
import sys

import matplotlib
import pytest
from shared import ROOT

from analysis.figures import drawing
from lottery_tf import processes
from lottery_tf.errors import InputError

SHOWS = """
from lottery_tf import console, processes
def main():
    processes.start_tensorflow(1)
    import keras, matplotlib, os, tensorflow as tf
    print(keras.config.backend(), keras.config.floatx(), keras.config.image_data_format(), keras.config.epsilon())
    print(matplotlib.get_backend(), tf.keras.__name__, "caf\\u00e9 \\u2713")
console.run(main)
"""


def run(code, **environment):
    """Runs some code as a command with other environment variables."""
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=os.environ | environment,
                          capture_output=True, text=True, check=False)  # fmt: skip


def keras_home(folder, content):
    """A folder with a `keras.json`, as Keras wants to have it named."""
    (folder / "keras.json").write_text(content)
    return {"KERAS_HOME": str(folder)}


@pytest.mark.slow
def test_a_command_computes_and_draws_the_same_whatever_is_set_for_others(tmp_path):
    others = {"floatx": "float64", "epsilon": 1e-3, "backend": "jax", "image_data_format": "channels_first"}
    done = run(SHOWS, MPLBACKEND="module://no.such.backend", KERAS_BACKEND="torch", TF_USE_LEGACY_KERAS="1",
               PYTHONIOENCODING="ascii", **keras_home(tmp_path, json.dumps(others)))  # fmt: skip
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first == "tensorflow float32 channels_last 1e-07"
    assert second.lower().startswith("agg keras") and second.endswith(r"caf\xe9 \u2713")
    assert json.loads((tmp_path / "keras.json").read_text()) == others, "a user's file was changed"


@pytest.mark.slow
def test_what_keras_cannot_read_is_told_in_a_sentence(tmp_path):
    done = run(SHOWS, **keras_home(tmp_path, '{"floatx": "float99"}'))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"Keras cannot start with the settings in {tmp_path}/keras.json (")
    assert len(done.stderr.splitlines()) == 1


def test_networks_of_the_paper_are_the_same_in_any_notebook():
    import keras

    import lottery_tf as lt

    usual = lt.build("conv2").get_config()
    before = {name: getattr(keras.config, name)() for name in processes.KERAS}
    others = {"floatx": "float64", "image_data_format": "channels_first", "epsilon": 0.5}
    try:
        for name, value in others.items():
            getattr(keras.config, f"set_{name}")(value)
        built = lt.build("conv2")
        assert {name: getattr(keras.config, name)() for name in others} == others, "a user's setting was changed"
    finally:
        for name, value in before.items():
            getattr(keras.config, f"set_{name}")(value)
    assert {variable.dtype for variable in built.trainable_variables} == {"float32"}
    layers = [
        [layer["config"].get("data_format") for layer in config["layers"]] for config in (usual, built.get_config())
    ]
    assert layers[0] == layers[1]


def test_a_figure_is_the_same_picture_whatever_stands_in_a_matplotlibrc():
    def drawn():
        with drawing.look():
            figure = drawing.blank(2, 1)
            figure.subplots().plot([1, 2], [3, 4], label="a")
            return drawing.content(drawing.fix_layout(figure), "png")

    usual = drawn()
    others = {"axes.facecolor": "red", "font.family": "monospace", "savefig.transparent": True, "lines.linestyle": ":"}
    with matplotlib.rc_context(others):
        assert drawn() == usual
        assert matplotlib.rcParams["axes.facecolor"] == "red", "a user's setting was changed"


@pytest.mark.slow
def test_a_worker_that_cannot_start_says_why_at_once(tmp_path):
    (tmp_path / "tensorflow.py").write_text('raise ValueError("no such backend: inline")')
    words = ["runs.study", "--study=demo", "--levels=1", "--schedule=20", f"--results_dir={tmp_path / 'results'}"]
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run([sys.executable, "-m", *words], cwd=ROOT, env=os.environ | {"PYTHONPATH": path},
                          capture_output=True, text=True, check=False)  # fmt: skip
    assert done.returncode == 2
    assert "no such backend: inline" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr and "out of memory" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("function", "argument", "message"),
    [
        (os._exit, 3, "exit status 3; its output is above"),
        (signal.raise_signal, signal.SIGKILL, "killed, or out of memory"),
        (signal.raise_signal, signal.SIGTERM, "terminated, perhaps out of memory; its output is above"),
    ],
)
def test_how_a_process_ended_is_told(function, argument, message):
    with pytest.raises(InputError, match=message):
        processes.run_in_subprocess("trying", function, argument)


CHATTER = """
import lottery_tf as lt
lt.build("fc")
"""


@pytest.mark.slow
def test_importing_the_library_is_as_quiet_as_its_user_asked_for():
    assert run(CHATTER, TF_CPP_MIN_LOG_LEVEL="3").stderr == ""


@pytest.mark.slow
@pytest.mark.parametrize("module", ["analysis.figures", "analysis.report"])
def test_a_backend_that_matplotlib_does_not_know_ends_no_command(module, tmp_path):
    words = [sys.executable, "-m", module, f"--results_dir={tmp_path / 'none'}", f"--out={tmp_path / 'out'}"]
    done = subprocess.run(words, cwd=ROOT, env=os.environ | {"MPLBACKEND": "foo"}, capture_output=True, text=True,
                          check=False)  # fmt: skip
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
    assert str(tmp_path / "none") in done.stderr
