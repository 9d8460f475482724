"""Spectra and rays of levels, against the whole Hessian and against real pruning."""

import numpy as np
import pytest
from measured_levels import error, measured, trained_levels

from lottery_tf.landscape.measurements import flatness

pytestmark = pytest.mark.slow  # networks are trained and measured


def test_spectrum_is_that_of_the_whole_matrix(measurer_at):
    measurer = measurer_at()
    trained = trained_levels(measurer)
    metrics = measured(measurer, trained, "flatness", [2])[0]
    own = measurer.level(trained, 2)
    hessian = measurer.curvature.at(own.final, own.mask)
    values = np.linalg.eigvalsh(np.stack([hessian.matvec(column) for column in np.eye(hessian.shape[0])]))
    kept = sum(int(mask.sum()) for mask in own.mask.values())
    assert metrics["size"] == kept + 12 + 3 == hessian.shape[0]
    top = [row["eigenvalue"] for row in metrics["rows"] if row["found_by"] == "eigsh"]
    assert top == pytest.approx(values[::-1][:3], rel=1e-3)
    assert metrics["top_eigenvalue"] == top[0]
    assert abs(metrics["trace"] - values.sum()) < 5 * metrics["trace_standard_error"]
    density = flatness.stored_density(metrics)
    assert density.weights.sum() == pytest.approx(1)
    assert density.mean(lambda nodes: nodes) * density.size == pytest.approx(metrics["trace"], rel=1e-4)


def test_rays_end_where_pruning_does(measurer_at):
    measurer = measurer_at()
    trained = trained_levels(measurer)
    _, metrics = measured(measurer, trained, "flatness", [1])
    own, following = measurer.level(trained, 1), measurer.level(trained, 2)
    rows = {(row["direction"], row["position"]): row for row in metrics["rows"]}
    projected = {name: np.where(mask, own.final[name], 0) for name, mask in following.mask.items()}
    assert rows["large_final", 1.0]["error"] == error(measurer, own.final | projected)
    removed = np.concatenate([own.final[name][own.mask[name] & ~mask] for name, mask in following.mask.items()])
    assert rows["large_final", 1.0]["length"] == pytest.approx(np.linalg.norm(removed.astype(np.float64)), rel=1e-6)
    assert rows["random direction", 1.0]["length"] == rows["large_final", 1.0]["length"] < rows["random", 1.0]["length"]
    beginning = {rows[direction, 0.0]["error"] for direction in ("large_final", "random", "random direction")}
    assert beginning == {error(measurer, own.final)}
    hessian = measurer.curvature.at(own.final, own.mask)
    step = hessian.space.vector({name: projected[name] - own.final[name] for name in projected})
    expected = step @ hessian.matvec(step) / (step @ step)
    assert rows["large_final", 0.5]["curvature"] == pytest.approx(expected, rel=1e-4)
