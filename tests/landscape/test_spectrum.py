"""Eigenvalues, trace and density against matrices whose spectrum is known."""

import numpy as np
import pytest
from scipy.sparse.linalg import aslinearoperator

from lottery_tf.errors import InputError
from lottery_tf.landscape import spectrum

SIZE = 120


def symmetric(eigenvalues, seed=0):
    """A dense symmetric matrix with the given eigenvalues."""
    basis, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(len(eigenvalues),) * 2))
    return basis * eigenvalues @ basis.T


@pytest.fixture
def matrix():
    """A bulk near zero and some outliers, as Hessians of trained networks have, negative values among them."""
    rng = np.random.default_rng(1)
    return symmetric(np.concatenate([rng.normal(0, 0.3, SIZE - 6), [20, 12, 7, 6.9, 4, -9]]))


def test_top_eigenvalues(matrix):
    exact = np.linalg.eigvalsh(matrix)[::-1]
    np.testing.assert_allclose(spectrum.top_eigenvalues(aslinearoperator(matrix), 5), exact[:5], rtol=1e-6)
    with pytest.raises(InputError, match="The number of eigenvalues is 120; .* size, 120"):
        spectrum.top_eigenvalues(aslinearoperator(matrix), SIZE)


def test_trace_over_the_identity_is_exact(matrix):
    found = spectrum.trace(aslinearoperator(matrix), np.sqrt(SIZE) * np.eye(SIZE))
    assert found.value == pytest.approx(np.trace(matrix), rel=1e-12)


def test_trace_is_within_its_standard_error(matrix):
    """Its deviations from the exact trace, in standard errors, have a root mean square of about one."""
    operator = aslinearoperator(matrix)
    scores = []
    for seed in range(40):
        found = spectrum.trace(operator, spectrum.probes(SIZE, 30, seed))
        scores.append((found.value - np.trace(matrix)) / found.standard_error)
    assert 0.7 < np.sqrt(np.mean(np.square(scores))) < 1.4
    assert abs(np.mean(scores)) < 0.6
    single = spectrum.trace(operator, spectrum.probes(SIZE, 1, 0))
    assert np.isnan(single.standard_error)


def test_probes_are_signs_and_repeat():
    vectors = np.array(list(spectrum.probes(50, 400, seed=3)))
    assert set(np.unique(vectors)) == {-1.0, 1.0}
    np.testing.assert_allclose(vectors.T @ vectors / 400, np.eye(50), atol=0.25)
    np.testing.assert_array_equal(vectors[:7], list(spectrum.probes(50, 7, seed=3)))


def test_curvature_along_a_direction(matrix):
    operator, values = aslinearoperator(matrix), np.linalg.eigh(matrix)
    assert spectrum.curvature_along(operator, 5 * values.eigenvectors[:, -1]) == pytest.approx(20)
    drawn = [spectrum.curvature_along(operator, vector) for vector in spectrum.probes(SIZE, 2000, 0)]
    assert np.mean(drawn) == pytest.approx(np.trace(matrix) / SIZE, abs=4 * np.std(drawn) / np.sqrt(2000))


def test_lanczos_run_to_its_end_has_the_matrix_s_own_eigenvalues(matrix):
    diagonal, off_diagonal = spectrum.lanczos(aslinearoperator(matrix), np.ones(SIZE), SIZE)
    assert (diagonal.size, off_diagonal.size) == (SIZE, SIZE - 1)
    tridiagonal = np.diag(diagonal) + np.diag(off_diagonal, 1) + np.diag(off_diagonal, -1)
    np.testing.assert_allclose(np.linalg.eigvalsh(tridiagonal), np.linalg.eigvalsh(matrix), atol=1e-9)


def test_lanczos_ends_where_its_vectors_span_an_invariant_subspace():
    operator = aslinearoperator(np.diag([2.0] * 10 + [5.0] * 10))
    diagonal, off_diagonal = spectrum.lanczos(operator, np.ones(20), 15)
    assert (diagonal.size, off_diagonal.size) == (2, 1)
    density = spectrum.spectral_density(operator, [np.ones(20)], 15)
    np.testing.assert_allclose(density.nodes, [2, 5])
    np.testing.assert_allclose(density.weights, [0.5, 0.5])


def test_moments_of_the_density_are_those_of_the_probes(matrix):
    """Gauss quadrature is exact up to the moment 2 steps - 1, probe by probe."""
    vectors = list(spectrum.probes(SIZE, 3, 0))
    density = spectrum.spectral_density(aslinearoperator(matrix), vectors, steps=4)
    assert density.weights.sum() == pytest.approx(1)
    assert density.size == SIZE
    for power in range(8):
        forms = [vector @ np.linalg.matrix_power(matrix, power) @ vector / SIZE for vector in vectors]
        assert density.mean(lambda values, power=power: values**power) == pytest.approx(np.mean(forms), rel=1e-8)
    beyond = np.mean([vector @ np.linalg.matrix_power(matrix, 8) @ vector / SIZE for vector in vectors])
    assert density.mean(lambda values: values**8) != pytest.approx(beyond, rel=1e-8)


def test_density_is_that_of_the_spectrum(matrix):
    """The smoothed density and a smooth function's mean, against those of all eigenvalues."""
    exact = np.linalg.eigvalsh(matrix)
    density = spectrum.spectral_density(aslinearoperator(matrix), spectrum.probes(SIZE, 60, 0), steps=60)
    assert density.mean(np.cos) == pytest.approx(np.cos(exact).mean(), abs=0.02)
    grid = np.linspace(-15, 25, 801)
    kernel = np.exp(-(((grid[:, None] - exact) / 0.5) ** 2) / 2).mean(axis=1) / (0.5 * np.sqrt(2 * np.pi))
    found = density.smoothed(grid, width=0.5)
    assert np.trapezoid(found, grid) == pytest.approx(1, rel=1e-3)
    assert np.trapezoid(np.abs(found - kernel), grid) < 0.05


def test_densities_of_nothing_are_refused(matrix):
    with pytest.raises(InputError, match="at least one probe vector"):
        spectrum.spectral_density(aslinearoperator(matrix), [])
    with pytest.raises(InputError, match="steps is 0"):
        spectrum.spectral_density(aslinearoperator(matrix), spectrum.probes(SIZE, 1, 0), steps=0)
