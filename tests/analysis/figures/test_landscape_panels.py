"""Labels and levels that the figures of the landscape share."""

import pandas as pd
from matplotlib.lines import Line2D

from analysis.figures import landscape_panels as panels
from analysis.figures import styles


def test_what_looks_otherwise_in_another_panel_says_so():
    dashes = {"a": styles.DASHED, "b": styles.DOTTED, "c": styles.DASHED}

    def handle(label, **look):
        return Line2D([], [], color="blue", label=label, **look)

    given = [(handle("dashes", linestyle=dash), panel) for panel, dash in dashes.items()]
    given += [(handle("same", marker="o"), panel) for panel in dashes]
    given += [
        (handle("hollow", marker="o", markerfacecolor=face), panel) for panel, face in (("a", "w"), ("b", "blue"))
    ]
    told = [each.get_label() for each in panels._distinct(given)]
    assert told == ["dashes (a; c)", "dashes (b)", "same", "hollow (a)", "hollow (b)"]


def test_spread_takes_both_ends():
    assert panels.spread(pd.Series(range(13)), 4) == [0, 4, 8, 12]
