"""Finds the dense networks of an experiment, and the points of their trainings to which late rewinding goes back."""

from __future__ import annotations

import dataclasses

from lottery_tf.errors import InputError
from lottery_tf.levels.shared_parts import SharedParts
from lottery_tf.results.paths import DENSE, level_path, rewind_point_path
from lottery_tf.results.stored_result import StoredResult, diverged
from lottery_tf.training.recorder import TrainingPlan
from lottery_tf.training.training_result import IterationRange


@dataclasses.dataclass(frozen=True, eq=False)
class DenseNetworks:
    """The dense network of each seed; `shared` is what all levels of the network share."""

    shared: SharedParts

    def find_or_train(self, seed: int, weights: bool) -> StoredResult:
        """Finds or trains the dense network of a seed, level 0 of all its treatments."""
        dense = self._find_or_train(TrainingPlan(level_path(seed, DENSE, 0), seed, 0, {}), weights)
        self.check_start(seed)
        return dense

    def rewind_point(self, seed: int, iteration: int) -> StoredResult:
        """Finds or makes the dense network at an iteration of its training.

        It is made by the same training, with the same seed and order of images, which stops at this iteration. So its
        weights are those that the dense network had there.

        Raises:
          InputError: the training diverges before this iteration.
        """
        path = rewind_point_path(seed, iteration)
        plan = TrainingPlan(path, seed, 0, {"kind": "rewind"}, IterationRange(last=iteration))
        found = self._find_or_train(plan, weights=True)
        if diverged(found.metrics):
            raise InputError(f"The dense training of seed {seed} diverged before iteration {iteration}.")
        return found

    def check_start(self, seed: int) -> None:
        """Raises InputError if the seed's dense network started from other weights than the user's function returns."""
        shared = self.shared
        if shared.network.draws:
            return
        path = level_path(seed, DENSE, 0)
        with shared.results.lock(path):
            dense = shared.find(path, weights=True)
        if dense is None:
            return
        initial = shared.network.initial(seed)
        if any(name in dense.start and dense.start[name].tobytes() != initial[name].tobytes() for name in dense.mask):
            raise InputError(
                f"The stored dense network of seed {seed} started from other weights than `initial` returns now. "
                "Return the same weights in every process (from a file, for example), or choose another folder."
            )

    def _find_or_train(self, plan: TrainingPlan, weights: bool) -> StoredResult:
        """Finds or trains the dense network of a plan's seed, up to the plan's last iteration."""
        shared = self.shared
        with shared.results.lock(plan.path):
            found = shared.find(plan.path, weights)
            if found is None:
                return shared.recorder.train(shared.seeded(plan.seed).dense_ticket(), plan)
            return found
