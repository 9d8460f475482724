"""What can be measured of trained levels: the table `MEASUREMENTS`. Imports no TensorFlow.

A module each says what is stored and how it is made.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence

from lottery_tf.errors import InputError
from lottery_tf.landscape.measurements import flatness, limits, lines, magnitudes, perturbations
from lottery_tf.landscape.measurements.measurer import Job, LandscapeMeasurer, TrainedLevels
from lottery_tf.pruning.treatments import Treatment


@dataclasses.dataclass(frozen=True)
class Measurement:
    """Something that is measured of trained levels.

    Attributes:
      jobs: from a measurer, trained levels and the numbers of the wanted ones (None: all) to the jobs that measure.
      everywhere: whether it is cheap enough to be measured at every level, whatever levels are asked for.
      trains: whether it takes trainings of its own at each level.
      first: the first level that it can be measured at.
      to_zero: whether it moves pruned weights to zero, and so needs a treatment that does.
      rewinds: whether it needs a rewind point, and so a treatment that does not continue from where training ended.
      iterative: whether it compares a level with the one that it was made from and the next made from it.
      next_level: whether it depends on how much a further round prunes, and so needs a treatment that has one.
      needs_next: whether the next level itself has to be there.
    """

    jobs: Callable[[LandscapeMeasurer, TrainedLevels, Sequence[int] | None], Iterator[Job]]
    everywhere: bool = False
    trains: bool = False
    first: int = 0
    to_zero: bool = False
    rewinds: bool = False
    iterative: bool = False
    next_level: bool = False
    needs_next: bool = False

    def levels(self, last: int) -> range:
        """The numbers of the levels that it can be measured at, where there are levels up to `last`."""
        return range(self.first, last + 1 - self.needs_next)

    def check(self, name: str, treatment: Treatment) -> None:
        """Raises InputError for a treatment whose levels it cannot measure; `name` is its own."""
        if self.to_zero and treatment.mask0 != "zero":
            raise InputError(
                f"The measure {name!r} moves pruned weights to zero, which {treatment.name} does not: it wants the "
                "mask-0 action 'zero'."
            )
        if self.rewinds and treatment.continues_training:
            raise InputError(
                f"The measure {name!r} wants a rewind point; {treatment.name} continues from where training ended."
            )
        if self.iterative and treatment.rounds != "iterative":
            raise InputError(
                f"The measure {name!r} wants levels that are made from one another; those of {treatment.name} all come "
                "from the dense network."
            )
        if self.next_level and treatment.chosen_kept_fraction is not None:
            raise InputError(f"The measure {name!r} wants a next level; {treatment.name} has level 1 alone.")


MEASUREMENTS: dict[str, Measurement] = {
    "lines": Measurement(lines.successive_jobs, everywhere=True, needs_next=True),
    "instability": Measurement(lines.instability_jobs, trains=True),
    "robustness": Measurement(
        perturbations.jobs, trains=True, first=1, to_zero=True, rewinds=True, iterative=True, needs_next=True
    ),
    "flatness": Measurement(flatness.jobs, to_zero=True, next_level=True),
    "limit": Measurement(limits.jobs, to_zero=True, rewinds=True),
    "magnitudes": Measurement(magnitudes.jobs, everywhere=True, first=1, next_level=True),
}
