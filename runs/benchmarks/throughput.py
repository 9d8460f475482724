"""Measures training steps per second of plain Keras `fit` and of this project's loop, without and with masks."""

from __future__ import annotations

import dataclasses
import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import keras
import numpy as np
import tensorflow as tf

from lottery_tf.command_line.text_tables import text_table, with_range
from lottery_tf.datasets.dataset import Dataset
from lottery_tf.datasets.splits import Split
from lottery_tf.masking import conversion, model_weights
from lottery_tf.models import networks
from lottery_tf.models.settings import DATASETS, TrainingSettings, experiment_settings
from lottery_tf.models.table_s1 import NETWORKS
from lottery_tf.pruning import masks
from lottery_tf.pruning.treatments import Ticket
from lottery_tf.system import processes
from lottery_tf.system.hardware import describe_processor
from lottery_tf.training.precision import set_precision
from lottery_tf.training.programs import EVALUATION_BATCH
from lottery_tf.training.trainer import Trainer


@dataclasses.dataclass(frozen=True)
class TrainingCase:
    """A network to measure on random images of its data set's size, and the number of steps of a measurement."""

    network: str
    dataset: str
    fit_steps: int
    loop_steps: int
    precision: str = "float32"


Name = TypeVar("Name")
INTERVAL = 100  # steps between two readings of the validation loss
CASES = (TrainingCase("fc", "mnist", 9 * INTERVAL, 3000), TrainingCase("conv2", "cifar10", 3 * INTERVAL, 300))


def run(repeats: int) -> None:
    """Measures every case and prints a table. The measurements of a case alternate, so that drift cancels out."""
    print(f"{os.cpu_count()} cores, {describe_processor()}, TensorFlow {tf.__version__}, Keras {keras.__version__}")
    rate = matrix_product_rate()
    print(f"Matrix products: {rate / 1e9:.0f} GFLOP/s (float32, 2048 x 2048). Medians of {repeats}.\n", flush=True)
    for case in CASES:
        _measure(case, repeats, rate)


def _measure(case: TrainingCase, repeats: int, rate: float) -> None:
    """Measures the speeds of one network, and prints them as a table."""
    dataset = made_up_data(case)
    settings = experiment_settings(case.network, case.dataset, str(case.loop_steps), eval_interval=INTERVAL).training
    masked = networks.build(case.network)
    figures: dict[str, Callable[[], float]] = {
        "Keras fit, without its first steps": lambda: fit_alone(case, KerasFit.steady),
        "Keras fit, whole call": lambda: fit_alone(case, KerasFit.whole),
        f"Keras fit, validated every {INTERVAL}": lambda: fit_alone(case, KerasFit.validated),
        "this loop, no masks, nothing validated": loop(conversion.unmasked(masked), dataset, settings, validate=False),
        "this loop, masked, nothing validated": loop(masked, dataset, settings, validate=False),
        f"this loop, masked, validated every {INTERVAL}": loop(
            conversion.masked(masked), dataset, settings, validate=True
        ),
    }
    taken = alternating(figures, repeats)
    baseline = statistics.median(taken["Keras fit, without its first steps"])
    flops = training_flops(masked, settings.batch_size)
    print(f"{case.network}, batch {settings.batch_size}, {flops / 1e6:.0f} MFLOP per step")
    rows = [("", "steps/s", "x fit", "% of the rate of matrix products")]
    for name, values in taken.items():
        speed = statistics.median(values)
        rows.append((name, median_and_range(values), f"{speed / baseline:.2f}", f"{100 * speed * flops / rate:.0f}"))
    print(f"{text_table(rows, indent='  ')}\n", flush=True)


def alternating(figures: Mapping[Name, Callable[[], float]], repeats: int) -> dict[Name, list[float]]:
    """Measures each figure some times, one after the other, so that a slower minute of the machine meets them all."""
    taken = {name: [] for name in figures}
    for _ in range(repeats):
        for name, measure in figures.items():
            taken[name].append(measure())
    return taken


def median_and_range(values: Sequence[float]) -> str:
    """Returns "median [minimum, maximum]" of some measurements."""
    return with_range(statistics.median(values), min(values), max(values), ".1f")


def made_up_data(case: TrainingCase) -> Dataset:
    """Returns random images and labels in the sizes of a data set; the speed does not depend on their content."""
    table, shape, rng = DATASETS[case.dataset], NETWORKS[case.network].image_shape, np.random.default_rng(0)
    splits = [
        Split(rng.integers(0, 256, (size, *shape), np.uint8), rng.integers(0, table.classes, size))
        for size in (table.train - table.validation, table.validation, table.test)
    ]
    return Dataset(*splits)


def fit_alone(case: TrainingCase, figure: Callable[[KerasFit], float]) -> float:
    """Measures plain Keras `fit` in a process of its own; it is slower beside other models and their threads."""
    return processes.run_in_subprocess("plain Keras fit", _fit_here, case, figure)


def _fit_here(case: TrainingCase, figure: Callable[[KerasFit], float]) -> float:
    settings = experiment_settings(case.network, case.dataset, str(case.loop_steps)).training
    return figure(KerasFit(case, made_up_data(case), settings))


def _slices(split: Split) -> tf.data.Dataset:
    return tf.data.Dataset.from_tensor_slices((split.images.astype(np.float32) / 255, split.labels))


class _Clock(keras.callbacks.Callback):
    """Records when each batch ends."""

    def __init__(self):
        super().__init__()
        self.ends: list[float] = []

    def on_train_batch_end(self, batch, logs=None):
        self.ends.append(time.perf_counter())


class KerasFit:
    """Measures the usual Keras pipeline: a shuffled data set of float images in batches, `compile` and `fit`."""

    def __init__(self, case: TrainingCase, dataset: Dataset, settings: TrainingSettings):
        self._steps = case.fit_steps
        self._model = conversion.unmasked(networks.build(case.network))
        set_precision(self._model, case.precision)
        self._model.compile(
            keras.optimizers.Adam(settings.learning_rate),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
        )
        train, validation = map(_slices, (dataset.train, dataset.validation))
        self._pipeline = train.shuffle(len(train)).batch(settings.batch_size).repeat()
        self._validation = validation.batch(EVALUATION_BATCH)
        self._fit(5)  # traces the graph

    def _fit(self, steps: int, *callbacks: keras.callbacks.Callback, **more) -> None:
        batches = self._pipeline.take(steps)  # shuffled already
        self._model.fit(batches, verbose=0, shuffle=False, callbacks=list(callbacks), **more)

    def whole(self) -> float:
        """Steps per second of a whole call of `fit`, including filling the shuffle buffer."""
        began = time.perf_counter()
        self._fit(self._steps)
        return self._steps / (time.perf_counter() - began)

    def steady(self) -> float:
        """Steps per second in the last two thirds of a call of `fit`, without validation."""
        return self._under_way()

    def validated(self) -> float:
        """Steps per second in the last two thirds of a call, with a validation every `INTERVAL` steps."""
        epochs = self._steps // INTERVAL
        return self._under_way(steps_per_epoch=INTERVAL, epochs=epochs, validation_data=self._validation)

    def _under_way(self, **more) -> float:
        clock, counted = _Clock(), 2 * self._steps // 3
        self._fit(self._steps, clock, **more)
        return counted / (clock.ends[-1] - clock.ends[-1 - counted])


def loop(
    model: keras.Model,
    dataset: Dataset,
    settings: TrainingSettings,
    validate: bool,
) -> Callable[[], float]:
    """Returns a function that measures steps per second of whole trainings by `Trainer`, with one test image.

    With `validate` all validation images are used, else only one.
    """
    one = Split(dataset.test.images[:1], dataset.test.labels[:1])
    dataset = Dataset(dataset.train, dataset.validation if validate else one, one)
    trainer = Trainer(model, dataset, settings)
    ticket = Ticket(model_weights.get_weights(model), masks.full(model_weights.kernels(model)))
    trainer.train(ticket, seed=0, level=0)  # compiles

    def measure() -> float:
        return settings.iterations / trainer.train(ticket, seed=0, level=0).seconds

    return measure


def matrix_product_rate() -> float:
    """Returns the operations per second of large float32 matrix products on all cores, the best of ten times."""
    size = 2048
    a = tf.random.stateless_normal((size, size), (0, 0))
    times = []
    for _ in range(10):
        began = time.perf_counter()
        tf.matmul(a, a).numpy()
        times.append(time.perf_counter() - began)
    return 2 * size**3 / min(times)


def training_flops(model: keras.Model, batch_size: int) -> float:
    """Returns the number of floating-point operations in the matrix products and convolutions of a training step.

    The forward pass, the gradient of the weights and the gradient of the inputs take the same number of operations. The
    first layer needs no gradient of its inputs.
    """
    total = 0.0
    for index, layer in enumerate(layer for layer, _ in model_weights.kernel_layers(model).values()):
        positions = np.prod(layer.output.shape[1:-1])  # 1 for a dense layer
        total += (2 if index == 0 else 3) * 2 * batch_size * positions * np.prod(layer.kernel.shape)
    return float(total)
