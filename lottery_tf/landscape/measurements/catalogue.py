"""The table `MEASUREMENTS` of all measurements of trained levels. Importing it does not import TensorFlow.

Each measurement has a module that describes what is stored, and measures it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence

from lottery_tf.errors import InputError
from lottery_tf.landscape.interpolation import POINTS
from lottery_tf.landscape.measurements import flatness, limits, lines, magnitudes, perturbations
from lottery_tf.landscape.measurements.measurer import Job, LandscapeMeasurer, TrainedLevels
from lottery_tf.pruning.treatments import Treatment


@dataclasses.dataclass(frozen=True)
class Measurement:
    """A measurement of trained levels.

    Attributes:
      jobs: function from a measurer, trained levels and the numbers of the wanted levels (None: all) to the jobs.
      kinds: the kinds of results that it stores, the main one first.
      cost: what it costs at each level, for `--help`.
      everywhere: whether it is always measured at every level, because it is cheap.
      trains: whether it needs trainings at each level.
      first: the first level at which it can be measured.
      to_zero: whether it moves pruned weights to zero, and so needs the mask-0 action "zero".
      rewinds: whether it needs a rewind point, and so a treatment that rewinds.
      iterative: whether it compares a level with the levels before and after it, and so needs iterative pruning.
      next_level: whether it depends on how much the next round prunes, and so needs a treatment with a next round.
      needs_next: whether the next level must be trained.
    """

    jobs: Callable[[LandscapeMeasurer, TrainedLevels, Sequence[int] | None], Iterator[Job]]
    kinds: tuple[str, ...] = ()
    cost: str = ""
    everywhere: bool = False
    trains: bool = False
    first: int = 0
    to_zero: bool = False
    rewinds: bool = False
    iterative: bool = False
    next_level: bool = False
    needs_next: bool = False

    def levels(self, last: int) -> range:
        """Returns the levels at which it can be measured, if `last` is the last level."""
        return range(self.first, last + 1 - self.needs_next)

    def check_treatment(self, name: str, treatment: Treatment) -> None:
        """Raises InputError if it cannot measure the levels of a treatment; `name` is the measurement's name."""
        if self.to_zero and treatment.mask0 != "zero":
            raise InputError(
                f"The measurement {name!r} needs the mask-0 action 'zero'; that of {treatment.name} is "
                f"{treatment.mask0!r}."
            )
        if self.rewinds and treatment.continues_training:
            raise InputError(f"The measurement {name!r} needs a rewind point; {treatment.name} does not rewind.")
        if self.iterative and treatment.rounds != "iterative":
            raise InputError(f"The measurement {name!r} needs iterative pruning; {treatment.name} prunes in one shot.")
        if self.next_level and treatment.chosen_kept_fraction is not None:
            raise InputError(f"The measurement {name!r} needs a next level; {treatment.name} has level 1 only.")


MEASUREMENTS: dict[str, Measurement] = {
    "lines": Measurement(lines.successive_jobs, ("line",), f"{POINTS} evaluations", everywhere=True, needs_next=True),
    "instability": Measurement(lines.instability_jobs, ("line",), "trainings", trains=True),
    "robustness": Measurement(
        perturbations.jobs,
        ("perturbation",),
        "trainings",
        trains=True,
        first=1,
        to_zero=True,
        rewinds=True,
        iterative=True,
        needs_next=True,
    ),
    "flatness": Measurement(
        flatness.jobs, ("spectrum", "ray"), "about 200 products with the Hessian", to_zero=True, next_level=True
    ),
    "limit": Measurement(limits.jobs, ("limit",), "about a second more", to_zero=True, rewinds=True),
    "magnitudes": Measurement(
        magnitudes.jobs, ("threshold", "histogram"), "almost nothing", everywhere=True, first=1, next_level=True
    ),
}
