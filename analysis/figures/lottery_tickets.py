"""Early-stopping iteration and test accuracy of winning tickets and their controls, as Frankle & Carbin show them."""

from __future__ import annotations

from matplotlib.figure import Figure

from analysis.figures import drawing, styles
from analysis.figures.curves import DENSE_LINE, DRAWN_METRICS, ROW, WIDTH, draw_lines, in_units, line_handle
from analysis.results import load, lottery_lines, select
from analysis.tables import all_tables
from lottery_tf.results.paths import DENSE

NOTHING = (
    f"there is no one-shot or fine-tuned level and no control of {lottery_lines.TREATMENTS[lottery_lines.TICKET].name}; "
    "controls of other tickets are not drawn, `analysis.export --kind=control` has them."
)
LOOKS = {
    **{line: styles.of_treatment(treatment.name) for line, treatment in lottery_lines.TREATMENTS.items()},
    **{line: styles.CONTROLS[control] for line, control in lottery_lines.CONTROLS.items()},
}


def lottery(found: load.Results) -> Figure:
    """Draws winning tickets beside their controls, a row a network, data set and schedule.

    Returns:
      The figure: lines are means over seeds of each seed's mean over draws, bands reach from the least to the greatest
      run, the horizontal line is the dense network. Lines without any level are left out. Where dense networks stop at
      the very end of training, the left axis says that nothing can be told of speed.

    Raises:
      NothingToDraw: there is neither a control of a ticket nor a one-shot or fine-tuned level.
    """
    rows = drawing.in_order(lottery_lines.trained_panels(found))
    if not rows:
        raise drawing.NothingToDraw(NOTHING)
    page = drawing.blank(WIDTH, ROW * len(rows) + 0.8)
    drawn: set[str] = set()
    for pair, key in zip(page.subplots(len(rows), len(DRAWN_METRICS), squeeze=False), rows, strict=True):
        for axes, measure in zip(pair, DRAWN_METRICS, strict=True):
            runs = lottery_lines.runs(found, key, measure)
            lines = in_units(lottery_lines.over_runs(runs), all_tables.METRICS[measure].factor)
            drawn |= draw_lines(axes, lines, LOOKS, LOOKS, measure)
            axes.set_title(f"{drawing.panel_title(key)}, {drawing.from_to_seeds(lines['n'])}")
        levels = select.panel(found.levels, key)
        if note := lottery_lines.too_short(levels[levels["treatment"] == DENSE]):
            pair[0].set_xlabel(f"{pair[0].get_xlabel()}\n({note} to tell)")
    drawing.legend_below(page, [*(line_handle(name, LOOKS[name]) for name in LOOKS if name in drawn), DENSE_LINE], 3)
    return drawing.fix_layout(page)
