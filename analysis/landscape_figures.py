"""The error landscape around trained levels, as Paul et al. look at it: barriers, flatness, robustness, limits.

Each figure has a row for each network, data set and schedule. Where several treatments are measured, `main_treatment`
says which one a panel is of that shows a single one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator

from analysis import drawing, results, styles
from analysis.curves import ROW, WIDTH, line_handle
from analysis.lottery_lines import scope_of
from analysis.results import single
from analysis.styles import Style
from lottery_tf.landscape.paths import MATCHING, STABLE
from lottery_tf.treatments import Treatment

SUCCESSIVE = "successive"  # the relation of a level and the next
WHOLE_NETWORK = "all"  # the layer that stands for all of them
PAIRS, LEVELS, BINNED = 4, 4, 2  # how many pairs of levels, spectral densities and histograms a row shows
POINTS = (0, 0.5, 1, 2, 5, 10, 20, 50, 100)  # ticks of barriers
PERCENT = (0.5, 0.7, 1, 1.5, 2, 2.5, 3, 4, 5, 7, 10, 15, 20, 30, 50, 70, 100)  # ticks of errors
FILLINGS = {"full": "in all seeds", "left": "in some", "none": "in none"}  # of markers
COLUMNS = 4  # of a legend
THIN = 0.6
OF_ENDS = Line2D([], [], color=styles.INK, linewidth=THIN, label="thin: half the difference of the ends")
JOINED = line_handle(f"{100 * STABLE:g} points: joined below it", Style(styles.INK, "", styles.DOTTED))
Draw = Callable[[Sequence[Axes], pd.DataFrame], Iterable[Line2D]]


def barriers(found: results.Results) -> Figure:
    """Error barriers between successive levels against the kept percentage, a column a mask criterion.

    Returns:
      The figure: a line a rewind point (or other treatment), the mean over seeds, its band from the least to the
      greatest; a filled marker where both levels match the dense network. A thin line is what of it the difference of
      the ends makes. Criteria share one scale.

    Raises:
      NothingToDraw: no line between successive levels is there.
    """
    lines = successive(found.lines)
    columns = list(lines.sort_values("criterion")["criterion"].unique())

    def draw(axes_of_row: Sequence[Axes], rows: pd.DataFrame) -> Iterable[Line2D]:
        handles, high = {}, 100 * rows["error_barrier"].max()
        for axes, criterion in zip(axes_of_row, columns, strict=True):
            for label, handle in _draw_barriers(axes, rows[rows["criterion"] == criterion]).items():
                handles.setdefault(label, handle)
            _barrier_axis(axes, f"error barrier, points ({criterion})", high)
            drawing.kept_axis(axes, 100 * rows["second_kept_fraction"].min())
            axes.set_xlabel("weights kept by the sparser level, %")
        return [*handles.values(), JOINED, OF_ENDS, *_fillings("both levels match")]

    return _page(lines, "no line between successive levels", draw, max(1, len(columns)))


def successive(lines: pd.DataFrame) -> pd.DataFrame:
    """The lines between successive levels, a row a line, with "matches": whether both ends match the dense network.

    "of_ends" is half of the difference between the ends' errors, which is the least that a barrier can be.
    """
    rows = single(lines[lines["relation"] == SUCCESSIVE])
    ends = rows[["first_error", "second_error"]]
    matches = ends.max(axis=1) <= rows["dense_error"] + MATCHING
    return rows.assign(matches=matches, of_ends=(ends.max(axis=1) - ends.min(axis=1)) / 2)


def _draw_barriers(axes: Axes, rows: pd.DataFrame) -> dict[str, Line2D]:
    handles, looks = {}, styles_of(rows)
    for treatment in in_order(rows):
        line = rows[rows["treatment"] == treatment]
        label = rewound(line, criterion=False)
        handles[label] = line_handle(label, looks[treatment])
        _matched(axes, line, "second_kept_fraction", "error_barrier", looks[treatment])
        least = 100 * line.groupby("level")[["second_kept_fraction", "of_ends"]].mean()
        axes.plot(*least.to_numpy().T, color=looks[treatment].colour, linewidth=THIN)
    return handles


def error_lines(found: results.Results) -> Figure:
    """The error along the lines between some successive levels, from the sparser level to the one before it.

    Raises:
      NothingToDraw: no line between successive levels is there.
    """
    lines = found.lines[found.lines["relation"] == SUCCESSIVE]
    return _page(lines, "no line between successive levels", _draw_error_lines, PAIRS)


def _draw_error_lines(axes_of_row: Sequence[Axes], rows: pd.DataFrame) -> Iterable[Line2D]:
    looks = styles_of(rows)
    for axes, level in zip(axes_of_row, spread(rows["level"], PAIRS), strict=False):
        own = rows[rows["level"] == level]
        for treatment in in_order(own):
            look = looks[treatment].plot | {"marker": ""}
            points = own[own["treatment"] == treatment].groupby("position")["error"].mean()
            axes.plot(points.index, 100 * points, **look)
        axes.set_xlabel(
            f"from level {level + 1} ({_kept(own, 'second_kept_fraction')} kept)\nto level {level} ({_kept(own)})"
        )
        _error_axis(axes)
    return [line_handle(rewound(rows[rows["treatment"] == each]), _unmarked(looks[each])) for each in in_order(rows)]


def flatness(found: results.Results) -> Figure:
    """The Hessian's greatest eigenvalue and trace at the end of training, and the curvature along pruning, by level.

    Returns:
      The figure: means over seeds with bands from the least to the greatest; the curvature of one treatment along what
      the next round's pruning moves, by magnitude or at random, and along a random direction.

    Raises:
      NothingToDraw: no spectrum is there.
    """
    rays = found.rays

    def draw(axes: Sequence[Axes], rows: pd.DataFrame) -> Iterable[Line2D]:
        looks = styles_of(rows)
        for place, (column, title) in enumerate(SPECTRAL.items()):
            for treatment in in_order(rows):
                own = rows[rows["treatment"] == treatment]
                _band(axes[place], own, "kept_fraction", column, looks[treatment])
            axes[place].set_ylabel(title)
        own = results.panel(rays, tuple(rows.iloc[0][list(results.PANEL)]))
        own = own[own["position"] == 1]
        own = own[own["treatment"] == main_treatment(own)] if len(own) else own
        for direction, look in styles.PRUNED_BY.items():
            _band(axes[2], own[own["direction"] == direction], "kept_fraction", "curvature", look)
        axes[2].set_ylabel("curvature along the next pruning" + (f"\n({rewound(own)})" if len(own) else ""))
        for each in axes:
            drawing.kept_axis(each, 100 * rows["kept_fraction"].min())
            _log_axis(each)
        named = [line_handle(rewound(rows[rows["treatment"] == each]), looks[each]) for each in in_order(rows)]
        return [*named, *(line_handle(f"right: {DIRECTIONS[name]}", look) for name, look in styles.PRUNED_BY.items())]

    return _page(single(found.spectra), "no spectrum of the Hessian", draw, 3)


SPECTRAL = {"top_eigenvalue": "greatest eigenvalue of the Hessian", "trace": "trace of the Hessian"}
DIRECTIONS = {
    "large_final": "small weights to zero", "random": "random weights to zero", "random direction": "random direction"
}  # fmt: skip


def spectral_density(found: results.Results) -> Figure:
    """The Hessian's spectral density at some levels of one treatment, and how many eigenvalues lie above each value.

    The density is spread by a hundredth of the whole range and cut at a tenth of a single eigenvalue; the counts are not
    smoothed, and cut below one, where they are the estimate's noise.

    Raises:
      NothingToDraw: no spectrum is there.
    """
    return _page(found.spectra[found.spectra["found_by"] == "lanczos"], "no spectrum of the Hessian", _draw_density, 2)


def _draw_density(pair: Sequence[Axes], rows: pd.DataFrame) -> Iterable[Line2D]:
    treatment = main_treatment(rows)
    rows = rows[rows["treatment"] == treatment]
    low, high = rows["eigenvalue"].min(), rows["eigenvalue"].max()
    width = (high - low) / 100 or 1.0
    grid = np.linspace(low - 3 * width, high + 3 * width, 800)
    handles = []
    for level, look in zip(spread(rows["level"], LEVELS), styles.SEQUENCE, strict=False):
        own = rows[rows["level"] == level].sort_values("eigenvalue")
        nodes, shares = own["eigenvalue"].to_numpy(), own["weight"].to_numpy() / own["seed"].nunique()
        bumps = np.exp(-(((grid[:, None] - nodes) / width) ** 2) / 2) * one(width)
        style = dataclasses.replace(look, marker="", dash=DASHES[len(handles)])
        density, size = bumps @ shares, own["size"].mean()
        pair[0].plot(grid, np.where(density > LEAST_DENSITY, density, np.nan), **style.plot)
        above = size * shares[::-1].cumsum()[::-1]
        pair[1].step(nodes[nodes > 0], above[nodes > 0], where="pre", **style.plot)
        handles.append(line_handle(f"level {level}, {_kept(own)} kept", style))
    for axes, least in zip(pair, (one(width) / rows["size"].max() / 10, 0.5), strict=True):
        axes.set_yscale("log")
        axes.set_ylim(bottom=least)
    pair[1].set_xscale("log")
    for axes, label in zip(pair, ("share of the eigenvalues per unit", "eigenvalues at least as great"), strict=True):
        axes.set_xlabel(f"eigenvalue of the Hessian ({rewound(rows)})")
        axes.set_ylabel(label)
        axes.grid(True)
    return handles


def one(width: float) -> float:
    """The greatest density of a single eigenvalue that is spread by a width."""
    return 1 / (width * np.sqrt(2 * np.pi))


LEAST_DENSITY = 1e-9  # below it a density is left out
DASHES = (styles.SOLID, styles.DASHED, styles.DASHDOT, styles.DOTTED)


def robustness(found: results.Results) -> Figure:
    """Error barriers from a perturbed rewind point's training, against the perturbation's length.

    Returns:
      The figure: left to the end of the same level unperturbed, right to the end of the level before; a line a level,
      the mean over seeds and directions; a filled marker where the perturbed training matches the dense network.

    Raises:
      NothingToDraw: no perturbed training is there.
    """
    return _page(single(found.perturbations), "no perturbed rewind point", _draw_robustness, 2)


def _draw_robustness(pair: Sequence[Axes], rows: pd.DataFrame) -> Iterable[Line2D]:
    rows = rows[rows["treatment"] == main_treatment(rows)]
    rows = rows.assign(matches=rows["end_error"] <= rows["dense_error"] + MATCHING)
    handles = []
    for axes, (column, title) in zip(pair, TO_ENDS.items(), strict=True):
        handles = []
        for level, look in zip(spread(rows["level"], LEVELS), styles.SEQUENCE, strict=False):
            own = rows[rows["level"] == level]
            _matched(axes, own, "multiple", column, look)
            handles.append(line_handle(f"level {level}, {_kept(own)} kept", look))
        _barrier_axis(axes, title, 100 * rows[list(TO_ENDS)].max(axis=None))
        multiples = sorted(rows["multiple"].unique())
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(FixedLocator(multiples))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(_plain))
        axes.set_xlabel(f"perturbation, lengths of the mask's projection\n({rewound(rows)})")
        axes.grid(True)
    return [*handles, JOINED, *_fillings("the perturbed end matches")]


TO_ENDS = {
    "error_barrier": "error barrier to the\nunperturbed end, points",
    "error_barrier_to_before": "error barrier to the\nlevel before, points",
}


def limits(found: results.Results) -> Figure:
    """The largest share that can be pruned at once, predicted and found: by level, and one against the other.

    Returns:
      The figure: left and in the middle pruning by magnitude and at random; right each prediction against what it
      predicts, found without or after retraining, a point a level and seed, filled where pruning is by magnitude.

    Raises:
      NothingToDraw: no limit is there.
    """
    return _page(found.limits, "no limit of pruning at once", _draw_limits, 3)


def _draw_limits(axes_of_row: Sequence[Axes], rows: pd.DataFrame) -> Iterable[Line2D]:
    rows = rows[rows["treatment"] == main_treatment(rows)]
    for axes, pruned_by in zip(axes_of_row, PRUNED_BY, strict=False):
        own = rows[rows["pruned_by"] == pruned_by]
        for method, look in styles.LIMITS.items():
            _band(axes, own[own["method"] == method], "kept_fraction", "pruned_fraction", look, 100)
        drawing.kept_axis(axes, 100 * rows["kept_fraction"].min())
        axes.set_ylim(-3, 103)
        axes.set_ylabel(f"prunable share, %\n({PRUNED_BY[pruned_by]})")
        axes.set_xlabel(f"weights kept, %\n({rewound(rows)})")
    right = axes_of_row[len(PRUNED_BY)]
    right.plot([0, 100], [0, 100], color=styles.INK, linewidth=0.7, linestyle=styles.DOTTED)
    wide = 100 * rows.pivot(index=["pruned_by", "seed", "level"], columns="method", values="pruned_fraction")
    for pruned_by, own in wide.groupby(level="pruned_by"):
        for method, target in PREDICTS.items():
            look = styles.LIMITS[method]
            face = look.colour if pruned_by == Treatment().criterion else styles.GROUND[0]
            if {method, target} <= {*own}:
                right.plot(own[target], own[method], **look.plot | {"linestyle": "", "markerfacecolor": face})
    right.set_xlabel(f"found, % (upright triangles: after retraining)\n(filled: {PRUNED_BY['large_final']})")
    right.set_ylabel("predicted, %")
    right.set_xlim(-3, 103)
    right.set_ylim(-3, 103)
    right.grid(True)
    right.set_axisbelow(True)
    there = set(rows["method"])
    return [line_handle(METHODS[name], look) for name, look in styles.LIMITS.items() if name in there]


PRUNED_BY = {"large_final": "by magnitude", "random": "at random"}
FOUND = "found"
RETRAINED = "found after retraining"
PREDICTS = {"along the projection": FOUND, "all directions alike": FOUND, "subspace meets bowl": RETRAINED}
METHODS = {
    name: name if name.startswith(FOUND) else f"predicted: {name}" for name in styles.LIMITS
} | {FOUND: "found without retraining"}  # fmt: skip


def magnitudes(found: results.Results) -> Figure:
    """What retraining does to magnitudes: the share below the next threshold, and one layer's histogram at two levels.

    Raises:
      NothingToDraw: neither shares nor histograms are there.
    """
    histograms = found.histograms
    whole = found.thresholds[found.thresholds["layer"] == WHOLE_NETWORK]

    def draw(axes: Sequence[Axes], rows: pd.DataFrame) -> Iterable[Line2D]:
        rows = rows[rows["treatment"] == main_treatment(rows)]
        for when, look in styles.RETRAINING.items():
            _band(axes[0], rows, "kept_fraction", f"share_{when}", look, 100)
        drawing.kept_axis(axes[0], 100 * rows["kept_fraction"].min())
        axes[0].set_ylim(0)
        axes[0].set_ylabel("at or below the next threshold,\n% of the surviving weights")
        axes[0].set_xlabel(f"weights kept, %\n({rewound(rows)})")
        own = results.panel(histograms, tuple(rows.iloc[0][list(results.PANEL)]))
        own = own[(own["treatment"] == main_treatment(rows)) & (own["seed"] == own["seed"].min())]
        if len(own):
            _draw_histograms(axes[1:], own[own["layer"] == own.groupby("layer")["after"].sum().idxmax()])
        return [line_handle(f"{when} retraining", look) for when, look in styles.RETRAINING.items()]

    return _page(whole, "no measurement of magnitudes before and after retraining", draw, 1 + BINNED)


def _draw_histograms(axes_of_row: Sequence[Axes], rows: pd.DataFrame) -> None:
    for axes, level in zip(axes_of_row, spread(rows["level"], BINNED), strict=False):
        own = rows[rows["level"] == level].sort_values("bin_from")
        edges = [*own["bin_from"], own["bin_to"].iloc[-1]]
        for when, look in styles.RETRAINING.items():
            share = 100 * own[when] / own[when].sum()
            axes.stairs(share, edges, color=look.colour, linestyle=look.dash, linewidth=1.2)
        axes.set_xlim(0, edges[-1])
        axes.set_ylim(0)
        axes.set_ylabel("surviving weights, % a bin")
        layer, seed = own["layer"].iloc[0], own["seed"].iloc[0]
        axes.set_xlabel(f"magnitude in {layer}\nlevel {level}, {_kept(own)} kept, seed {seed}")
        axes.grid(True)


def _page(rows: pd.DataFrame, lacking: str, draw: Draw, columns: int) -> Figure:
    """A row of axes a panel, and one legend below all of them."""
    keys = drawing.in_order(results.panels(rows))
    if not keys:
        raise drawing.NothingToDraw(f"there is {lacking}.")
    page = drawing.blank(WIDTH, ROW * len(keys) + 1.0)
    handles: dict[str, Line2D] = {}
    parts = page.subfigures(len(keys), 1, squeeze=False)[:, 0]
    for part, key in zip(parts, keys, strict=True):
        own, axes = results.panel(rows, key), part.subplots(1, columns, squeeze=False)[0]
        handles |= {handle.get_label(): handle for handle in draw(axes, own)}
        part.suptitle(f"{drawing.panel_title(key)}, {seeds(own)}", fontsize=drawing.LOOK["axes.titlesize"])
        for each in axes:
            each.set_visible(each.has_data())
    drawing.legend_below(page, list(handles.values()), COLUMNS)
    return drawing.settle(page)


def seeds(rows: pd.DataFrame) -> str:
    """How many seeds some rows are of, for a title; where some levels have fewer than others it says so.

    >>> whole = pd.DataFrame({"treatment": "a", "level": [1, 1, 2, 2], "seed": [0, 1, 0, 1]})
    >>> seeds(whole), seeds(whole[:3])
    ('2 seeds', '1 to 2 seeds')
    """
    least, text = rows.groupby(["treatment", "level"])["seed"].nunique().min(), drawing.seeds(rows)
    return text if least == rows["seed"].nunique() else f"{least} to {text}"


def in_order(rows: pd.DataFrame) -> list[str]:
    """The treatments of some rows: the usual criterion first, then by criterion, rewind point and name."""
    about = rows[["criterion", "rewind_to", "treatment"]].drop_duplicates().itertuples(index=False, name=None)
    return [each[-1] for each in sorted(about, key=lambda each: (each[0] != Treatment().criterion, *each))]


def main_treatment(rows: pd.DataFrame) -> str:
    """The treatment that a panel of a single one shows: the first `in_order`."""
    return in_order(rows)[0]


def styles_of(rows: pd.DataFrame) -> dict[str, Style]:
    """The style of each treatment: the colour says the rewind point, dashes that the criterion is not the usual one."""
    found = {}
    for each in rows.drop_duplicates("treatment").itertuples():
        look = styles.REWIND_POINTS.get(each.rewind_to) if _only_rewound(each) else None
        if look and each.criterion != Treatment().criterion:
            look = dataclasses.replace(look, dash=styles.DASHED)
        found[each.treatment] = look or styles.of_treatment(each.treatment)
    return found


def rewound(rows: pd.DataFrame, criterion: bool = True) -> str:
    """What to call the treatment of some rows: its criterion and rewind point, or its name where there is more to it."""
    row = next(rows.itertuples())
    if not _only_rewound(row):
        return row.treatment
    place = f"rewound to {row.rewind_to:,}"
    return f"{row.criterion}, {place}" if criterion else place


def _only_rewound(row) -> bool:
    """Whether a treatment is iterative rewinding by a criterion of this package or a user's, and nothing else."""
    usual = dataclasses.replace(Treatment(), scope=scope_of(row.network))
    names = ("mask1", "mask0", "rounds", "scope")
    return all(getattr(row, name) == getattr(usual, name) for name in names) and pd.isna(row.chosen_kept_fraction)


def spread(values: pd.Series, count: int) -> list[int]:
    """So many of the different values, spread evenly over them, the least and the greatest among them.

    >>> spread(pd.Series([0, 1, 2, 3, 4, 4]), 3), spread(pd.Series([7]), 3)
    ([0, 2, 4], [7])
    """
    there = sorted(set(values.tolist()))
    places = np.linspace(0, len(there) - 1, min(count, len(there))).round().astype(int)
    return [there[place] for place in places]


def _band(axes: Axes, rows: pd.DataFrame, x: str, y: str, look: Style, factor: float = 1) -> None:
    """Means over seeds against a share in percent, with the band from the least to the greatest."""
    own = factor * rows.groupby("level")[y].agg(["mean", "min", "max"])
    own = own.join(100 * rows.groupby("level")[x].mean()).dropna()
    axes.plot(own[x], own["mean"], **look.plot)
    axes.fill_between(own[x], own["min"], own["max"], color=look.colour, alpha=0.15, linewidth=0)


def _matched(axes: Axes, rows: pd.DataFrame, x: str, y: str, look: Style) -> None:
    """Barriers in points, means with their band, against a share in percent or a multiple.

    Each marker is filled as far as "matches" is true.
    """
    groups = rows.groupby(["level", x])
    own = 100 * groups[y].agg(["mean", "min", "max"])
    own = own.assign(share=groups["matches"].mean()).reset_index().sort_values(x)
    places = own[x] if x == "multiple" else 100 * own[x]
    axes.plot(places, own["mean"], **look.plot | {"marker": ""})
    axes.fill_between(places, own["min"], own["max"], color=look.colour, alpha=0.15, linewidth=0)
    fills = np.select([own["share"] == 1, own["share"] == 0], ["full", "none"], "left")
    for fill in FILLINGS:
        axes.plot(places[fills == fill], own["mean"][fills == fill], **look.plot | {"linestyle": "", **_filling(fill)})


def _filling(fill: str) -> dict:
    return {"fillstyle": fill, "markerfacecoloralt": styles.GROUND[0]}


def _fillings(what: str) -> list[Line2D]:
    """What the filling of markers says, for a legend."""
    shape = {"color": styles.INK, "linestyle": "", "marker": "o"}
    return [Line2D([], [], label=f"{what} {where}", **shape, **_filling(fill)) for fill, where in FILLINGS.items()]


def _unmarked(look: Style) -> Style:
    return dataclasses.replace(look, marker="")


def _barrier_axis(axes: Axes, title: str, high: float) -> None:
    """Barriers in points up to `high`, linear to one point and logarithmic above, with the line below which ends are joined."""
    axes.axhline(100 * STABLE, color=styles.INK, linestyle=styles.DOTTED, linewidth=0.9)
    axes.set_yscale("symlog", linthresh=1, linscale=0.7)
    axes.set_ylim(min(-0.25, 1.2 * axes.dataLim.intervaly[0]), 1.4 * max(high, 100 * STABLE))
    _ticks(axes, POINTS)
    axes.set_ylabel(title)


def _error_axis(axes: Axes) -> None:
    axes.set_yscale("log")
    low, high = axes.dataLim.intervaly
    axes.set_ylim(low / 1.15, max(1.15 * high, 1.5 * low))
    _ticks(axes, PERCENT)
    axes.set_ylabel("error, %")
    axes.grid(True)


def _log_axis(axes: Axes) -> None:
    """A logarithmic axis; linear around zero where there are values that are not above it."""
    values = np.concatenate([line.get_ydata() for line in axes.lines] or [np.ones(1)])
    above = values[values > 0]
    if len(above) == len(values):
        axes.set_yscale("log")
        subs = (1, 2, 5) if above.max() > 10 * above.min() else (1, 1.5, 2, 3, 5, 7)
        axes.yaxis.set_major_locator(LogLocator(subs=subs))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(_plain))
    elif len(above):
        axes.set_yscale("symlog", linthresh=10 ** np.floor(np.log10(np.median(above))))


def _plain(value: float, _: object = None) -> str:
    """A tick's label; the page cuts what has more than two decimals.

    >>> _plain(0.00015), _plain(0.002), _plain(1.5), _plain(20.0)
    ('1.5e-04', '2e-03', '1.5', '20')
    """
    return f"{value:.1e}".replace(".0e", "e") if 0 < abs(value) < 0.01 else f"{value:g}"


def _kept(rows: pd.DataFrame, column: str = "kept_fraction") -> str:
    """How much some rows' level keeps, for a label.

    >>> _kept(pd.DataFrame({"kept_fraction": [0.4104]})), _kept(pd.DataFrame({"kept_fraction": [0.00499]}))
    ('41.0%', '0.50%')
    """
    percent = 100 * rows[column].mean()
    return f"{percent:.2f}%" if percent < 10 else f"{percent:.1f}%"


def _ticks(axes: Axes, places: Sequence[float]) -> None:
    axes.yaxis.set_major_locator(FixedLocator(places))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(_plain))
