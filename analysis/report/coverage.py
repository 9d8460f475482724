"""Tables of what a results folder holds and what it lacks, compared with the paper."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pandas as pd

from analysis.report.commands import MEASURED_BY
from analysis.results.columns import FRAMES, ONE_SHOT_SOURCE
from analysis.results.load import Results
from analysis.results.select import PANEL, SUCCESSIVE, Panel, ordered_panels, panel, table_s1_order
from lottery_tf.landscape.measurements.catalogue import MEASUREMENTS
from lottery_tf.landscape.measurements.settings import REORDERED
from lottery_tf.results.paths import DENSE
from lottery_tf.results.stored_result import DIVERGED
from lottery_tf.studies import paper
from lottery_tf.supermasks.mask_settings import weights_in_words
from lottery_tf.supermasks.mask_sources import UNTRAINED

# The relation of a line's ends -> the measurement that made it.
RELATIONS = {SUCCESSIVE: "lines", REORDERED: "instability"}
COUNTED_KINDS = tuple(
    kind for each in MEASUREMENTS.values() for kind in each.kinds[:1] if kind in FRAMES and kind != "line"
)


def dense_networks(results: Results) -> pd.DataFrame:
    """Returns one row for each panel: the seeds of its dense networks and how much was trained."""
    rows = []
    for key in ordered_panels(results.levels):
        levels = panel(results.levels, key)
        dense = levels[levels["treatment"] == DENSE]
        rows.append(
            key._asdict()
            | {
                "dense networks of seeds": _seeds_text(dense["seed"]),
                "treatments": levels["treatment"].nunique() - (len(dense) > 0),
                "trained levels": len(levels),
            }
        )
    return pd.DataFrame(rows)


def missing_lines(results: Results, figure: str) -> dict[Panel, list[str]]:
    """Returns the lines of one of the paper's figures that have no results, for each panel with a pruned level."""
    keys = ordered_panels(results.levels[results.levels["level"] > 0])
    return {key: _missing_in_panel(panel(results.levels, key), figure) for key in keys}


def _missing_in_panel(levels: pd.DataFrame, figure: str) -> list[str]:
    trained = set(levels["treatment"])
    return [line for line, treatment in paper.FIGURE_LINES[figure].lines.items() if treatment.name not in trained]


def figure_lines(results: Results) -> pd.DataFrame:
    """Counts the results behind each of the paper's figures of lines, for each panel with a pruned level.

    Returns:
      One row for each figure and panel: how many of its lines have results, which are missing, the seeds, the deepest
      level, how many of the trainings exist that five seeds and 24 levels need, and how many diverged.
    """
    rows = []
    for key in ordered_panels(results.levels[results.levels["level"] > 0]):
        levels = panel(results.levels, key)
        for name in paper.PAPER_FIGURES:
            wanted = {line: treatment.name for line, treatment in paper.FIGURE_LINES[name].lines.items()}
            trained = levels[levels["treatment"].isin(wanted.values())]
            missing = _missing_in_panel(levels, name)
            rows.append(
                key._asdict()
                | {
                    "figure": name,
                    "lines with results": f"{len(wanted) - len(missing)} of {len(wanted)}",
                    "missing lines": "; ".join(missing) or "none",
                    "seeds": _seeds_text(trained["seed"]),
                    "deepest level": int(trained["level"].max()) if len(trained) else 0,
                    "trainings": f"{len(trained)} of {len(wanted) * paper.LEVELS * len(paper.SEEDS)}",
                    "diverged": int((trained["status"] == DIVERGED).sum()),
                }
            )
    return pd.DataFrame(rows)


def supermasks(results: Results) -> pd.DataFrame:
    """Counts the heuristic and learned masks of Figure 7 and Table 1: one row for each network and data set."""
    criteria = [source.criterion for source in paper.HEURISTIC_MASK_SOURCES]
    frames = (results.levels, results.supermasks, results.learned_masks)
    by_network = [dict(list(frame.groupby(["network", "dataset"]))) for frame in frames]
    rows = []
    for network, dataset in table_s1_order(set().union(*by_network)):
        masks, learned = (
            groups.get((network, dataset), frame[:0]) for groups, frame in zip(by_network[1:], frames[1:], strict=True)
        )
        evaluated = set(masks.loc[masks["source"] == ONE_SHOT_SOURCE, "criterion"])
        missing = [name for name in criteria if name not in evaluated]
        kinds = {weights_in_words(row.weights, row.rescale) for row in learned.itertuples()}
        rows.append(
            {
                "network": network,
                "dataset": dataset,
                "heuristic masks": f"{len(criteria) - len(missing)} of {len(criteria)} criteria",
                "missing": ", ".join(missing) or "none",
                "seeds": _seeds_text(masks["seed"]),
                "untrained baseline": "measured" if (masks["criterion"] == UNTRAINED.criterion).any() else "missing",
                "learned masks": len(learned),
                "kinds of learned masks": "; ".join(sorted(kinds)) or "none",
                "seeds of learned masks": _seeds_text(learned["seed"]),
            }
        )
    return pd.DataFrame(rows)


def controls_and_measurements(results: Results) -> pd.DataFrame:
    """Counts the controls of tickets and the measurements of the error landscape.

    Returns:
      One row for each panel and kind of control or measurement that has results: the number of treatments, the seeds,
      the range of levels, and the number of levels over all seeds and treatments.
    """
    rows = []
    for what, frame in _controls_and_measurements(results):
        levels = frame.drop_duplicates([*PANEL, "treatment", "seed", "level"])
        for key in ordered_panels(levels):
            measured = panel(levels, key)
            rows.append(
                key._asdict()
                | {
                    "control or measurement": what,
                    "treatments": measured.loc[measured["treatment"] != DENSE, "treatment"].nunique(),
                    "seeds": _seeds_text(measured["seed"]),
                    "levels": f"{measured['level'].min()} to {measured['level'].max()}",
                    "levels of all seeds": len(measured),
                }
            )
    return pd.DataFrame(rows)


def _controls_and_measurements(results: Results) -> Iterator[tuple[str, pd.DataFrame]]:
    for control, rows in results.controls.groupby("control"):
        yield f"control {control}", rows
    for relation, measurement in RELATIONS.items():
        yield measurement, results.lines[results.lines["relation"] == relation]
    for kind in COUNTED_KINDS:
        yield MEASURED_BY[kind], getattr(results, FRAMES[kind])


def _seeds_text(seeds: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(set(seeds)))) or "none"
