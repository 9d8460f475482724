"""Defines the sections of a report in order. Each has a title, a sentence and the parts that it shows.

To add a section, add it to `SECTIONS`. A part is a function from the `Report` to a piece of the page.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import NamedTuple

import pandas as pd
from markupsafe import Markup

from analysis.claims import catalogue as claims
from analysis.claims.verdicts import Verdict
from analysis.report import commands, coverage, overview, page, provenance
from analysis.report.figure_sources import LOTTERY, plane_flags
from analysis.report.parts import (
    Part,
    Report,
    figure_body,
    figure_part,
    heading_of,
    landscape_part,
    others_part,
    part_or_error,
    precision_part,
    table_part,
    write_file,
)
from analysis.results import unconverged
from analysis.tables import formats

FEW = 6  # longer lists of claims are folded
CUT_SHORT = (
    "Percentage of levels whose validation loss is lowest at the very end of training. With longer training these "
    "treatments would be more accurate, and the others' lead over them smaller"
)

VERDICT_LOOKS = {"shown": "shown", "contradicted": "contradicted", "not shown": "undecided"}


class Section(NamedTuple):
    """A section of the page. Its parts are functions from the report to a piece of the page."""

    anchor: str
    title: str
    text: str
    parts: tuple[Part, ...]


def summary_part(report: Report) -> Markup:
    """Returns the summary: the main figure, then what was run, what holds and what is missing, in sentences."""
    results, main = report.given.results, report.main
    top = (
        [page.heading(heading_of(main)), part_or_error(heading_of(main), report, lambda: figure_body(main, report))]
        if main
        else []
    )
    holds = overview.what_holds(claims.evaluate(results))
    others = "There are not enough data for the other claims." if holds else "There are not enough data for any claim."
    lists = [
        page.heading("What was run"),
        page.bullets(overview.what_was_run(results)),
        page.heading("Which claims hold"),
        *(_claims_list(title, sentences) for title, sentences in holds.items()),
        page.paragraph(f"{others} Each claim's test and numbers are below."),
        page.heading("What is missing"),
        page.bullets(overview.what_is_missing(results)),
    ]
    return page.join([*top, *lists])


def _claims_list(title: str, sentences: list[str]) -> Markup:
    if len(sentences) > FEW:
        return page.fold(title, page.bullets(sentences), printed=True)
    return page.paragraph(f"{title}:") + page.bullets(sentences)


def claims_part(report: Report) -> Markup:
    """Returns the verdicts on the claims, and writes them as CSV; claims without enough data are in a folded table."""
    verdicts = claims.evaluate(report.given.results)
    if not verdicts:
        return page.paragraph("There are no results yet on which a claim could be tested.", "missing")
    rows = pd.DataFrame([dataclasses.asdict(verdict) for verdict in verdicts])
    write_file(report, "tables/claims.csv", formats.to_csv(rows).encode())
    of_masks = rows["claim"].isin([claim.sentence for claim in claims.CLAIMS if claim.of_learned_masks])
    lacking = rows["verdict"] == Verdict.NO_DATA
    # A table for each, because the panels of learned masks are others.
    tested = [rows[~lacking & which] for which in (~of_masks, of_masks) if (~lacking & which).any()]
    parts = [page.table(_by_panel(verdicts_alike), looks=VERDICT_LOOKS) for verdicts_alike in tested]
    if tested:
        numbers = page.table(rows[~lacking].drop(columns="missing"), looks=VERDICT_LOOKS)
        parts.append(page.fold("The rule and the numbers behind each verdict", numbers))
    if lacking.any():
        title = f"Not enough data for {lacking.sum()} of {len(rows)} tests; what is missing for each"
        parts.append(page.fold(title, page.table(_missing_data(rows[lacking]))))
    short = unconverged.unconverged_treatments(report.given.results)
    if len(short):
        title = f"Treatments whose trainings were too short: {len(short)}"
        parts.append(page.fold(title, page.table(short.round(1), CUT_SHORT)))
    return page.join(parts)


def _by_panel(rows: pd.DataFrame) -> pd.DataFrame:
    """Returns the verdicts: one row for each claim, and one column for each network with its data set and schedule."""
    verdicts = rows.pivot_table("verdict", ["claim", "place"], "panel", aggfunc="first", sort=False)
    return verdicts.fillna("").reset_index()


def _missing_data(rows: pd.DataFrame) -> pd.DataFrame:
    """Returns one row for each claim and each list of missing data, with the networks that lack them."""
    missing = rows["missing"].where(rows["missing"] != "", rows["numbers"])
    groups = rows.assign(missing=missing).groupby(["claim", "place", "missing"], sort=False)
    return groups["panel"].agg("; ".join).reset_index()


def coverage_part(report: Report) -> Markup:
    """Returns folded tables of the results that exist and that are missing, each with its number of rows."""
    results = report.given.results
    parts = {
        "Trained networks": coverage.dense_networks(results),
        "Figures of the paper, which have five seeds and 24 levels": coverage.figure_lines(results),
        "Supermasks": coverage.supermasks(results),
        "Controls of tickets and measurements of the error landscape": coverage.controls_and_measurements(results),
    }
    return page.join(page.fold(f"{title}: {len(rows)}", page.table(rows)) for title, rows in parts.items() if len(rows))


def origin_part(report: Report) -> Markup:
    """Returns the report's command and the settings, times, versions and machine of the results."""
    parts = [page.paragraph("This report was made by the command:"), page.code([_own_command(report)])]
    if report.given.results.exports:
        note = (
            "Some of these results are from exported files, which do not record the settings, times and versions of "
            "the trainings."
        )
        parts.append(page.paragraph(note, "missing"))
    if report.given.results.folders:
        made = provenance.trainings(report.root)
        settings = provenance.settings_table(report.given.results)
        parts += [
            page.fold(f"Settings of each experiment: {settings.shape[1] - 1}", page.table(settings)),
            page.table(made.times, "Times of the trainings"),
            page.table(made.origins, "Packages, machines and commits of the trainings"),
            page.fold(f"Commands of the trainings: {len(made.commands)}", page.code(made.commands)),
        ]
    about = pd.DataFrame(provenance.machine().items(), columns=["this report", "was made with"])
    return page.join([*parts, page.table(about)])


def _own_command(report: Report) -> str:
    asked = {"results_dir": report.root, "out": report.out} | dataclasses.asdict(report.given.rule)
    return commands.command("analysis.report", asked | plane_flags(report.given))


def _figure(name: str) -> Part:
    return functools.partial(figure_part, name)


def _table(name: str) -> Part:
    return functools.partial(table_part, name)


SECTIONS: tuple[Section, ...] = (
    Section("summary", "Summary", "", (summary_part,)),
    Section(
        "claims",
        "The claims of the paper, and of the two works that it builds on",
        "Each claim is tested on the results. The verdict is shown, contradicted (the opposite is shown) or not shown "
        "(neither is shown). With too few seeds or levels the verdict is not enough data.",
        (claims_part,),
    ),
    Section(
        "criteria",
        "Mask criteria",
        "A mask criterion decides which weights are kept. It is a function of each weight's initial and final value.",
        (_figure("figure1"), _figure("figure2"), _figure("figure3")),
    ),
    Section(
        "mask1", "Mask-1 actions", "The values from which kept weights start the next round.", (_figure("figure4"),)
    ),
    Section(
        "mask0",
        "Mask-0 actions",
        "The values at which pruned weights are frozen.",
        (_figure("figure5"), _figure("supplement"), _figure("figureS1")),
    ),
    Section("others", "Further treatments", "", (others_part,)),
    Section(
        "supermasks",
        "Supermasks",
        "Masks that make untrained networks accurate. Heuristic masks are computed by a criterion, learned masks are "
        "trained.",
        (_figure("figure6"), _figure("figure7"), _figure("mask_learning"), _table("table1"), _table("learned_masks")),
    ),
    Section(
        "lottery-tickets",
        "The Lottery Ticket Hypothesis",
        "Frankle and Carbin: a dense network contains a subnetwork (a winning ticket) that reaches the same accuracy "
        "when it is trained alone from its initial weights.",
        (_figure(LOTTERY),),
    ),
    Section(
        "landscape",
        "The error landscape",
        "Paul et al.: why successive levels are linearly connected, and what limits the share of weights that a round "
        "can prune. Errors are on test images unless runs.landscape measured another split.",
        (landscape_part,),
    ),
    Section(
        "precision",
        "Half precision",
        "The same trainings in half precision and in float32, compared seed by seed. The standard deviation over seeds "
        "says how much accuracies differ by chance.",
        (precision_part,),
    ),
    Section("setup", "Set-up", "The networks and how the paper trains them.", (_table("tableS1"),)),
    Section("coverage", "Results in this folder, and what is missing", "", (coverage_part,)),
    Section("origin", "How these results were made", "", (origin_part,)),
)
