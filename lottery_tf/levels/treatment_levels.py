"""Finds the finished levels of one treatment and seed, and makes missing ones by the paper's algorithm."""

from __future__ import annotations

import contextlib
import dataclasses
import functools

from lottery_tf import algorithm
from lottery_tf.errors import InputError
from lottery_tf.levels.dense_networks import DenseNetworks
from lottery_tf.levels.shared_parts import SharedParts
from lottery_tf.levels.stored_weights import drop_earlier_weights
from lottery_tf.pruning.treatments import Ticket, Treatment
from lottery_tf.results.paths import level_path, treatment_path
from lottery_tf.results.stored_result import StoredResult, diverged
from lottery_tf.training.recorder import TrainingPlan
from lottery_tf.training.training_result import IterationRange


class TreatmentLevels:
    """The levels of one treatment and seed; `shared` is what they share with those of all other treatments."""

    def __init__(self, shared: SharedParts, treatment: Treatment, seed: int):
        self._shared = shared
        self._dense = DenseNetworks(shared)
        self._treatment = treatment
        self._seed = seed
        self._folder = treatment_path(seed, treatment.name)

    def lock(self) -> contextlib.AbstractContextManager[None]:
        """Locks all levels of the treatment."""
        return self._shared.results.lock(self._folder)

    def path(self, number: int) -> str:
        """Returns the path of a level."""
        return level_path(self._seed, self._treatment.name, number)

    def next_level(self, number: int, parent: str | None = None) -> StoredResult:
        """Finds or trains a level, and deletes the weights of earlier levels unless all weights are kept."""
        shared = self._shared
        trainings_before = shared.recorder.trainings
        level = self.find_or_train(number, shared.keep_weights, parent)
        drop_earlier_weights(shared, self._treatment, self._seed, number, shared.recorder.trainings - trainings_before)
        return level

    def find_or_train(self, number: int, weights: bool, parent: str | None = None) -> StoredResult:
        """Finds a level, or trains it after training missing levels before it. The treatment must be locked.

        `parent` is the fingerprint of the level that it must be made from; None accepts any.

        Raises:
          InputError: a level before it diverged.
        """
        if number == 0:
            return self._dense.find_or_train(self._seed, weights)
        found = self._shared.find(self.path(number), weights, parent)
        return self._train(number) if found is None else found

    def iterations(self) -> IterationRange:
        """Returns the iterations of each level; fine-tuning trains with the learning rate of the last iteration."""
        last = self._shared.trainer.settings.iterations
        return IterationRange(self._treatment.rewind_to, rate_from=last if self._treatment.continues_training else None)

    def _train(self, number: int) -> StoredResult:
        """Continues the algorithm from the nearest finished level up to the wanted level."""
        ancestor, missing = self._nearest_ancestor(number)
        if ancestor.metrics["level"]:  # for level 0, `dense` has just checked the start
            self._dense.check_start(self._seed)
        made = {ancestor.metrics["level"]: ancestor}

        def train(ticket: Ticket, level: int) -> StoredResult:
            """Trains a ticket that the algorithm has made, and stores it with the fingerprint of its parent."""
            parent = made[self._treatment.parent(level)].metrics["fingerprint"]
            identity = dataclasses.asdict(self._treatment) | {"parent": parent}
            plan = TrainingPlan(self.path(level), self._seed, level, identity, self.iterations())
            return self._shared.recorder.train(ticket, plan)

        self._check_finished(ancestor)
        shared, treatment, seed = self._shared, self._treatment, self._seed
        gradient = functools.partial(shared.gradient, seed)
        rewound = self._dense.rewind_point(seed, treatment.rewind_to).final if treatment.rewind_to else None
        network = shared.seeded(seed)
        for level in algorithm.lottery_tickets(train, treatment, network, missing, gradient, rewound, ancestor):
            made[level.metrics["level"]] = level
            if level.metrics["level"] != number:
                self._check_finished(level)
        return made[number]

    def _check_finished(self, level: StoredResult) -> None:
        if diverged(level.metrics):
            raise InputError(
                f"Level {level.metrics['level']} of {self._treatment.name}, seed {self._seed}, diverged; "
                "it has no later levels."
            )

    def _nearest_ancestor(self, number: int) -> tuple[StoredResult, list[int]]:
        """Returns the nearest earlier level that has its weights, and the numbers of the levels to make."""
        missing = [number]
        while before := self._treatment.parent(missing[0]):
            if found := self._shared.find(self.path(before), weights=True):
                return found, missing
            missing.insert(0, before)
        return self._dense.find_or_train(self._seed, weights=True), missing
