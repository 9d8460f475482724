"""Whether training ends in the same linearly connected mode: other data orders, perturbed starts.

Two trainings are in one mode where the line between their ends has no error barrier (`interpolation.line`).
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Sequence

from lottery_tf.landscape.directions import moved, random_direction
from lottery_tf.landscape.interpolation import POINTS, Evaluate, Path, line
from lottery_tf.pruning.treatments import Ticket, Weights

Train = Callable[[Ticket], Weights]


def instability(evaluate: Evaluate, ends: Sequence[Weights], points: int = POINTS) -> Iterator[Path]:
    """Instability analysis (Frankle et al., arXiv 1912.05671): copies of one start, trained on different data orders.

    Args:
      evaluate: gives the loss and error of any weights.
      ends: every weight at the end of each copy's training. Only the `order_seed` of `Trainer.train` differs between
        them, as between a level and its control "reorder".
      points: on each line, the ends among them.

    Yields:
      The line between the ends of each pair of copies: first and second, first and third, ... The start is stable to
      the noise of SGD where `Path.stable` holds for it.
    """
    for first, second in itertools.combinations(ends, 2):
        yield line(evaluate, first, second, points)


def perturbed(ticket: Ticket, distance: float, seed: int, *keys: int | str) -> Ticket:
    """A ticket whose surviving kernel weights start a distance away, in a random direction among themselves.

    Pruned weights stay at their frozen values; biases and all else that no mask can remove stay too, as the projection
    of a mask, which the perturbation is to be compared with, does not move them either.

    Args:
      ticket: the start and the mask.
      distance: Euclidean; for Paul et al. that of the projection, `directions.length` of `directions.pruning_direction`
        of the rewind point, or a multiple of it.
      seed: the run's seed, and
      *keys: what tells the direction from others: a level, the number of the draw. The direction does not depend on the
        distance.
    """
    direction = random_direction(ticket.mask, seed, "perturbation", *keys)
    return Ticket(moved(ticket.start, direction, distance), ticket.mask)


@dataclasses.dataclass(frozen=True)
class PerturbedTraining:
    """Where a training from a perturbed start ends.

    Attributes:
      multiple: the perturbation's length in lengths of the projection.
      distance: the perturbation's length.
      end: every weight at the end.
      to_unperturbed: the line from the unperturbed training's end (share 0) to this one (share 1).
      to_before: the line from the end of the level before (share 0) to this one (share 1).
    """

    multiple: float
    distance: float
    end: Weights
    to_unperturbed: Path
    to_before: Path


def robustness(
    train: Train,
    evaluate: Evaluate,
    ticket: Ticket,
    unperturbed: Weights,
    before: Weights,
    projection: float,
    *,
    seed: int,
    level: int,
    multiples: Sequence[float] = (1.0,),
    draw: int = 0,
    points: int = POINTS,
) -> Iterator[PerturbedTraining]:
    """Whether SGD returns to its mode after the rewind point was perturbed [Paul et al., arXiv 2210.03044].

    All multiples go in one direction.

    Args:
      train: trains a ticket to its end and returns every weight there. In the data order of the level's own training,
        `lambda ticket: trainer.train(ticket, seed, level).final`, nothing but the perturbation tells the two apart.
      evaluate: gives the loss and error of any weights.
      ticket: the rewind point and mask of a level.
      unperturbed: the end of the level's own training, `train(ticket)`.
      before: the end of the level before.
      projection: the length of the mask's projection at the rewind point: the distance between the rewind points of
        this level and the next, or of the level before and this one.
      seed: the run's seed.
      level: the ticket's level.
      multiples: of the projection's length, one training for each.
      draw: the number of the direction, for more than one of a level.
      points: on each line, the ends among them.
    """
    for multiple in multiples:
        distance = multiple * projection
        end = train(perturbed(ticket, distance, seed, level, draw))
        lines = (line(evaluate, end, other, points) for other in (unperturbed, before))
        yield PerturbedTraining(multiple, distance, end, *lines)
