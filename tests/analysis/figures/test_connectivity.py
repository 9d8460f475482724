"""The axis of error barriers contains zero."""

from matplotlib.figure import Figure

from analysis.figures import connectivity


def test_an_error_of_zero_stays_on_its_axis():
    axes = Figure().subplots()
    axes.plot([0, 1], [0.0, 3.0])
    connectivity._error_axis(axes)
    low, high = axes.get_ylim()
    assert low < 0 and high > 3 and axes.get_yscale() == "symlog"
