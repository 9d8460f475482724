"""Measures whether trainings with other orders of images, or from perturbed starts, end in the same mode.

Two trainings end in one mode if the line between their final weights has no error barrier (`interpolation.line`).
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Sequence

from lottery_tf.argument_checks.signatures import checked
from lottery_tf.argument_checks.validation import Count, Finite, Index
from lottery_tf.landscape.directions import moved, random_direction
from lottery_tf.landscape.interpolation import POINTS, Evaluate, LossPath, line
from lottery_tf.pruning.treatments import Ticket, Weights

Train = Callable[[Ticket], Weights]


@checked
def instability(evaluate: Evaluate, ends: Sequence[Weights], points: Count = POINTS) -> Iterator[LossPath]:
    """Measures the lines between trainings of one ticket in different orders of images.

    This is the instability analysis of Frankle et al. (arXiv 1912.05671).

    Args:
      evaluate: function from weights to their loss and error.
      ends: the weights at the end of each training. The trainings differ only in the `order_seed` of `Trainer.train`,
        like a level and its control "reorder".
      points: the number of points on each line, including both ends.

    Yields:
      The line between the ends of each pair of trainings: first and second, first and third, ... The ticket is stable
      to the noise of SGD if `LossPath.stable` is true for these lines.
    """
    for first, second in itertools.combinations(ends, 2):
        yield line(evaluate, first, second, points)


def perturbed(ticket: Ticket, distance: float, seed: int, *keys: int | str) -> Ticket:
    """Returns a ticket whose kept kernel weights are moved by a distance in a random direction.

    Pruned weights keep their frozen values. Biases and other weights without a mask are not moved either, because
    pruning, which the perturbation is compared with, does not move them.

    Args:
      ticket: the ticket to perturb.
      distance: the Euclidean distance. Paul et al. use the length of the projection, or a multiple of it: the
        `directions.length` of `directions.pruning_direction` at the rewind point.
      seed: the seed.
      *keys: further keys of the random direction: a level, the number of the draw. The direction does not depend on the
        distance.
    """
    direction = random_direction(ticket.mask, seed, "perturbation", *keys)
    return Ticket(moved(ticket.start, direction, distance), ticket.mask)


@dataclasses.dataclass(frozen=True)
class PerturbedTraining:
    """The end of a training from a perturbed start.

    Attributes:
      multiple: the length of the perturbation, divided by the length of the projection.
      distance: the length of the perturbation.
      end: every weight at the end of training.
      to_unperturbed: the line from the end of the unperturbed training (coefficient 0) to this end (coefficient 1).
      to_before: the line from the end of the level before (coefficient 0) to this end (coefficient 1).
    """

    multiple: float
    distance: float
    end: Weights
    to_unperturbed: LossPath
    to_before: LossPath


@checked
def robustness(
    train: Train,
    evaluate: Evaluate,
    ticket: Ticket,
    unperturbed: Weights,
    before: Weights,
    projection: Finite,
    *,
    seed: Index,
    level: Index,
    multiples: Sequence[Finite] = (1.0,),
    draw: Index = 0,
    points: Count = POINTS,
) -> Iterator[PerturbedTraining]:
    """Trains from perturbed rewind points, to see whether SGD returns to its mode [Paul et al., arXiv 2210.03044].

    All perturbations have the same direction.

    Args:
      train: function that trains a ticket and returns every weight at the end. With
        `lambda ticket: trainer.train(ticket, seed, level).final` images come in the order of the level's own training,
        so that only the perturbation differs.
      evaluate: function from weights to their loss and error.
      ticket: the rewind point and mask of a level.
      unperturbed: the weights at the end of the level's own training, `train(ticket)`.
      before: the weights at the end of the level before.
      projection: the length of the projection at the rewind point: the distance between the rewind points of this level
        and the next, or of the level before and this one.
      seed: the seed.
      level: the ticket's level.
      multiples: the lengths of the perturbations, in lengths of the projection. Each takes one training.
      draw: the number of the direction, if a level has several.
      points: the number of points on each line, including both ends.
    """
    for multiple in multiples:
        distance = multiple * projection
        end = train(perturbed(ticket, distance, seed, level, draw))
        lines = (line(evaluate, end, other, points) for other in (unperturbed, before))
        yield PerturbedTraining(multiple, distance, end, *lines)
