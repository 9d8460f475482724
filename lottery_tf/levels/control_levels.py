"""Finds the controls of levels, and trains missing ones."""

from __future__ import annotations

import dataclasses

from lottery_tf.levels.dense_networks import DenseNetworks
from lottery_tf.levels.shared_parts import SharedParts
from lottery_tf.levels.treatment_levels import TreatmentLevels
from lottery_tf.pruning.controls import CONTROLS, control_ticket, order_seed
from lottery_tf.pruning.treatments import Treatment, Weights
from lottery_tf.results.paths import control_path
from lottery_tf.results.stored_result import StoredResult
from lottery_tf.training.recorder import TrainingPlan
from lottery_tf.training.training_result import IterationRange


class ControlLevels:
    """The controls of one treatment and seed; `shared` is what all levels of the network share."""

    def __init__(self, shared: SharedParts, treatment: Treatment, seed: int):
        self._shared = shared
        self._treatment = treatment
        self._seed = seed

    def find_or_train(self, level: StoredResult, control: str, draw: int) -> StoredResult:
        """Finds or trains a control of a level; the level need not have its weights."""
        shared, number, parent = self._shared, level.metrics["level"], level.metrics["fingerprint"]
        path = control_path(self._seed, self._treatment.name, number, control, draw)
        with shared.results.lock(path):
            found = shared.find(path, shared.keep_weights, parent)
            if found is not None:
                return found
            start, iterations = self._begin(number, control)
            ticket = control_ticket(control, level.mask, start, shared.network.draw, self._seed, number, draw)
            identity = dataclasses.asdict(self._treatment)
            identity |= {"kind": "control", "control": control, "draw": draw, "parent": parent}
            order = order_seed(control, self._seed, draw)
            plan = TrainingPlan(path, self._seed, number, identity, iterations, order, shared.keep_weights)
            return shared.recorder.train(ticket, plan)

    def _begin(self, number: int, control: str) -> tuple[Weights, IterationRange | None]:
        """Returns every weight at the start of a control's training, and the iterations of the training."""
        shared, begins = self._shared, CONTROLS[control].begins
        levels = TreatmentLevels(shared, self._treatment, self._seed)
        if begins == "ticket" and number:
            with levels.lock():
                return levels.find_or_train(number, weights=True).start, levels.iterations()
        if begins == "beginning" or not self._treatment.rewind_to:
            return shared.network.initial(self._seed), None
        return DenseNetworks(shared).rewind_point(self._seed, self._treatment.rewind_to).final, levels.iterations()
