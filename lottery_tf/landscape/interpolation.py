"""The error landscape between networks: loss and error along lines through weight space, barriers, matching.

Sources: Frankle et al., "Linear Mode Connectivity" (arXiv 1912.05671), and Paul et al., "Unmasking the Lottery Ticket
Hypothesis" (arXiv 2210.03044). Everything here is plain arrays and a function that evaluates weights, as a rule an
`evaluator.Evaluator`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from lottery_tf.errors import InputError
from lottery_tf.landscape import directions
from lottery_tf.pruning.treatments import Weights

POINTS = 30  # on a line, both ends among them
STABLE = 0.02  # networks joined by a line with an error barrier below this are linearly connected
MATCHING = 0.002  # how much more error than the dense network's still matches it


class LossAndError(NamedTuple):
    """What some weights do on some images: the mean loss, and the error in [0, 1] (1 - accuracy)."""

    loss: float
    error: float


Evaluate = Callable[[Weights], LossAndError]
Values = Sequence[float] | np.ndarray


@dataclasses.dataclass(frozen=True)
class Path:
    """Loss and error at points on a straight path through weight space.

    Attributes:
      positions: (points,) float64 array: on a line from W2 to W1 the share of W1, on a ray the distance from its start.
      losses: (points,) float64 array, the mean loss at each point.
      errors: (points,) float64 array, the error at each point, in [0, 1].
    """

    positions: np.ndarray
    losses: np.ndarray
    errors: np.ndarray

    @property
    def error_barrier(self) -> float:
        """The error barrier between the ends, in [0, 1]; see `barrier`."""
        return barrier(self.errors)

    @property
    def loss_barrier(self) -> float:
        """The same of the loss."""
        return barrier(self.losses)

    @property
    def error_rise(self) -> float:
        """How far the error rises above the straight line between its ends, in [0, 1]; see `rise`."""
        return rise(self.positions, self.errors)

    def stable(self, limit: float = STABLE) -> bool:
        """Whether the error barrier lies below a limit; by default the 2 points of Frankle et al."""
        return self.error_barrier < limit


def barrier(values: Values) -> float:
    """How far the greatest value along a line lies above the mean of the values at its two ends.

    The ends count among the points, so that the barrier of a line between an error of 2% and one of 6% is at least 2
    points; it is NaN where a value is.

    >>> barrier([1.0, 5.0, 3.0])
    3.0
    """
    return float(np.max(values) - (values[0] + values[-1]) / 2)


def rise(positions: Values, values: Values) -> float:
    """How far a value along a line lies at most above the straight line between the values at its two ends.

    It is 0 where none does. `barrier` is at least half of the difference between its ends, even where nothing lies
    between them; this is what stands in the way besides.

    >>> rise([0, 0.5, 1], [1.0, 5.0, 3.0]), rise([0, 0.5, 1], [1.0, 2.0, 3.0]), barrier([1.0, 2.0, 3.0])
    (3.0, 0.0, 1.0)
    """
    ends = [positions[0], positions[-1]], [values[0], values[-1]]
    return float(np.max(np.asarray(values) - np.interp(positions, *ends)))


def between(first: Weights, second: Weights, share: float) -> Weights:
    """W(a) = a W1 + (1 - a) W2, of every array; at 1 the first and at 0 the second, to the bit.

    Raises:
      InputError: weights of different networks.

    >>> between({"a": np.array([1.0])}, {"a": np.array([3.0])}, 0.25)["a"].tolist()
    [2.5]
    """
    shapes = [{name: value.shape for name, value in weights.items()} for weights in (first, second)]
    if shapes[0] != shapes[1]:
        odd = sorted({name for name, _ in shapes[0].items() ^ shapes[1].items()})
        raise InputError(f"No line joins weights of different networks; they differ in {', '.join(odd[:5])}.")
    share = float(share)
    return {
        name: (share * value + (1 - share) * second[name]).astype(value.dtype, copy=False)
        for name, value in first.items()
    }


def line(evaluate: Evaluate, first: Weights, second: Weights, points: int = POINTS) -> Path:
    """Loss and error along the line between two networks.

    Args:
      evaluate: gives the loss and error of any weights.
      first: W1.
      second: W2. Where both have their weights pruned by one mask at the same values, so has every point.
      points: how many, evenly spaced, the ends among them; at least 2.

    Returns:
      A path whose positions are the share a of W1, from 0 to 1.

    Raises:
      InputError: fewer than 2 points, or weights of different networks.

    >>> def valley(weights):
    ...     return LossAndError(loss=float(weights["w"][0] ** 2), error=0.5)
    >>> line(valley, {"w": np.array([1.0])}, {"w": np.array([-3.0])}, points=3).losses.tolist()
    [9.0, 1.0, 1.0]
    """
    if points < 2:
        raise InputError(f"points is {points}; a line needs at least its 2 ends.")
    shares = np.linspace(0, 1, points)
    return measured_path(evaluate, shares, (between(first, second, share) for share in shares))


def ray(evaluate: Evaluate, weights: Weights, direction: Weights, distances: Values) -> Path:
    """Loss and error at distances from a network along a direction, for example one in which pruning moves it.

    Args:
      evaluate: gives the loss and error of any weights.
      weights: where the ray starts.
      direction: where it goes (`directions.pruning_direction`, `directions.random_direction`); its length is of no
        account.
      distances: Euclidean distances from the start. At `directions.length` of a pruning direction the pruned
        weights are all zero.

    Raises:
      InputError: a direction of length zero, or with an array that the weights lack.
    """
    return measured_path(evaluate, distances, (directions.moved(weights, direction, far) for far in distances))


def measured_path(evaluate: Evaluate, positions: Values, networks: Iterable[Weights]) -> Path:
    """The path whose points are the given networks, evaluated one by one."""
    losses, errors = np.array([evaluate(weights) for weights in networks], np.float64).reshape(-1, 2).T
    return Path(np.asarray(positions, np.float64), losses, errors)


def matching(error: float, dense_error: float, tolerance: float = MATCHING) -> bool:
    """Whether a network is matching: as accurate as the dense one up to a tolerance.

    Args:
      error: of the network, in [0, 1].
      dense_error: of the dense network, on the same images.
      tolerance: 0.2 points, or the standard deviation of the errors of several dense networks.

    >>> matching(0.0215, dense_error=0.02), matching(0.0225, dense_error=0.02)
    (True, False)
    """
    return bool(error <= dense_error + tolerance)


@dataclasses.dataclass(frozen=True)
class Connection:
    """The line between the ends of two successive levels.

    Attributes:
      path: from the later level (share 0) to the earlier one (share 1).
      matching: whether the earlier and the later one match the dense network.
    """

    path: Path
    matching: tuple[bool, ...]

    def as_claimed(self, limit: float = STABLE) -> bool:
        """Whether the pair bears out that a line without barrier joins it if and only if both match."""
        return self.path.stable(limit) == all(self.matching)


def successive(
    evaluate: Evaluate,
    ends: Iterable[Weights],
    dense_error: float,
    tolerance: float = MATCHING,
    points: int = POINTS,
) -> Iterator[Connection]:
    """The lines between each level and the next [Paul et al., arXiv 2210.03044].

    Both ends of a line lie in the subspace that the mask of the earlier level leaves, and so does the line.

    Args:
      evaluate: gives the loss and error of any weights.
      ends: the weights at the end of each level's training, in the order of the levels.
      dense_error: the dense network's error, on the images that `evaluate` reads.
      tolerance: how much more error still matches.
      points: on each line, the ends among them.

    Yields:
      A connection for each pair, as soon as it is measured.
    """
    for earlier, later in pairwise(ends):
        path = line(evaluate, earlier, later, points)
        yield Connection(path, tuple(matching(error, dense_error, tolerance) for error in path.errors[[-1, 0]]))
