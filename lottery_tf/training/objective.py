"""The loss and the metrics of a training: the paper's cross-entropy and accuracy, or any of Keras's."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from lottery_tf.argument_checks.signatures import checked
from lottery_tf.datasets.dataset import Dataset
from lottery_tf.errors import InputError
from lottery_tf.models.own_code import describe_code, functions_in
from lottery_tf.registry import choose
from lottery_tf.training.model_inputs import output_shapes
from lottery_tf.training.sampled_model import network_of

LOWEST, HIGHEST = "lowest", "highest"
KERAS_DIRECTIONS = {"down": LOWEST, "up": HIGHEST}  # the names in Keras's metrics -> ours


class Classification:
    """The default objective: cross-entropy of whole-number labels, and accuracy.

    For outputs with a value for each pixel or step, the mean over these counts.

    Attributes:
      metrics: the names of the metrics that are read beside the loss, in this order.
      directions: for each metric whether "lowest" or "highest" is best.
    """

    metrics: tuple[str, ...] = ("accuracy",)
    directions: Mapping[str, str] = MappingProxyType({"accuracy": HIGHEST})

    def __init__(self, from_logits: bool = True):
        self._from_logits = from_logits

    def check(self, model: keras.Model, dataset: Dataset, shapes: Any) -> None:
        """Raises InputError if the labels are not classes of the model's outputs, which have the given shapes."""
        if not isinstance(shapes, tuple) or isinstance(shapes[-1], tuple):
            raise InputError(
                f"The model {model.name!r} has several outputs; say what each is trained for: loss={{...}} with the "
                "names of its outputs, as in Keras's compile."
            )
        for name, split in dataset.splits.items():
            labels = split.labels
            if not isinstance(labels, np.ndarray) or labels.dtype != np.int32 or labels.min() < 0:
                given = f"{labels.shape} {labels.dtype}" if isinstance(labels, np.ndarray) else type(labels).__name__
                raise InputError(
                    f"Labels must be whole numbers from 0, one for each image; the {name} labels are {given}. For "
                    'other labels say what is trained: loss="mse", for example, or any loss of Keras.'
                )
            if labels.ndim != len(shapes) - 1:
                raise InputError(
                    f"The {name} labels have shape {labels.shape[1:]} for each image; the outputs of the model "
                    f"{model.name!r}, without the classes, have {shapes[1:-1]}. For other labels say what is trained: "
                    'loss="categorical_crossentropy", for example, or any loss of Keras.'
                )
            if (label := int(labels.max())) >= shapes[-1]:
                raise InputError(
                    f"The largest {name} label is {label}; the model {model.name!r} has {shapes[-1]} outputs."
                )

    def sums(self, labels, outputs, weights=None):
        """Returns the summed cross-entropy and the number of correct predictions of a batch, as float32 tensors."""
        outputs = tf.cast(outputs, tf.float32)
        losses = keras.losses.sparse_categorical_crossentropy(labels, outputs, from_logits=self._from_logits)
        correct = tf.cast(tf.equal(tf.argmax(outputs, axis=-1, output_type=tf.int32), labels), tf.float32)
        losses, correct = _example_means(losses), _example_means(correct)
        return tf.reduce_sum(losses if weights is None else losses * weights), tf.reduce_sum(correct)

    def reset_metrics(self) -> None:
        """Forgets earlier examples; does nothing here, because this objective keeps none."""

    def readings(self, loss: float, correct: float, count: int) -> tuple[float, ...]:
        """Returns the loss and the metrics of `count` examples, from the sums of their batches."""
        return loss / count, correct / count


def _example_means(values):
    """Returns one value for each example: the mean over its pixels or steps."""
    return values if len(values.shape) < 2 else tf.reduce_mean(values, axis=tuple(range(1, len(values.shape))))


class _LossAndMetrics(keras.Model):
    """A model without weights that computes losses and metrics as `Model.compile` and `fit` do."""

    def call(self, inputs):
        """Returns the inputs."""
        return inputs


class KerasObjective:
    """A loss and metrics as Keras's `compile` takes them.

    Attributes:
      metrics: the names of the metrics that are read beside the loss, in the order of the readings.
      directions: for each metric whether "lowest" or "highest" is best, if this is known.
    """

    def __init__(self, model: keras.Model, loss: Any, metrics: Any = None, loss_weights: Any = None):
        self._model = network_of(model)
        self._computer = _LossAndMetrics()
        if hasattr(self._model, "output_names"):
            self._computer.output_names = self._model.output_names
        try:
            self._computer.compile(loss=loss, metrics=metrics, loss_weights=loss_weights)
        except (AttributeError, TypeError, ValueError) as error:  # Keras looks into what it was given
            raise InputError(f"Keras cannot make a loss and metrics of {loss!r} and {metrics!r}: {error}") from error
        self.metrics: tuple[str, ...] = ()
        self.directions: dict[str, str] = {}

    def build(self, inputs, labels, weights=None) -> None:
        """Makes the variables of the metrics from a few of the network's inputs.

        Raises:
          InputError: the loss or a metric cannot be computed from the model's outputs and these labels.
        """
        outputs = self._model(inputs, training=False)
        try:
            self.sums(labels, outputs, weights)
            results = self._computer.get_metrics_result()
        except Exception as error:  # Keras and TensorFlow may raise any error
            shapes = [keras.tree.map_structure(lambda each: tuple(each.shape), given) for given in (outputs, labels)]
            raise InputError(
                f"The loss and the metrics cannot be computed from outputs of shape {shapes[0]} and labels of shape "
                f"{shapes[1]}: {error}"
            ) from error
        self.metrics = tuple(name for name in results if name != "loss")
        # With several outputs, the name of a reading consists of the output's and the metric's name.
        by_metric = {metric.name: getattr(metric, "_direction", None) for metric in _leaf_metrics(self._computer)}
        self.directions = {
            name: KERAS_DIRECTIONS[direction]
            for name in self.metrics
            for metric, direction in by_metric.items()
            if direction and (name == metric or name.endswith(f"_{metric}"))
        }
        self.reset_metrics()

    def sums(self, labels, outputs, weights=None):
        """Returns the mean loss times the batch size, and 0; updates the metrics. For a `tf.function`."""
        outputs = keras.tree.map_structure(_as_float32, outputs)
        size = tf.cast(tf.shape(keras.tree.flatten(labels)[0])[0], tf.float32)
        loss = self._computer.compute_loss(y=labels, y_pred=outputs, sample_weight=weights)
        self._computer.compute_metrics(None, labels, outputs, weights)
        return tf.cast(loss, tf.float32) * size, tf.zeros(())

    def reset_metrics(self) -> None:
        """Forgets earlier examples."""
        self._computer.reset_metrics()

    def readings(self, loss: float, correct: float, count: int) -> tuple[float, ...]:
        """Returns the loss and the metrics of `count` examples."""
        results = self._computer.get_metrics_result()
        return loss / count, *(float(np.mean(results[name])) for name in self.metrics)


Objective = Classification | KerasObjective


@checked
@dataclasses.dataclass(frozen=True)
class ObjectiveSettings:
    """What a model is trained for, and by which optimizer: keyword arguments of trainers, experiments and learners.

    Attributes:
      from_logits: whether the model's outputs are logits (True) or probabilities.
      loss, metrics, loss_weights: the loss and the metrics, as in Keras's `compile`. None: the cross-entropy of whole
        numbers as labels, and the accuracy.
      best_by: the reading of the validation images that chooses the early-stopping iteration: "loss", "accuracy" or the
        name of a metric.
      best_is: "lowest" or "highest": which value of that reading is the best; None: Keras's own direction.
      optimizer: replaces the settings' optimizer: a Keras optimizer or its config, with its own learning rate or
        schedule, or the name of any Keras optimizer, with the settings' learning rate.
    """

    from_logits: bool = True
    loss: Any = None
    metrics: Any = None
    loss_weights: Any = None
    best_by: str = "loss"
    best_is: str | None = None
    optimizer: Any = None

    def check_same(self, of_trainer: ObjectiveSettings) -> None:
        """Raises InputError if a non-default setting differs from the trainer's."""
        usual, other = vars(ObjectiveSettings()), vars(of_trainer)
        if different := [name for name, value in vars(self).items() if value not in (usual[name], other[name])]:
            raise InputError(f"The trainer has another {' and '.join(different)} than the experiment.")

    def describe(self) -> dict:
        """Returns the settings as JSON for a record, with a hash of the code of the user's functions."""
        return describe(vars(self)) | {"code": describe_code(*functions_in(vars(self)))}

    def make(self, model: keras.Model, dataset: Dataset, inputs: Any, *others: Any) -> Objective:
        """Returns the loss and the metrics, checked on a data set and on inputs, labels and weights of one example.

        Raises:
          InputError: they do not fit the model, the data set or each other.
        """
        if self.loss is not None:
            objective = KerasObjective(model, self.loss, self.metrics, self.loss_weights)
            objective.build(inputs, *others)
            return objective
        if self.metrics is not None or self.loss_weights is not None:
            raise InputError("metrics and loss_weights need a loss: also pass loss=..., for example loss='mse'.")
        classification = Classification(self.from_logits)
        classification.check(model, dataset, output_shapes(model, inputs))
        return classification


def _as_float32(values):
    return tf.cast(values, tf.float32) if values.dtype.is_floating else values


def _leaf_metrics(model: keras.Model) -> list[keras.metrics.Metric]:
    """Returns the metrics of a compiled model, without those that only contain other metrics."""
    found, pending = [], list(model.metrics)
    while pending:
        metric = pending.pop()
        inner = getattr(metric, "metrics", None)
        if isinstance(inner, (list, tuple)) and inner:
            pending += inner
        else:
            found.append(metric)
    return found


class BestReading:
    """Chooses the best reading of the validation split, which is the early-stopping point.

    Args:
      objective: the loss and the metrics that are read.
      by: "loss" or a metric's name, with or without "val_" or "validation_".
      best: "lowest" or "highest"; None: as Keras defines it for the metric.

    Raises:
      InputError: there is no such reading, or it is not known which direction is better.
    """

    def __init__(self, objective: Objective, by: str = "loss", best: str | None = None):
        names = ("loss", *objective.metrics)
        self.name = by.removeprefix("validation_").removeprefix("val_")
        choose(dict.fromkeys(names), self.name, "reading")
        known = {"loss": LOWEST, "accuracy": HIGHEST, **objective.directions}
        best = best or known.get(self.name, LOWEST if self.name.endswith("_loss") else None)
        if best not in (LOWEST, HIGHEST):
            raise InputError(
                f"Is the lowest {self.name} the best, or the highest? Say best_is={LOWEST!r} or best_is={HIGHEST!r}."
            )
        self._index, self._sign = names.index(self.name), 1 if best == LOWEST else -1

    def cost(self, readings: Sequence[float]) -> float:
        """Returns a number that is lower for better readings."""
        return self._sign * readings[self._index]


def describe(value: Any) -> Any:
    """Returns a loss, metric or optimizer as JSON that identifies it, for the record of an experiment.

    >>> describe({"a": "mse", "b": [keras.losses.Huber(delta=2.0)]})["b"][0]["config"]["delta"]
    2.0
    """
    if isinstance(value, dict):
        return {str(name): describe(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [describe(each) for each in value]
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    if hasattr(value, "get_config"):
        try:
            config = value.get_config() | getattr(value, "_fn_kwargs", {})  # some of Keras's losses leave these out
        except NotImplementedError:
            config = {}
        config = json.loads(json.dumps(config, default=lambda each: type(each).__name__))
        return {
            "class_name": type(value).__name__,
            "config": {key: each for key, each in config.items() if key != "name"},
        }
    return getattr(value, "__name__", type(value).__name__)
