"""Writes event files for TensorBoard beside the results, during the training of a level and at its end.

A level's folder holds its curves over iterations, histograms of w_i and w_f, and an image of the input pixels that keep
connections. A treatment's folder holds its accuracy and early-stopping iteration by level and by kept fraction, and its
hyperparameters and metrics for the page HParams.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import tensorflow as tf
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.plugins.histogram.summary_v2 import histogram_pb
from tensorboard.plugins.hparams import api as hparams
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from lottery_tf.pruning.treatments import Weights
from lottery_tf.results.paths import EVENT_FILES, page_name
from lottery_tf.results.stored_result import HISTORY_COLUMNS, StoredResult, diverged

TREATMENT_SCALARS = ("test_accuracy", "final_test_accuracy", "early_stop_iteration", "early_stop_val_loss")
SHOWN_COLUMNS = ("criterion", "mask0", "mask1", "rounds", "seed")  # the columns of HParams that are shown by default
BY_KEPT = "by kept weights of 10000"  # TensorBoard's axis has only whole numbers, and no name except its group's
KEPT_AXIS = "The step is the kept fraction times 10,000: 10,000 is the dense network, 360 means 3.6% kept."
COMPARED = {  # metric in HParams -> function of a treatment's finished levels, in order, without the dense network
    "compare/mean test_accuracy of all levels": lambda levels: np.mean([each["test_accuracy"] for each in levels]),
    "compare/best test_accuracy": lambda levels: max(each["test_accuracy"] for each in levels),
    "compare/last test_accuracy": lambda levels: levels[-1]["test_accuracy"],
    "compare/last kept percentage": lambda levels: 100 * levels[-1]["kept_fraction"],
}


def _fresh_writer(folder: Path) -> tf.summary.SummaryWriter:
    """Returns a writer of the folder's only event file; deletes older event files."""
    for old in folder.glob(EVENT_FILES):
        old.unlink(missing_ok=True)
    return tf.summary.create_file_writer(str(folder))


class TrainingEvents:
    """The event file of one training; without a folder, nothing is written.

    A training that continues from a checkpoint starts with its history so far. Later events in an older file are left
    out, so that no step appears twice.
    """

    def __init__(self, folder: Path | None, columns: Sequence[str] = HISTORY_COLUMNS):
        self._folder = folder
        self._columns = columns
        self._writer: Any = None  # it is opened with the first row
        self._rows_written = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception) -> None:
        if self._writer is not None:
            self._writer.close()

    def history(self, history: np.ndarray) -> None:
        """Writes the rows of the history that are not yet in the file."""
        if self._writer is None:
            self._open(before=int(history[-1, 0]))
        with self._writer.as_default():
            for row in history[self._rows_written :]:
                for name, value in zip(self._columns[1:], row[1:], strict=True):
                    if np.isfinite(value):
                        tf.summary.scalar(name, value, step=int(row[0]))
        self._writer.flush()
        self._rows_written = len(history)

    def _open(self, before: int) -> None:
        """Starts a file with an interrupted training's events before an iteration. Its history is written anew."""
        if self._folder is None:
            self._writer = tf.summary.create_noop_writer()
            return
        old = [event for path in self._folder.glob(EVENT_FILES) for event in EventFileLoader(str(path)).Load()]
        self._writer = _fresh_writer(self._folder)
        with self._writer.as_default():
            for event in old:
                if event.step < before and any(value.tag not in self._columns for value in event.summary.value):
                    tf.summary.experimental.write_raw_pb(event.summary.SerializeToString(), step=event.step)

    def probabilities(self, probabilities: dict[str, np.ndarray], iteration: int) -> None:
        """Writes the pruned fraction of each layer and a histogram of its mask probabilities."""
        with self._writer.as_default(step=iteration):
            for name, kept in probabilities.items():
                tf.summary.scalar(f"pruned_fraction/{name.removesuffix('/kernel')}", 1 - kept.mean(dtype=np.float64))
                _histogram(f"mask probability/{name}", kept, iteration)

    def level(self, level: StoredResult) -> None:
        """Writes kept fractions, histograms and the image of a level whose training has ended."""
        with self._writer.as_default(step=level.metrics["level"]):
            for name, share in level.metrics["kept_fraction_by_layer"].items():
                tf.summary.scalar(f"kept_fraction/{name.removesuffix('/kernel')}", share)
            for name, kept in level.mask.items():
                _histogram(f"w_i/{name}", level.start[name][kept], level.metrics["level"])
                _histogram(f"w_f/{name}", level.final[name][kept], level.metrics["level"])
            if (image := input_connections(level.mask)) is not None:
                tf.summary.image("input pixels that keep connections", image[np.newaxis])


def _histogram(name: str, values: np.ndarray, step: int) -> None:
    """Writes a histogram computed by NumPy; TensorFlow's own would take 240 bytes of memory for each value."""
    if np.isfinite(values).all():
        summary = histogram_pb(name, values)
        tf.summary.experimental.write_raw_pb(summary.SerializeToString(), step=step)


def input_connections(mask: Weights) -> np.ndarray | None:
    """Returns a (height, width, 1) image with the share of each input pixel's connections in the first dense layer.

    It is None if nothing is pruned, the first layer is a convolution, or its inputs are not a square grey image.
    """
    first = next(iter(mask.values()))
    side = round(np.sqrt(first.shape[0]))
    if first.ndim != 2 or side * side != first.shape[0] or first.all():
        return None
    share = first.mean(axis=1, dtype=np.float64)
    return (share / share.max()).reshape(side, side, 1)


def write_treatment_page(
    folder: Path, identity: dict[str, object], settings: dict[str, object], levels: list[dict]
) -> None:
    """Writes a treatment's event file anew from the metrics of its levels, the dense network first.

    `identity` are the columns of HParams, `settings` further hyperparameters; those that are None are left out.
    """
    folder.mkdir(parents=True, exist_ok=True)
    given = {name: value for name, value in {**identity, **settings}.items() if value is not None}
    shown = {name: str(value) if isinstance(value, tuple) else value for name, value in given.items()}
    pruned = sorted((each for each in levels if not diverged(each) and each["level"]), key=lambda each: each["level"])
    if any(each["test_accuracy"] is None for each in pruned):  # the user's metrics do not include the accuracy
        pruned = []
    with _fresh_writer(folder).as_default():
        tf.summary.experimental.write_raw_pb(_columns(identity).SerializeToString(), step=0)
        hparams.hparams(shown, trial_id=page_name(folder))
        # Steps must increase: TensorBoard takes a lower step for a restart, and forgets earlier values.
        for metrics in sorted(levels, key=lambda metrics: metrics["kept_fraction"]):
            _scalars(BY_KEPT, metrics, round(10_000 * metrics["kept_fraction"]), KEPT_AXIS)
        for metrics in sorted(levels, key=lambda metrics: metrics["level"]):
            _scalars("by level", metrics, metrics["level"])
        for tag, value in COMPARED.items() if pruned else ():
            tf.summary.scalar(tag, value(pruned), step=pruned[-1]["level"])


def _columns(names: Iterable[str]) -> Any:
    """Returns the columns of HParams. Marks some of them as differing, because TensorBoard shows those first."""
    metrics = [hparams.Metric(tag, display_name=tag.partition("/")[2]) for tag in COMPARED]
    summary = hparams.hparams_config_pb([hparams.HParam(name) for name in names], metrics)
    plugin_data = summary.value[0].metadata.plugin_data
    content = HParamsPluginData.FromString(plugin_data.content)
    for column in content.experiment.hparam_infos:
        column.differs = column.name in SHOWN_COLUMNS
    plugin_data.content = content.SerializeToString()
    return summary


def _scalars(prefix: str, metrics: dict, step: int, description: str | None = None) -> None:
    """Writes the scalars of one level, if its training did not diverge."""
    for name in () if diverged(metrics) else TREATMENT_SCALARS:
        if metrics[name] is not None:
            tf.summary.scalar(f"{prefix}/{name}", metrics[name], step=step, description=description)
