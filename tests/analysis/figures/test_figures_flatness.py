"""Figures of eigenvalues, limits and magnitudes, against plain pandas on the measurements."""

import dataclasses

import made_up
import numpy as np
import pytest
from figure_parts import heights, legend_of

from analysis.figures import catalogue, styles
from analysis.figures import landscape_panels as panels
from analysis.results import load
from lottery_tf.pruning.treatments import Treatment

TREATMENTS = (Treatment(), Treatment("random"))


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("flatness")
    return load.load(made_up.write_results(folder, treatments=TREATMENTS, levels=6, landscape=TREATMENTS))


@pytest.fixture(scope="module")
def drawn(found):
    names = ("flatness", "spectral_density", "limits")
    return {name: catalogue.draw(name, catalogue.FigureInputs(found)) for name in names}


def test_eigenvalues_trace_and_curvature(drawn, found):
    top, trace, curvature = drawn["flatness"].axes
    own = found.spectra[(found.spectra["treatment"] == Treatment().name) & (found.spectra["row"] == 0)]
    for axes, column in ((top, "top_eigenvalue"), (trace, "trace")):
        (line, *_) = heights(axes, styles.REWIND_POINTS[0])
        np.testing.assert_allclose(sorted(line.get_ydata()), sorted(own.groupby("level")[column].mean()))
        assert axes.get_yscale() == "log"
    rays = found.rays[(found.rays["treatment"] == Treatment().name) & (found.rays["position"] == 1)]
    for direction, look in styles.PRUNED_BY.items():
        (line,) = heights(curvature, look)
        np.testing.assert_allclose(
            line.get_ydata(), rays[rays["direction"] == direction].groupby("level")["curvature"].mean()
        )


@pytest.mark.slow
def test_a_curvature_that_is_not_above_zero_is_drawn(found):
    rays = found.rays.copy()
    rays.loc[rays["direction"] == "random", "curvature"] = -0.001
    figure = catalogue.draw("flatness", catalogue.FigureInputs(dataclasses.replace(found, rays=rays)))
    axes = figure.axes[2]
    assert axes.get_yscale() == "symlog"
    (line,) = heights(axes, styles.PRUNED_BY["random"])
    np.testing.assert_allclose(line.get_ydata(), -0.001)


def test_the_density_has_a_mass_of_one_and_counts_are_those_of_the_nodes(drawn):
    density, counts = drawn["spectral_density"].axes
    for line in density.lines:
        grid, values = line.get_data()
        assert np.trapezoid(np.nan_to_num(values), grid) == pytest.approx(1, abs=1e-3)
    # Of 100 eigenvalues a fifth is above zero in this world, a tenth of a percent at the top; seeds differ a little.
    for line in counts.lines:
        assert line.get_ydata()[0] == pytest.approx(20) and line.get_ydata()[-1] == pytest.approx(0.1 / 3)
    assert len(density.lines) == panels.LEVELS_SHOWN
    assert legend_of(drawn["spectral_density"])[0] == "level 0, 100.0% kept"


def test_limits_by_level_and_predicted_against_found(drawn, found):
    large, _, right = drawn["limits"].axes
    own = found.limits[(found.limits["treatment"] == Treatment().name)]
    for method, look in styles.LIMIT_STYLES.items():
        rows = own[(own["pruned_by"] == "large_final") & (own["method"] == method)]
        (line,) = [line for line in heights(large, look) if line.get_marker() == look.marker]
        np.testing.assert_allclose(line.get_ydata(), 100 * rows.groupby("level")["pruned_fraction"].mean())
    meets = [line for line in right.lines if line.get_marker() == styles.LIMIT_STYLES["subspace meets bowl"].marker]
    wide = own.pivot_table(index=["pruned_by", "seed", "level"], columns="method", values="pruned_fraction")
    points = np.concatenate([line.get_xydata() for line in meets])
    expected = 100 * wide[["found after retraining", "subspace meets bowl"]].to_numpy()
    np.testing.assert_allclose(sorted(map(tuple, points)), sorted(map(tuple, expected)))


def test_magnitudes_before_and_after(found):
    thresholds = found.thresholds.copy()
    thresholds.loc[thresholds["layer"] != "all", ["share_before", "share_after"]] = (
        0.9  # those of one layer are not drawn
    )
    figure = catalogue.draw("magnitudes", catalogue.FigureInputs(dataclasses.replace(found, thresholds=thresholds)))
    share, first, last = figure.axes
    rows = found.thresholds[
        (found.thresholds["layer"] == "all") & (found.thresholds["treatment"] == Treatment().name)
    ].groupby("level")
    for when, look in styles.RETRAINING.items():
        (line,) = heights(share, look)
        np.testing.assert_allclose(line.get_ydata(), 100 * rows[f"share_{when}"].mean())
    for axes, level in ((first, 1), (last, 5)):
        assert f"level {level}," in axes.get_xlabel() and "dense_1/kernel" in axes.get_xlabel()
        np.testing.assert_allclose(axes.patches[0].get_data().values, 100 * np.array([0, 1, 2, 3]) / 6)
        np.testing.assert_allclose(axes.patches[1].get_data().values, 100 * np.array([4, 3, 2, 1]) / 10)


def test_densities_are_cut_at_a_tenth_of_an_eigenvalue(drawn):
    """Of 100 eigenvalues: a tenth of the peak that one of them makes, spread as the figure spreads it."""
    density, counts = drawn["spectral_density"].axes
    grid = density.lines[0].get_xdata()
    width = (grid[-1] - grid[0]) / 106  # 100 widths between the least and the greatest, 3 more at either end
    assert density.get_ylim()[0] == pytest.approx(1 / (width * np.sqrt(2 * np.pi)) / 100 / 10)
    assert counts.get_ylim()[0] == 0.5
