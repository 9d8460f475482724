"""Measures size and inference time of trained tickets, before and after compaction."""

from __future__ import annotations

import dataclasses
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from lottery_tf.command_line.text_tables import text_table
from lottery_tf.datasets.loading import load
from lottery_tf.experiment import Experiment
from lottery_tf.masking import conversion
from lottery_tf.masking.compaction import compact
from lottery_tf.models import networks
from lottery_tf.models.settings import PruningSettings, experiment_settings
from lottery_tf.models.table_s1 import NETWORKS
from lottery_tf.pruning.treatments import Treatment

BATCHES = (1, 500)
ROUNDS_AT_ONCE = 6  # a round of this benchmark prunes as much as this many rounds of the paper
SECONDS = 0.3  # the shortest duration of one measurement of an inference time


@dataclasses.dataclass(frozen=True)
class TicketCase:
    """A network to prune on the embedded digits (resized for the network), and its levels and iterations."""

    network: str
    levels: int
    iterations: int


CASES = (TicketCase("fc", 4, 300), TicketCase("conv2", 4, 60))


def run(repeats: int) -> None:
    """Prints the number of parameters, the size of the `.keras` file and the inference time of each level."""
    print(f"Tickets trained on digits, before > after `lottery_tf.compact`. Times: medians of {repeats}.")
    for case in CASES:
        rows = [("kept %", "parameters", "bytes", *(f"ms, {size} images" for size in BATCHES), "largest difference")]
        for kept_fraction, model in tickets(case):
            rows.append((f"{100 * kept_fraction:.2f}", *_row(conversion.unmasked(model), compact(model), repeats)))
        print(f"{case.network}\n{text_table(rows, indent='  ')}", flush=True)


def tickets(case: TicketCase) -> Iterator[tuple[float, keras.Model]]:
    """Yields the kept fraction and the trained network of each level."""
    image_shape = NETWORKS[case.network].image_shape
    settings = experiment_settings(case.network, "digits", str(case.iterations))
    pruned_fractions = (settings.pruning.conv, settings.pruning.dense, settings.pruning.output)
    pruning = PruningSettings(*(1 - (1 - fraction) ** ROUNDS_AT_ONCE for fraction in pruned_fractions))
    dataset = load("digits", image_shape=image_shape)
    experiment = Experiment(networks.build(case.network), dataset, settings.training, pruning)
    for number, level in enumerate(experiment.levels(Treatment(), seed=0, levels=case.levels)):
        yield level.metrics["kept_fraction"], experiment.load(Treatment(), seed=0, level=number)


def _row(plain: keras.Model, small: keras.Model, repeats: int) -> tuple[str, ...]:
    rng = np.random.default_rng(0)
    images = {size: rng.random((size, *plain.input_shape[1:]), np.float32) for size in BATCHES}
    times = [inference_times([plain, small], batch, repeats) for batch in images.values()]
    difference = np.abs(plain(images[BATCHES[-1]]) - small(images[BATCHES[-1]])).max()
    return (
        f"{plain.count_params():,} > {small.count_params():,}",
        f"{_bytes(plain):,} > {_bytes(small):,}",
        *(f"{before:.3f} > {after:.3f} ({before / after:.1f}x)" for before, after in times),
        f"{difference:.1e}",
    )


def inference_times(models: list[keras.Model], images: np.ndarray, repeats: int) -> list[float]:
    """Returns the milliseconds that each model takes for the images: medians, measured in turn."""
    batch = tf.constant(images)
    calls = [tf.function(model) for model in models]
    for call in calls:
        call(batch)  # traces the graph
    taken = [[_milliseconds(call, batch) for call in calls] for _ in range(repeats)]
    return [statistics.median(column) for column in zip(*taken, strict=True)]


def _milliseconds(call: Callable, batch: tf.Tensor) -> float:
    count, began = 0, time.perf_counter()
    while (passed := time.perf_counter() - began) < SECONDS:
        call(batch).numpy()
        count += 1
    return 1000 * passed / count


def _bytes(model: keras.Model) -> int:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        return path.stat().st_size
