"""Loss and error along lines between networks, error barriers, and matching networks.

References: Frankle et al., "Linear Mode Connectivity" (arXiv 1912.05671), and Paul et al., "Unmasking the Lottery
Ticket Hypothesis" (arXiv 2210.03044). Functions take plain arrays and a function that evaluates weights, usually an
`evaluator.Evaluator`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from lottery_tf.argument_checks.signatures import checked
from lottery_tf.argument_checks.validation import Count, Finite
from lottery_tf.errors import InputError
from lottery_tf.landscape import directions
from lottery_tf.pruning.treatments import Weights

POINTS = 30  # the number of points on a line, including both ends
STABLE = 0.02  # two networks are linearly connected if the error barrier between them is below this
MATCHING = 0.002  # a network matches the dense network if its error is at most this much higher


class LossAndError(NamedTuple):
    """The mean loss and the error (1 - accuracy, in [0, 1]) of some weights on some images."""

    loss: float
    error: float


Evaluate = Callable[[Weights], LossAndError]
Values = Sequence[float] | np.ndarray


@dataclasses.dataclass(frozen=True)
class LossPath:
    """Loss and error at points on a straight path through weight space.

    Attributes:
      positions: (points,) float64 array. On a line from W2 to W1 it holds the coefficient of W1, on a ray the
        distance from the start.
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
        """The loss barrier between the ends; see `barrier`."""
        return barrier(self.losses)

    @property
    def error_rise(self) -> float:
        """How far the error rises above the straight line between its ends, in [0, 1]; see `rise`."""
        return rise(self.positions, self.errors)

    def stable(self, limit: float = STABLE) -> bool:
        """Returns whether the error barrier is below a limit, by default the 2 percentage points of Frankle et al."""
        return self.error_barrier < limit


@checked
def barrier(values: Values) -> float:
    """Returns the highest value along a line minus the mean of the values at its two ends.

    The ends count too, so the barrier of a line between an error of 2% and an error of 6% is at least 2 points. It is
    NaN if a value is NaN.

    >>> barrier([1.0, 5.0, 3.0])
    3.0
    """
    return float(np.max(values) - (values[0] + values[-1]) / 2)


def rise(positions: Values, values: Values) -> float:
    """Returns how far values along a line rise above the straight line between the values at its ends, at most.

    It is 0 if no value rises above it. `barrier` is at least half of the difference between the ends, even if the
    values in between rise nowhere above the straight line; `rise` does not have this offset.

    >>> rise([0, 0.5, 1], [1.0, 5.0, 3.0]), rise([0, 0.5, 1], [1.0, 2.0, 3.0]), barrier([1.0, 2.0, 3.0])
    (3.0, 0.0, 1.0)
    """
    ends = [positions[0], positions[-1]], [values[0], values[-1]]
    return float(np.max(np.asarray(values) - np.interp(positions, *ends)))


def between(first: Weights, second: Weights, coefficient: float) -> Weights:
    """Returns W(a) = a W1 + (1 - a) W2 for every array. At a = 1 it equals W1 and at a = 0 it equals W2, to the bit.

    Raises:
      InputError: the weights belong to different networks.

    >>> between({"a": np.array([1.0])}, {"a": np.array([3.0])}, 0.25)["a"].tolist()
    [2.5]
    """
    shapes = [{name: value.shape for name, value in weights.items()} for weights in (first, second)]
    if shapes[0] != shapes[1]:
        different = sorted({name for name, _ in shapes[0].items() ^ shapes[1].items()})
        raise InputError(f"The two weights belong to different networks; they differ in {', '.join(different[:5])}.")
    coefficient = float(coefficient)
    return {
        name: (coefficient * value + (1 - coefficient) * second[name]).astype(value.dtype, copy=False)
        for name, value in first.items()
    }


@checked
def line(evaluate: Evaluate, first: Weights, second: Weights, points: Count = POINTS) -> LossPath:
    """Measures loss and error along the line between two networks.

    Args:
      evaluate: function from weights to their loss and error.
      first: W1.
      second: W2. If one mask prunes both networks at the same frozen values, it prunes every point in the same way.
      points: the number of points, evenly spaced and including both ends; at least 2.

    Returns:
      A path whose positions are the coefficient a of W1, from 0 to 1.

    Raises:
      InputError: there are fewer than 2 points, or the weights belong to different networks.

    >>> def valley(weights):
    ...     return LossAndError(loss=float(weights["w"][0] ** 2), error=0.5)
    >>> line(valley, {"w": np.array([1.0])}, {"w": np.array([-3.0])}, points=3).losses.tolist()
    [9.0, 1.0, 1.0]
    """
    if points < 2:
        raise InputError(f"points is {points}; a line needs at least its 2 ends.")
    coefficients = np.linspace(0, 1, points)
    return measured_path(evaluate, coefficients, (between(first, second, coefficient) for coefficient in coefficients))


def ray(evaluate: Evaluate, weights: Weights, direction: Weights, distances: Values) -> LossPath:
    """Measures loss and error at some distances from a network along a direction, for example that of pruning.

    Args:
      evaluate: function from weights to their loss and error.
      weights: the start of the ray.
      direction: its direction (`directions.pruning_direction`, `directions.random_direction`); its length does not
        matter.
      distances: Euclidean distances from the start. At the `directions.length` of a pruning direction all pruned
        weights are zero.

    Raises:
      InputError: the direction has length zero, or an array that the weights do not have.
    """
    return measured_path(evaluate, distances, (directions.moved(weights, direction, far) for far in distances))


def measured_path(evaluate: Evaluate, positions: Values, networks: Iterable[Weights]) -> LossPath:
    """Returns the path through the given networks, evaluating one after another."""
    losses, errors = np.array([evaluate(weights) for weights in networks], np.float64).reshape(-1, 2).T
    return LossPath(np.asarray(positions, np.float64), losses, errors)


def matching(error: float, dense_error: float, tolerance: float = MATCHING) -> bool:
    """Returns whether a network matches the dense network: its error is higher by no more than a tolerance.

    Args:
      error: the network's error, in [0, 1].
      dense_error: the dense network's error on the same images.
      tolerance: by default 0.2 percentage points; the standard deviation over dense networks is another usual choice.

    >>> matching(0.0215, dense_error=0.02), matching(0.0225, dense_error=0.02)
    (True, False)
    """
    return bool(error <= dense_error + tolerance)


@dataclasses.dataclass(frozen=True)
class Connection:
    """The line between the ends of two successive levels.

    Attributes:
      path: the line from the later level (coefficient 0) to the earlier level (coefficient 1).
      matching: whether the earlier level and the later level match the dense network.
    """

    path: LossPath
    matching: tuple[bool, ...]

    def as_claimed(self, limit: float = STABLE) -> bool:
        """Returns whether the claim holds for these levels: the line has no error barrier if and only if both match."""
        return self.path.stable(limit) == all(self.matching)


@checked
def successive(
    evaluate: Evaluate,
    ends: Iterable[Weights],
    dense_error: Finite,
    tolerance: Finite = MATCHING,
    points: Count = POINTS,
) -> Iterator[Connection]:
    """Measures the lines between each level and the next [Paul et al., arXiv 2210.03044].

    The mask of the earlier level covers both ends of a line, and so it covers the whole line.

    Args:
      evaluate: function from weights to their loss and error.
      ends: the weights at the end of each level's training, in the order of the levels.
      dense_error: the dense network's error on the images that `evaluate` uses.
      tolerance: a level matches if its error is at most this much above the dense network's.
      points: the number of points on each line, including both ends.

    Yields:
      A connection for each pair, as soon as it is measured.
    """
    for earlier, later in pairwise(ends):
        path = line(evaluate, earlier, later, points)
        yield Connection(path, tuple(matching(error, dense_error, tolerance) for error in path.errors[[-1, 0]]))
