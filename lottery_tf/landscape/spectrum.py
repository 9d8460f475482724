"""Estimates the spectrum of a symmetric operator from its products with vectors.

SciPy finds the top eigenvalues (`eigsh`, implicitly restarted Lanczos). The trace is Hutchinson's estimate. The density
of all eigenvalues is estimated by stochastic Lanczos quadrature (Golub & Meurant; Ubaru, Chen & Saad, 2017), which
SciPy does not have.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np
from scipy.linalg import eigh_tridiagonal
from scipy.sparse.linalg import LinearOperator, eigsh

from lottery_tf.errors import InputError
from lottery_tf.seeds import generator

TOLERANCE = 1e-3  # relative accuracy of the top eigenvalues; with products in float32, 1e-5 is about the best


def probes(size: int, count: int, seed: int) -> Iterator[np.ndarray]:
    """Yields (size,) float64 vectors of random signs (Rademacher); the mean of their outer products is the identity.

    The first n vectors do not depend on the count.
    """
    for index in range(count):
        yield generator(seed, "probe vectors", index).choice((-1.0, 1.0), size)


def top_eigenvalues(operator: LinearOperator, count: int = 10) -> np.ndarray:
    """Returns the algebraically largest eigenvalues of a symmetric operator, in descending order.

    Args:
      operator: a symmetric operator of shape (size, size).
      count: the number of eigenvalues, at least 1 and below `size`.

    Returns:
      (count,) float64 array.

    Raises:
      InputError: the count is below 1, or not below `size`.

    >>> from scipy.sparse.linalg import aslinearoperator
    >>> top_eigenvalues(aslinearoperator(np.diag([1.0, 5.0, -7.0, 3.0])), count=2).round(6)
    array([5., 3.])
    """
    size = operator.shape[0]
    if not 1 <= count < size:
        raise InputError(
            f"The number of eigenvalues is {count}; it must be at least 1 and below the operator's size, {size}."
        )
    start = generator(0, "start of the eigenvalue iteration").standard_normal(size)
    found = eigsh(operator, k=count, which="LA", v0=start, tol=TOLERANCE, return_eigenvectors=False)
    return np.sort(found)[::-1]


class Estimate(NamedTuple):
    """The mean of random draws and its standard error (NaN for a single draw)."""

    value: float
    standard_error: float


def trace(operator: LinearOperator, vectors: Iterable[np.ndarray]) -> Estimate:
    """Returns Hutchinson's estimate of the trace: the mean of v^T H v.

    Args:
      operator: an operator of shape (size, size).
      vectors: independent probe vectors with E[v v^T] = I, such as those of `probes`. With the columns of the identity
        times sqrt(size) the value is the exact trace.

    >>> from scipy.sparse.linalg import aslinearoperator
    >>> trace(aslinearoperator(np.diag([1.0, 2.0, 4.0])), probes(3, 2, seed=0))
    Estimate(value=7.0, standard_error=0.0)
    """
    forms = np.array([vector @ operator.matvec(vector) for vector in vectors])
    deviation = np.std(forms, ddof=1) if forms.size > 1 else np.nan
    return Estimate(float(forms.mean()), float(deviation / np.sqrt(forms.size)))


def curvature_along(operator: LinearOperator, direction: np.ndarray) -> float:
    """Returns d^T H d / d^T d, the second derivative along a direction; its mean over directions is trace / size."""
    return float(direction @ operator.matvec(direction) / (direction @ direction))


@dataclasses.dataclass(frozen=True)
class SpectralDensity:
    """The spectral density of an operator, as shares of its eigenvalues at some values.

    Attributes:
      nodes: (nodes,) float64 array of the values.
      weights: (nodes,) float64 array of the shares; their sum is 1.
      size: the number of eigenvalues of the operator.
    """

    nodes: np.ndarray
    weights: np.ndarray
    size: int

    def mean(self, function: Callable[[np.ndarray], np.ndarray]) -> float:
        """Returns the mean of a function over all eigenvalues, trace f(H) / size."""
        return float(self.weights @ function(self.nodes))

    def smoothed(self, grid: np.ndarray, width: float) -> np.ndarray:
        """Returns the density at the values in `grid`, where each share is a Gaussian of standard deviation `width`.

        Returns:
          An array of the grid's shape. The integral of the density is 1.
        """
        distances = (np.asarray(grid)[..., None] - self.nodes) / width
        return np.exp(-(distances**2) / 2) @ self.weights / (width * np.sqrt(2 * np.pi))


def spectral_density(operator: LinearOperator, vectors: Iterable[np.ndarray], steps: int = 60) -> SpectralDensity:
    """Estimates the density of an operator's eigenvalues by stochastic Lanczos quadrature.

    Each probe vector sees a weighted spectrum. It is replaced by `steps` nodes with the same first 2 steps - 1 moments
    (Gauss quadrature). The result is the mean over the probes. Extreme eigenvalues are resolved first; the others are
    represented by few nodes.

    Args:
      operator: a symmetric operator of shape (size, size).
      vectors: probe vectors with E[v v^T] = I, such as those of `probes`.
      steps: the number of products with the operator for each probe; they take 8 x steps x size bytes of memory.

    Raises:
      InputError: there is no probe vector, or less than one step.
    """
    if steps < 1:
        raise InputError(f"steps is {steps}; it must be at least 1.")
    rules = [_gauss(*lanczos(operator, vector, steps)) for vector in vectors]
    if not rules:
        raise InputError("A spectral density needs at least one probe vector.")
    nodes, weights = (np.concatenate(parts) for parts in zip(*rules, strict=True))
    order = np.argsort(nodes)
    return SpectralDensity(nodes[order], weights[order] / len(rules), operator.shape[0])


def _gauss(diagonal: np.ndarray, off_diagonal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the nodes and weights of the Gauss quadrature that a tridiagonal matrix defines."""
    nodes, vectors = eigh_tridiagonal(diagonal, off_diagonal)
    return nodes, vectors[0] ** 2


def lanczos(operator: LinearOperator, start: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Reduces a symmetric operator to a tridiagonal matrix by Lanczos's iteration with full reorthogonalization.

    Args:
      operator: a symmetric operator of shape (size, size).
      start: a (size,) vector that is not zero.
      steps: the number of steps. The iteration ends earlier if the vectors span a subspace that the operator maps to
        itself.

    Returns:
      The diagonal and the off-diagonal, which is one element shorter.
    """
    steps = min(steps, start.size)
    basis = np.empty((steps, start.size))
    basis[0] = start / np.linalg.norm(start)
    diagonal, off_diagonal = [], []
    for step in range(steps):
        product = operator.matvec(basis[step])
        scale = np.linalg.norm(product)
        diagonal.append(basis[step] @ product)
        for _ in range(2):  # a second pass removes the rounding errors of the first
            product -= (basis[: step + 1] @ product) @ basis[: step + 1]
        left = np.linalg.norm(product)
        if step + 1 == steps or left <= 1e-10 * scale:
            break
        off_diagonal.append(left)
        basis[step + 1] = product / left
    return np.array(diagonal), np.array(off_diagonal)
