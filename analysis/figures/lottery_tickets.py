"""Draws early-stopping iteration and test accuracy of winning tickets and their controls, as in Frankle & Carbin."""

from __future__ import annotations

from matplotlib.figure import Figure

from analysis.figures import drawing, styles
from analysis.figures.curves import ROW, WIDTH, draw_lines, general_handles, in_units, line_handle
from analysis.results import load, lottery_lines, select
from analysis.statistics.figure_lines import DRAWN_METRICS, METRICS
from lottery_tf.results.paths import DENSE

NO_LINES = (
    "there is no one-shot or fine-tuned level and no control of "
    f"{lottery_lines.TREATMENT_OF_LINE[lottery_lines.TICKET].name}; "
    "controls of other tickets are not drawn, but `analysis.export --kind=control` exports them."
)
LINE_STYLES = {
    **{line: styles.treatment_style(treatment.name) for line, treatment in lottery_lines.TREATMENT_OF_LINE.items()},
    **{line: styles.CONTROL_STYLES[control] for line, control in lottery_lines.CONTROL_OF_LINE.items()},
}


def lottery(results: load.Results) -> Figure:
    """Draws winning tickets and their controls, one row for each panel.

    Returns:
      The figure. Lines are means over seeds, where a seed's value is the mean over its draws. Bands span the lowest to
      the highest run, and the horizontal line is the dense network. Lines without any level are left out. If training
      is too short to judge speed, a note below the left axis says so.

    Raises:
      NothingToDraw: there is neither a control of a ticket nor a one-shot or fine-tuned level.
    """
    rows = select.table_s1_order(lottery_lines.trained_panels(results))
    if not rows:
        raise drawing.NothingToDraw(NO_LINES)
    page = drawing.blank(WIDTH, ROW * len(rows) + 0.8)
    drawn: set[str] = set()
    for pair, key in zip(page.subplots(len(rows), len(DRAWN_METRICS), squeeze=False), rows, strict=True):
        for axes, metric in zip(pair, DRAWN_METRICS, strict=True):
            runs = lottery_lines.runs(results, key, metric)
            lines = in_units(lottery_lines.over_runs(runs), METRICS[metric].factor)
            drawn |= draw_lines(axes, lines, LINE_STYLES, LINE_STYLES, metric)
            axes.set_title(f"{drawing.panel_title(key)}, {drawing.from_to_seeds(lines['n'])}")
        levels = select.panel(results.levels, key)
        if note := lottery_lines.too_short(levels[levels["treatment"] == DENSE]):
            pair[0].set_xlabel(f"{pair[0].get_xlabel()}\n({note} to tell)")
    drawing.legend_below(
        page,
        [*(line_handle(name, LINE_STYLES[name]) for name in LINE_STYLES if name in drawn), *general_handles(page)],
        3,
    )
    return drawing.fix_layout(page)
