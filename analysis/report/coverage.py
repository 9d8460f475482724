"""What a results folder holds besides the levels of treatments: controls of tickets, measurements of the landscape."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from analysis.figures.drawing import in_order
from analysis.report.provenance import MEASURED_BY
from analysis.results.load import FRAMES, Results
from analysis.results.select import PANEL, SUCCESSIVE, panel, panels
from lottery_tf.results.paths import DENSE

RELATIONS = {SUCCESSIVE: "lines", "reordered": "instability"}  # of a line's ends -> the measure that draws it

COUNTED_KINDS = ("perturbation", "spectrum", "limit", "threshold")  # one for each measure but those


def table(found: Results) -> pd.DataFrame:
    """Which controls and which measurements there are.

    Returns:
      A row a network, data set, schedule and kind of control or measure: at how many treatments, for which seeds and from
      which level to which, and at how many levels of all seeds and treatments. Nothing is a row where nothing is there.
    """
    rows = []
    for what, frame in _frames(found):
        places = frame.drop_duplicates([*PANEL, "treatment", "seed", "level"])
        for key in in_order(panels(places)):
            own = panel(places, key)
            rows.append(
                dict(zip(PANEL, key, strict=True))
                | {
                    "what": what,
                    "treatments": own.loc[own["treatment"] != DENSE, "treatment"].nunique(),
                    "seeds": ", ".join(map(str, sorted(own["seed"].unique()))),
                    "levels": f"{own['level'].min()} to {own['level'].max()}",
                    "places": len(own),
                }
            )
    return pd.DataFrame(rows)


def _frames(found: Results) -> Iterator[tuple[str, pd.DataFrame]]:
    for control, own in found.controls.groupby("control"):
        yield f"control {control}", own
    for relation, measure in RELATIONS.items():
        yield measure, found.lines[found.lines["relation"] == relation]
    for kind in COUNTED_KINDS:
        yield MEASURED_BY[kind], getattr(found, FRAMES[kind])
