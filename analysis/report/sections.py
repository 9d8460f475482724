"""The sections of a report, in order: each is a title, a sentence and the parts that it shows.

Add a section to `SECTIONS`; a part is a function from the report to a piece of the page.
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
from analysis.report.parts import (
    LOTTERY,
    Part,
    Report,
    attempted,
    figure_body,
    figure_part,
    heading_of,
    landscape_part,
    others_part,
    plane_flags,
    table_part,
    write_file,
)
from analysis.results import unconverged
from analysis.tables import formats


class Section(NamedTuple):
    """A section of the page: its parts are functions from the report to pieces that `page` makes."""

    anchor: str
    title: str
    text: str
    parts: tuple[Part, ...]


def summary_part(report: Report) -> Markup:
    """What was asked for, at once: the main figure, and in sentences what was run, what holds and what is missing."""
    results, main = report.given.results, report.main
    top = (
        [page.heading(heading_of(main)), attempted(heading_of(main), report, lambda: figure_body(main, report))]
        if main
        else []
    )
    holds = overview.what_holds(claims.evaluate(results))
    others = "Of the other claims there are not enough data." if holds else "There are not enough data for any claim."
    lists = [
        page.heading("What was run"),
        page.bullets(overview.what_was_run(results)),
        page.heading("What holds"),
        *(_claims_list(title, own) for title, own in holds.items()),
        page.paragraph(f"{others} Each claim's test and numbers are below."),
        page.heading("What is missing"),
        page.bullets(overview.what_is_missing(results)),
    ]
    return page.join([*top, *lists])


def _claims_list(title: str, sentences: list[str]) -> Markup:
    if len(sentences) > FEW:
        return page.fold(title, page.bullets(sentences), printed=True)
    return page.paragraph(f"{title}:") + page.bullets(sentences)


FEW = 6  # claims that a list shows unfolded


def claims_part(report: Report) -> Markup:
    """What the data say of the papers' claims; those of which there are not enough data are folded away."""
    found = claims.evaluate(report.given.results)
    if not found:
        return page.paragraph("There is nothing here yet that a claim could be tested on.", "missing")
    rows = pd.DataFrame([dataclasses.asdict(each) for each in found])
    write_file(report, "tables/claims.csv", formats.to_csv(rows).encode())
    alone = rows["claim"].isin([claim.sentence for claim in claims.CLAIMS if claim.of_learned_masks])
    lacking = rows["verdict"] == Verdict.NO_DATA
    tested = [rows[~lacking & which] for which in (~alone, alone) if (~lacking & which).any()]
    parts = [page.table(_by_panel(own), looks=VERDICT_LOOKS) for own in tested]
    if tested:
        numbers = page.table(rows[~lacking].drop(columns="missing"), looks=VERDICT_LOOKS)
        parts.append(page.fold("The rule and the numbers behind each verdict", numbers))
    if lacking.any():
        title = f"Not enough data for {lacking.sum()} of {len(rows)} tests, and what each lacks"
        parts.append(page.fold(title, page.table(_lacks(rows[lacking]))))
    short = unconverged.unconverged_treatments(report.given.results)
    if len(short):
        title = f"Treatments whose trainings were too short: {len(short)}"
        parts.append(page.fold(title, page.table(short.round(1), CUT_SHORT)))
    return page.join(parts)


def _by_panel(rows: pd.DataFrame) -> pd.DataFrame:
    """A row a claim, a column a network with its data set and schedule: the verdicts."""
    found = rows.pivot_table("verdict", ["claim", "place"], "panel", aggfunc="first", sort=False)
    return found.fillna("").reset_index()


def _lacks(rows: pd.DataFrame) -> pd.DataFrame:
    """A row a claim and what it lacks, with the networks where it does."""
    lacks = rows["missing"].where(rows["missing"] != "", rows["numbers"])
    return (
        rows.assign(lacks=lacks).groupby(["claim", "place", "lacks"], sort=False)["panel"].agg("; ".join).reset_index()
    )


CUT_SHORT = (
    "Share of levels with the least validation loss at the very end of training; a longer training would make leads "
    "over these treatments smaller"
)

VERDICT_LOOKS = {"shown": "shown", "contradicted": "contradicted", "not shown": "undecided"}


def coverage_part(report: Report) -> Markup:
    """What is there and what is missing, figure by figure: folded tables, each with its count of rows."""
    results = report.given.results
    parts = {
        "Trained networks": coverage.dense_networks(results),
        "Figures of lines; the paper has five seeds and 24 levels": coverage.figure_lines(results),
        "Supermasks": coverage.supermasks(results),
        "Controls of tickets and measurements of the error landscape": coverage.controls_and_measurements(results),
    }
    return page.join(page.fold(f"{title}: {len(rows)}", page.table(rows)) for title, rows in parts.items() if len(rows))


def origin_part(report: Report) -> Markup:
    """Settings, times, versions and machine."""
    parts = [page.paragraph("This report was made by"), page.code([_own_command(report)])]
    if report.given.results.exports:
        note = "Exported files are among these results: they do not say settings, times and versions of the trainings."
        parts.append(page.paragraph(note, "missing"))
    if report.given.results.folders:
        times, versions = provenance.training_times(report.root)
        settings = provenance.settings_table(report.given.results)
        parts += [
            page.fold(f"Settings of each folder of runs: {settings.shape[1] - 1}", page.table(settings)),
            page.table(times, "Times of the trainings, as each recorded its own"),
            page.paragraph("Versions that the trainings recorded:"),
            page.bullets(versions),
            page.paragraph("Trainings do not record the machine that they ran on.", "soft"),
        ]
    about = pd.DataFrame(provenance.machine().items(), columns=["this report", "made with"])
    return page.join([*parts, page.table(about)])


def _own_command(report: Report) -> str:
    asked = {"results_dir": report.root, "out": report.out} | dataclasses.asdict(report.given.rule)
    return commands.command("analysis.report", asked | plane_flags(report))


def _figure(name: str) -> Part:
    return functools.partial(figure_part, name)


def _table(name: str) -> Part:
    return functools.partial(table_part, name)


SECTIONS: tuple[Section, ...] = (
    Section("summary", "In short", "", (summary_part,)),
    Section(
        "claims",
        "The claims of the paper, and of the works behind it",
        "Each claim is a test on the data, which follows from the claim's words: shown, contradicted (the opposite is "
        "shown) or not shown (neither is). A network for which there are too few seeds or levels has not enough data.",
        (claims_part,),
    ),
    Section(
        "criteria",
        "Mask criteria",
        "Which weights are kept: a function of each weight's initial and final value.",
        (_figure("figure1"), _figure("figure2"), _figure("figure3")),
    ),
    Section("mask1", "Mask-1 actions", "What the kept weights start from in the next round.", (_figure("figure4"),)),
    Section(
        "mask0",
        "Mask-0 actions",
        "Where the pruned weights are frozen.",
        (_figure("figure5"), _figure("supplement"), _figure("figureS1")),
    ),
    Section("others", "Further treatments", "", (others_part,)),
    Section(
        "supermasks",
        "Supermasks",
        "Masks that make untrained networks perform, found or learned.",
        (_figure("figure6"), _figure("figure7"), _figure("mask_learning"), _table("table1"), _table("learned_masks")),
    ),
    Section(
        "lottery-tickets",
        "The Lottery Ticket Hypothesis",
        "Frankle and Carbin: a dense network holds a subnetwork that trains as well alone, from its initial weights.",
        (_figure(LOTTERY),),
    ),
    Section(
        "landscape",
        "The error landscape",
        "Paul and others: what joins a level of pruning to the next, and what bounds the share that a round can prune. "
        "Errors are those on test images, where runs.landscape was not given another --split.",
        (landscape_part,),
    ),
    Section("setup", "Set-up", "The networks and how the paper trains them.", (_table("tableS1"),)),
    Section("coverage", "What is here and what is missing, in full", "", (coverage_part,)),
    Section("origin", "How these results were made", "", (origin_part,)),
)
