"""Fixtures of all tests: tiny data and a tiny network, so that each test takes milliseconds after the import."""

import multiprocessing.process
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import foreground
import hypothesis
import numpy as np
import pytest
from forks import Forks
from shared import HANG_SECONDS, ROOT, tiny_network

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

collect_ignore_glob = ["*conftest.py"]  # no doctests in them: pytest would take files of one name for one module
SLOW = {  # fixtures: commands, whole figures, and MNIST and CIFAR-10
    "command", "start", "warm_forks", "light_forks", "wheel", "drawn", "real_data_dir",
}  # fmt: skip
SLOW_EXAMPLES = {  # docstrings with an example that compiles and trains
    "lottery_tf.experiment.Experiment",
    "lottery_tf.landscape.curvature.Curvature",
    "lottery_tf.landscape.evaluator.Evaluator",
    "lottery_tf.supermasks.heuristics.HeuristicSupermasks",
}


def pytest_configure(config):
    """Gives what is tested a temporary folder that is removed at the end, and Hypothesis no deadlines."""
    system = tempfile.gettempdir()
    # Killed processes leave files behind. Tests that fail keep their `tmp_path`, and Ray's sockets want short paths.
    for name in ("PYTEST_DEBUG_TEMPROOT", "RAY_TMPDIR"):
        os.environ.setdefault(name, system)
    tempfile.tempdir = os.environ["TMPDIR"] = own = tempfile.mkdtemp(prefix="tests-")
    # Ray's workers are niced by default: beside the other tests they would hardly get any time.
    os.environ.setdefault("RAY_worker_niceness", "0")
    # The same examples in each run, however long they take on a busy machine.
    hypothesis.settings.register_profile("here", deadline=None, derandomize=True)
    hypothesis.settings.load_profile("here")
    config.add_cleanup(lambda: shutil.rmtree(own, ignore_errors=True))


def pytest_collection_modifyitems(items):
    """Marks slow examples, and tests whose fixtures start commands, draw figures or read large data sets."""
    for item in items:
        if item.name in SLOW_EXAMPLES or SLOW.intersection(getattr(item, "fixturenames", ())):
            item.add_marker("slow")


@pytest.fixture(autouse=True)
def quick_unless_marked(request, monkeypatch):
    """Fails tests that start Python processes, or train what compiles slowly, but are not marked as slow."""
    if request.node.get_closest_marker("slow"):
        return
    popen = subprocess.Popen.__init__

    def start_command(self, words, *arguments, **options):
        assert words[0] != sys.executable, "A test that starts commands is to be marked as slow."
        popen(self, words, *arguments, **options)

    def start_process(self):
        pytest.fail("A test that starts processes is to be marked as slow.")

    monkeypatch.setattr(subprocess.Popen, "__init__", start_command)
    monkeypatch.setattr(multiprocessing.process.BaseProcess, "start", start_process)
    if training := sys.modules.get("lottery_tf.training.trainer"):
        train = training.Trainer.train

        def train_dense_network(self, *arguments, **options):
            quick = self.settings.precision == "float32" and not isinstance(self.model, training.SampledModel)
            quick = quick and not training.compilation.has_convolutions(self.model)
            assert quick, "A test that trains convolutions, in half precision, or learns masks is to be marked as slow."
            return train(self, *arguments, **options)

        monkeypatch.setattr(training.Trainer, "train", train_dense_network)


@pytest.fixture(scope="session")
def digits():
    """The embedded digits, 28x28x1."""
    import lottery_tf as lt

    return lt.load("digits")


@pytest.fixture(scope="session")
def tiny_dataset():
    """400 images of 6x6 in three classes that a linear model can tell apart."""
    import lottery_tf as lt

    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 400)
    images = rng.integers(0, 200, (400, 6, 6, 1)) + 55 * (
        np.arange(36).reshape(6, 6, 1) % 3 == labels[:, None, None, None]
    )
    images = images.astype(np.uint8)
    cuts = ((0, 280), (280, 340), (340, 400))
    return lt.Dataset(*(lt.Split(images[a:b], labels[a:b]) for a, b in cuts))


@pytest.fixture
def tiny_model():
    """A masked network of its own."""
    return tiny_network()


@pytest.fixture(scope="module")
def trainer(tiny_dataset):
    """One trainer for nearly all experiments here: compiling one takes longer than all that an experiment trains."""
    from tiny_experiments import SETTINGS

    from lottery_tf.training.trainer import Trainer

    return Trainer(tiny_network(), tiny_dataset, SETTINGS)


@pytest.fixture
def experiment(trainer):
    """An experiment in memory."""
    from tiny_experiments import experiment_with

    return experiment_with(trainer)


@pytest.fixture
def command(tmp_path):
    """Runs `python -m MODULE ARGUMENTS` from the checkout and returns the finished process."""

    def run(module, *arguments, code=None):
        what = ["-m", module] if code is None else ["-c", code]
        return subprocess.run(
            [sys.executable, *what, *map(str, arguments)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=HANG_SECONDS,
            check=False,
        )

    return run


@pytest.fixture
def start():
    """`foreground.start`, which leaves no process behind when a test fails half-way."""
    processes = []

    def run(words, **options):
        processes.append(foreground.start(words, **options))
        return processes[-1]

    yield run
    for process in processes:
        with process:
            process.kill()


@pytest.fixture(scope="session")
def warm_forks(tmp_path_factory):
    """A process that has imported TensorFlow and whatever else commands import late."""
    modules = (
        "lottery_tf.supermasks.learning",
        "lottery_tf.experiment",
        "analysis.figures.catalogue",
        "analysis.tables.summary",
        "sklearn.datasets",
    )
    forks = Forks(tmp_path_factory.mktemp("warm"), modules)
    yield forks
    forks.close()


@pytest.fixture
def warm_command(warm_forks):
    """Runs `python -m MODULE ARGUMENTS` with TensorFlow already imported (see `forks.Forks.run`)."""
    return warm_forks.run


@pytest.fixture(scope="session")
def light_forks(tmp_path_factory):
    """A process without TensorFlow, which cannot be imported there."""
    modules = ("absl.app", "pandas", "lottery_tf.supermasks.heuristics", "lottery_tf.results.store")
    forks = Forks(tmp_path_factory.mktemp("light"), modules, blocked=("tensorflow", "keras"))
    yield forks
    forks.close()


@pytest.fixture
def light_command(light_forks):
    """Runs `python -m MODULE ARGUMENTS` where a command that imports TensorFlow or Keras fails."""
    return light_forks.run


@pytest.fixture
def real_data_dir():
    """A folder with MNIST and CIFAR-10 prepared for tensorflow-datasets, where the machine has one."""
    folder = Path(os.environ.get("TFDS_DATA_DIR", "~/tensorflow_datasets")).expanduser()
    if not all((folder / name).is_dir() for name in ("mnist", "cifar10")):
        pytest.skip(f"MNIST and CIFAR-10 are not in {folder}; TFDS_DATA_DIR may name another folder")
    return folder
