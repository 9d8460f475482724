"""What a results folder holds and what it lacks, beside what the paper has, as tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pandas as pd

from analysis.report.commands import MEASURED_BY
from analysis.results.columns import FRAMES
from analysis.results.load import Results
from analysis.results.select import PANEL, SUCCESSIVE, ordered_panels, panel, table_s1_order
from lottery_tf.results.paths import DENSE
from lottery_tf.studies import paper
from lottery_tf.supermasks.mask_sources import UNTRAINED

RELATIONS = {SUCCESSIVE: "lines", "reordered": "instability"}  # of a line's ends -> the measure that draws it
COUNTED_KINDS = ("perturbation", "spectrum", "limit", "threshold")  # one for each measure but those


def dense_networks(results: Results) -> pd.DataFrame:
    """Which dense networks are there: a row a panel."""
    rows = []
    for key in ordered_panels(results.levels):
        levels = panel(results.levels, key)
        dense = levels[levels["treatment"] == DENSE]
        rows.append(
            dict(zip(PANEL, key, strict=True))
            | {
                "dense networks of seeds": _listed(dense["seed"]),
                "treatments": levels["treatment"].nunique() - (len(dense) > 0),
                "trained levels": len(levels),
            }
        )
    return pd.DataFrame(rows)


def figure_lines(results: Results, figures: Iterable[str] = tuple(paper.FIGURES)) -> pd.DataFrame:
    """How much of each of the paper's figures of lines is there, wherever anything was pruned.

    Returns:
      A row a figure and panel: its lines that are there and those that are missing, seeds, the deepest level, the
      trainings that are there of those that the paper's five seeds and 24 levels take, and how many diverged.
    """
    rows = []
    for key in ordered_panels(results.levels[results.levels["level"] > 0]):
        levels = panel(results.levels, key)
        for name in figures:
            wanted = {line: treatment.name for line, treatment in paper.FIGURES[name].lines.items()}
            there = levels[levels["treatment"].isin(wanted.values())]
            missing = [line for line, treatment in wanted.items() if treatment not in set(there["treatment"])]
            rows.append(
                dict(zip(PANEL, key, strict=True))
                | {
                    "figure": name,
                    "lines there": f"{len(wanted) - len(missing)} of {len(wanted)}",
                    "lines missing": "; ".join(missing) or "none",
                    "seeds": _listed(there["seed"]),
                    "deepest level": int(there["level"].max()) if len(there) else 0,
                    "trainings": f"{len(there)} of {len(wanted) * paper.LEVELS * len(paper.SEEDS)}",
                    "diverged": int((there["status"] == "diverged").sum()),
                }
            )
    return pd.DataFrame(rows)


def supermasks(results: Results) -> pd.DataFrame:
    """Which heuristic supermasks and learned masks of Figure 7 and Table 1 are there: a row a network and data set."""
    criteria = [source.criterion for source in paper.HEURISTIC_MASK_SOURCES]
    frames = (results.levels, results.supermasks, results.learned_masks)
    by_network = [dict(list(frame.groupby(["network", "dataset"]))) for frame in frames]
    rows = []
    for key in table_s1_order(set().union(*by_network)):
        masks, learned = (found.get(key, frame[:0]) for found, frame in zip(by_network[1:], frames[1:], strict=True))
        there = set(masks.loc[masks["source"] == "oneshot", "criterion"])
        missing = [name for name in criteria if name not in there]
        kinds = {
            f"{row.weights.replace('_', ' ')}{', rescaled' if row.rescale else ''}" for row in learned.itertuples()
        }
        rows.append(
            {
                "network": key[0],
                "dataset": key[1],
                "heuristic masks": f"{len(criteria) - len(missing)} of {len(criteria)} criteria",
                "missing": ", ".join(missing) or "none",
                "seeds": _listed(masks["seed"]),
                "untrained baseline": "there" if (masks["criterion"] == UNTRAINED.criterion).any() else "missing",
                "learned masks": len(learned),
                "of kinds": "; ".join(sorted(kinds)) or "none",
                "their seeds": _listed(learned["seed"]),
            }
        )
    return pd.DataFrame(rows)


def controls_and_measurements(results: Results) -> pd.DataFrame:
    """Which controls of tickets and which measurements of the landscape are there.

    Returns:
      A row a panel and kind of control or measure: at how many treatments, for which seeds and from which level to
      which, and at how many levels of all seeds and treatments. No row where nothing is there.
    """
    rows = []
    for what, frame in _controls_and_measurements(results):
        levels = frame.drop_duplicates([*PANEL, "treatment", "seed", "level"])
        for key in ordered_panels(levels):
            own = panel(levels, key)
            rows.append(
                dict(zip(PANEL, key, strict=True))
                | {
                    "what": what,
                    "treatments": own.loc[own["treatment"] != DENSE, "treatment"].nunique(),
                    "seeds": _listed(own["seed"]),
                    "levels": f"{own['level'].min()} to {own['level'].max()}",
                    "places": len(own),
                }
            )
    return pd.DataFrame(rows)


def _controls_and_measurements(results: Results) -> Iterator[tuple[str, pd.DataFrame]]:
    for control, rows in results.controls.groupby("control"):
        yield f"control {control}", rows
    for relation, measure in RELATIONS.items():
        yield measure, results.lines[results.lines["relation"] == relation]
    for kind in COUNTED_KINDS:
        yield MEASURED_BY[kind], getattr(results, FRAMES[kind])


def _listed(seeds: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(set(seeds)))) or "none"
