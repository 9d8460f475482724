"""The variables that a training changes: those of the model and of its optimizer."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np

from lottery_tf.masking import model_weights
from lottery_tf.pruning.treatments import Ticket
from lottery_tf.seeds import draw_seed, generator
from lottery_tf.training.optimizers import continued_schedule
from lottery_tf.training.training_result import IterationRange


class TrainingVariables:
    """The variables of a model, without its masks, and those of its optimizer.

    Args:
      model: the model.
      optimizer: the optimizer, newly made; every training starts with its present values.
    """

    def __init__(self, model: keras.Model, optimizer: keras.optimizers.Optimizer):
        masks = model_weights.mask_variables(model)
        optimizer.build(model.trainable_variables)
        self._model = model
        self._schedule = continued_schedule(optimizer)
        self._of_model = [variable for variable in model.variables if id(variable) not in masks]
        self._of_optimizer = optimizer.variables
        self._optimizer_start = [variable.numpy() for variable in self._of_optimizer]
        kinds = {"model": self._of_model, "optimizer": self._of_optimizer}
        self._by_name = {f"{kind}/{i}": variable for kind, found in kinds.items() for i, variable in enumerate(found)}

    def begin(self, ticket: Ticket, order: tuple[int, int], iteration_range: IterationRange) -> None:
        """Sets all variables to the start of a ticket's training; `order`, a seed and a level, determines dropout."""
        model_weights.assign(self._model, ticket.start, ticket.mask)
        if self._schedule is not None:
            rate_from = iteration_range.rate_from
            self._schedule.begins_at.assign(iteration_range.first if rate_from is None else rate_from)
        for variable, value in zip(self._of_optimizer, self._optimizer_start, strict=True):
            variable.assign(value)
        seed, level = order
        rng = generator(seed, "dropout", level)
        for variable in self._of_model:
            if variable.name == "seed_generator_state":
                variable.assign(np.array([draw_seed(rng), 0], variable.dtype))

    def model_values(self) -> list[np.ndarray]:
        """Returns the values of the model's variables."""
        return [variable.numpy() for variable in self._of_model]

    def assign_model(self, values: Sequence[np.ndarray]) -> None:
        """Sets the model's variables to values that `model_values` returned."""
        for variable, value in zip(self._of_model, values, strict=True):
            variable.assign(value)

    @property
    def model_shapes(self) -> list[tuple[int, ...]]:
        """The shapes of the model's variables."""
        return [tuple(variable.shape) for variable in self._of_model]

    def arrays(self) -> dict[str, np.ndarray]:
        """Returns the arrays that a checkpoint stores, by name."""
        return {name: variable.numpy() for name, variable in self._by_name.items()}

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shapes of `arrays`."""
        return {name: tuple(variable.shape) for name, variable in self._by_name.items()}

    def restore(self, saved: dict[str, np.ndarray]) -> None:
        """Sets all variables to the arrays of a checkpoint."""
        for name, variable in self._by_name.items():
            variable.assign(saved[name])
