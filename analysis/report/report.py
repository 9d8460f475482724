"""Makes one HTML page of a results folder: its main figure and a summary, then figures, tables, claims, and their origin.

Example:
  python -m analysis.report --results_dir=results --out=report

The page, index.html, needs no network and no other file; beside it lie its figures as SVG, PNG and PDF and its tables
as CSV. A folder that is not finished is reported as far as it goes. A part that fails is named in its place; the command
then ends with status 1.
"""

from __future__ import annotations

import dataclasses
import datetime
import functools
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from absl import flags
from markupsafe import Markup

from analysis.claims import all_claims
from analysis.claims.verdicts import Verdict
from analysis.figures import all_figures, curves, drawing, supermasks
from analysis.report import captions, coverage, overview, page, provenance
from analysis.results import load, lottery_lines, select, unconverged
from analysis.tables import all_tables, formats
from lottery_tf import console
from lottery_tf.command_flags import define_path
from lottery_tf.errors import InputError

PAGE = "index.html"

OTHERS = "others"

PLANES = ("figure2", "figureS1")  # figures with the weights of a trained layer

LOTTERY = "lottery"

MEASURED = {  # figure -> the kind of measurement that it is drawn from
    "barriers": "line", "error_lines": "line", "robustness": "perturbation", "flatness": "spectrum",
    "spectral_density": "spectrum", "limits": "limit", "magnitudes": "threshold",
}  # fmt: skip

TITLE = "Deconstructing Lottery Tickets: what was measured"


@dataclasses.dataclass(frozen=True)
class Report:
    """What the parts of a report are made from.

    Attributes:
      root: the results folder, as it was given.
      out: the folder of the report.
      given: what figures are drawn from; `given.found` has all results.
      main: the figure that stands at the top of the page, and not in its section.
      failed: what could not be made, while the report is written.
    """

    root: Path
    out: Path
    given: all_figures.FigureInputs
    main: str | None = None
    failed: list[str] = dataclasses.field(default_factory=list)


Part = Callable[[Report], Markup]


class Section(NamedTuple):
    """A section of the page: its parts are functions from the report to pieces that `page` makes."""

    anchor: str
    title: str
    text: str
    parts: tuple[Part, ...]


def attempted(what: str, report: Report, make: Callable[[], Markup]) -> Markup:
    """A part of the page; where making it fails, its error stands in its place, and the rest is written all the same."""
    try:
        return make()
    except OSError:  # nothing can be written
        raise
    except Exception as error:  # noqa: BLE001, whatever it is, the other parts can be made
        report.failed.append(what)
        console.log.exception("%s failed; the rest of the report goes on.", what)
        return page.paragraph(f"{what} could not be made: {type(error).__name__}: {error}", "failed")


def figure_part(name: str, report: Report) -> Markup:
    """A figure with its caption, the numbers behind it, and the commands and settings that made it."""
    title = page.heading(_heading(name))
    if name == report.main:
        return title + page.paragraph("It stands at the top of the page.")
    return title + attempted(_heading(name), report, lambda: _figure_body(name, report))


def _figure_body(name: str, report: Report) -> Markup:
    try:
        if name == "figure6" and not len(report.given.found.best_supermasks):
            raise drawing.NothingToDraw("there is no untrained network under a mask.")
        drawn = all_figures.draw(name, report.given)
    except drawing.NothingToDraw as error:
        return page.fold(f"Not drawn: {error}", page.code(_wanted(name, report)))
    contents = {kind: drawing.content(drawn, kind) for kind in drawing.FORMATS}
    places = [f"figures/{name}.{kind}" for kind in contents]
    for place, content in zip(places, contents.values(), strict=True):
        _write(report, place, content)
    body = [page.figure(name, contents["svg"], captions.caption(name, report.given), places)]
    if missing := _missing(name, report):
        body.append(page.paragraph(missing, "missing"))
        body.append(page.code(_wanted(name, report)) if name == LOTTERY else "")
    body.append(page.fold("The commands and settings behind this figure", _commands(name, report), printed=True))
    body.append(table_part(name, report) if name in all_tables.TABLES else "")
    console.log.info("%s", name)
    return page.join(body)


def _heading(name: str) -> str:
    return ": ".join(filter(None, [all_figures.place(name), all_figures.FIGURES[name].title]))


def _wanted(name: str, report: Report) -> list[str]:
    """The commands that make what a figure is drawn from."""
    found, root = report.given.found, report.root
    if name in MEASURED:
        return provenance.wanted_measurements(found, provenance.MEASURED_BY[MEASURED[name]], root)
    if name == LOTTERY:
        return provenance.wanted_lottery(found, root)
    return [provenance.command("runs.study", {"study": name, "results_dir": root})]


def _missing(name: str, report: Report) -> str:
    """What of a figure the results at hand lack."""
    if name in paper.FIGURES:
        rows = provenance.coverage(report.given.found, {name: paper.FIGURES[name]})
        lacking = rows[rows["lines missing"] != "none"].rename(columns={"lines missing": "missing"})
        lists = [f"{row.network} on {row.dataset}, {row.schedule}: {row.missing}" for row in lacking.itertuples()]
        return f"Missing lines. {'. '.join(lists)}." if lists else ""
    if name == LOTTERY:
        lacking = {key: lottery_lines.missing(report.given.found, key) for key in _panels_of_lottery(report)}
        lists = [f"{' on '.join(key[:2])}, {key[2]}: {'; '.join(lines)}" for key, lines in lacking.items() if lines]
        return f"Missing lines. {'. '.join(lists)}." if lists else ""
    if name in PLANES and report.given.layer is None:
        folders = report.given.found.folders
        kind = "No dense network here kept its weights" if folders else "Exported files hold no weights"
        return f"{kind}: the planes with those of a trained layer are left out."
    return ""


def _panels_of_lottery(report: Report) -> list[select.Panel]:
    return drawing.in_order(lottery_lines.trained_panels(report.given.found))


def _commands(name: str, report: Report) -> Markup:
    """The commands that make a figure's results and the figure itself, and the settings of those runs."""
    found, commands, keys = report.given.found, [], []
    lines = paper.FIGURES | {OTHERS: _others(report)}
    asked = {"results_dir": report.root, "figure": name, "format": list(drawing.FORMATS), "out": "figures"}
    if name in lines:
        commands, keys = provenance.training_commands(found, lines[name]), curves.panels_of_lines(found, lines[name])
        asked |= dataclasses.asdict(report.given.rule)
    elif name in ("figure6", "figure7", "mask_learning"):
        commands, keys = provenance.supermask_commands(found), supermasks.panels_of_supermasks(found)
        keys = [*keys, *((*key[:2], None) for key in keys)]
    elif name in PLANES:
        asked |= _asked_of_planes(report)
    elif name == LOTTERY:
        keys = _panels_of_lottery(report)
        commands = provenance.training_commands(found, lottery_lines.figure()) + provenance.control_commands(found)
    elif name in MEASURED:
        commands = provenance.measurement_commands(found, MEASURED[name])
        keys = select.panels(getattr(found, load.FRAMES[MEASURED[name]]))
    settings = provenance.settings_table(found, keys)
    shown = page.table(settings, "Settings of these runs") if len(settings) else Markup()
    return page.code([*commands, provenance.command("analysis.figures", asked)]) + shown


def landscape_part(report: Report) -> Markup:
    """The figures of the error landscape; where none of it is measured, that alone and the commands."""
    if any(len(getattr(report.given.found, load.FRAMES[kind])) for kind in load.LANDSCAPE):
        return page.join(figure_part(name, report) for name in MEASURED)
    commands = dict.fromkeys(line for name in MEASURED for line in _wanted(name, report))
    return page.fold("Nothing of this is measured yet. What would do it:", page.code(commands))


def others_part(report: Report) -> Markup:
    """The treatments that no figure of the paper has, where there are any."""
    return figure_part(OTHERS, report) if curves.panels_of_lines(report.given.found, _others(report)) else Markup()


def _others(report: Report) -> paper.Figure:
    return curves.other_treatments(report.given.found)


def table_part(name: str, report: Report) -> Markup:
    """The tables of a name in `all_tables.TABLES`, folded where they are the numbers behind a figure, and their CSV file."""
    return attempted(f"The table {name}", report, lambda: _tables(name, report))


def _tables(name: str, report: Report) -> Markup:
    built = [table for table in all_tables.TABLES[name](report.given.found, report.given.rule) if len(table.numbers)]
    if not built:
        return page.paragraph(f"There are no results for {name}.", "missing")
    place = f"tables/{name}.csv"
    _write(report, place, formats.FORMATS["csv"].write(built).encode())
    content = page.link(place, "In full:") + page.join(page.table(table.shown, table.caption) for table in built)
    return page.fold("The numbers behind this figure", content) if name in all_figures.FIGURES else content


def summary_part(report: Report) -> Markup:
    """What was asked for, at once: the main figure, and in sentences what was run, what holds and what is missing."""
    found, main = report.given.found, report.main
    top = (
        [page.heading(_heading(main)), attempted(_heading(main), report, lambda: _figure_body(main, report))]
        if main
        else []
    )
    lists = [
        page.heading("What was run"),
        page.bullets(overview.what_was_run(found)),
        page.heading("What holds"),
        *(_claims_list(title, own) for title, own in overview.what_holds(all_claims.evaluate(found)).items()),
        page.paragraph("Of the other claims there are not enough data. Each claim's test and numbers are below."),
        page.heading("What is missing"),
        page.bullets(overview.what_is_missing(found)),
    ]
    return page.join([*top, *lists])


def _claims_list(title: str, sentences: list[str]) -> Markup:
    if len(sentences) > FEW:
        return page.fold(title, page.bullets(sentences), printed=True)
    return page.paragraph(f"{title}:") + page.bullets(sentences)


FEW = 6  # claims that a list shows unfolded


def claims_part(report: Report) -> Markup:
    """What the data say of the papers' claims; those of which there are not enough data are folded away."""
    found = all_claims.evaluate(report.given.found)
    if not found:
        return page.paragraph("There is nothing here yet that a claim could be tested on.", "missing")
    rows = pd.DataFrame([dataclasses.asdict(each) for each in found])
    _write(report, "tables/claims.csv", formats.to_csv(rows).encode())
    alone = rows["claim"].isin([claim.sentence for claim in all_claims.CLAIMS if claim.of_learned_masks])
    lacking = rows["verdict"] == Verdict.NO_DATA
    tested = [rows[~lacking & which] for which in (~alone, alone) if (~lacking & which).any()]
    parts = [page.table(_by_panel(own), looks=VERDICT_LOOKS) for own in tested]
    if tested:
        numbers = page.table(rows[~lacking].drop(columns="missing"), looks=VERDICT_LOOKS)
        parts.append(page.fold("The rule and the numbers behind each verdict", numbers))
    if lacking.any():
        title = f"Not enough data for {lacking.sum()} of {len(rows)} tests, and what each lacks"
        parts.append(page.fold(title, page.table(_lacks(rows[lacking]))))
    short = unconverged.unconverged_treatments(report.given.found)
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
    "Share of levels with the least validation loss at the very end of training; a longer training would make leads over "
    "these treatments smaller"
)

VERDICT_LOOKS = {"shown": "shown", "contradicted": "contradicted", "not shown": "undecided"}


def coverage_part(report: Report) -> Markup:
    """What is there and what is missing, figure by figure: folded tables, each with its count of rows."""
    found = report.given.found
    parts = {
        "Trained networks": provenance.dense_seeds(found),
        "Figures of lines; the paper has five seeds and 24 levels": provenance.coverage(found, paper.FIGURES),
        "Supermasks": provenance.supermask_coverage(found),
        "Controls of tickets and measurements of the error landscape": coverage.table(found),
    }
    return page.join(page.fold(f"{title}: {len(rows)}", page.table(rows)) for title, rows in parts.items() if len(rows))


def origin_part(report: Report) -> Markup:
    """Settings, times, versions and machine."""
    parts = [page.paragraph("This report was made by"), page.code([_own_command(report)])]
    if report.given.found.exports:
        note = "Exported files are among these results: they do not say settings, times and versions of the trainings."
        parts.append(page.paragraph(note, "missing"))
    if report.given.found.folders:
        times, versions = provenance.training_times(report.root)
        settings = provenance.settings_table(report.given.found)
        parts += [
            page.fold(f"Settings of each folder of runs: {settings.shape[1] - 1}", page.table(settings)),
            page.table(times, "Times of the trainings, as each recorded its own"),
            page.paragraph("Versions that the trainings recorded:"),
            page.bullets(versions),
            page.paragraph("Trainings do not record the machine that they ran on.", "soft"),
        ]
    about = pd.DataFrame(provenance.machine().items(), columns=["this report", "made with"])
    return page.join([*parts, page.table(about)])


def _figure(name: str) -> Part:
    return functools.partial(figure_part, name)


def _table(name: str) -> Part:
    return functools.partial(table_part, name)


SECTIONS: tuple[Section, ...] = (
    Section("summary", "In short", "", (summary_part,)),
    Section(
        "claims",
        "The claims of the paper, and of the works behind it",
        "Each claim is a test on the data, which follows from the claim's words: shown, contradicted (the opposite is shown) or "
        "not shown (neither is). A network for which there are too few seeds or levels has not enough data.",
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
        "Frankle and Carbin: a dense network holds a subnetwork that trains as well alone, from the weights it began with.",
        (_figure(LOTTERY),),
    ),
    Section(
        "landscape",
        "The error landscape",
        "Paul and others: what joins a level of pruning to the next, and what bounds the share that a round can prune. "
        "Errors are those on test images, where runs.connectivity was not given another --split.",
        (landscape_part,),
    ),
    Section("setup", "Set-up", "The networks and how the paper trains them.", (_table("tableS1"),)),
    Section("coverage", "What is here and what is missing, in full", "", (coverage_part,)),
    Section("origin", "How these results were made", "", (origin_part,)),
)


def write(root: str | Path, out: str | Path, sections: tuple[Section, ...] = SECTIONS, **chosen) -> Path:
    """Writes the report of a results folder, and returns its page; see `prepared` and `write_page`."""
    return write_page(prepared(root, out, sections, **chosen), sections)


def prepared(root: str | Path, out: str | Path, sections: tuple[Section, ...] = SECTIONS, **chosen) -> Report:
    """Reads what a report is made from.

    Args:
      root: a folder of results, finished or not, or of exported CSV files, or of both.
      out: the folder of the report; made if it does not exist.
      sections: what the page has.
      **chosen: further arguments of `all_figures.figure_inputs`.

    Raises:
      InputError: no such folder, nothing in it, or a file where the report's folder should be.
    """
    out = Path(out)
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file; --out names a folder.")
    given = all_figures.figure_inputs(root, **chosen)
    opens = any(summary_part in section.parts for section in sections)
    return Report(Path(root), out, given, overview.main_figure(given.found) if opens else None)


def write_page(report: Report, sections: tuple[Section, ...] = SECTIONS) -> Path:
    """Writes the page with its figures and tables, and returns its path; `report.failed` names what could not be made."""
    began, contents = time.monotonic(), []
    for section in sections:
        parts = [attempted(section.title, report, functools.partial(part, report)) for part in section.parts]
        if content := page.join(parts):
            contents.append(page.PageSection(section.anchor, section.title, page.paragraph(section.text) + content))
    now = datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z")
    lead = page.paragraph(f"Made on {now} from {report.root}, in {time.monotonic() - began:.0f} seconds.", "soft")
    _write(report, PAGE, page.page(TITLE, lead, contents).encode())
    return report.out / PAGE


def _own_command(report: Report) -> str:
    asked = {"results_dir": report.root, "out": report.out} | dataclasses.asdict(report.given.rule)
    return provenance.command("analysis.report", asked | _asked_of_planes(report))


def _asked_of_planes(report: Report) -> dict:
    """The flags about planes that are not as usual."""
    given = {"criterion": report.given.criteria, "layer": report.given.layer_name}
    return {name: value for name, value in given.items() if value}


def _write(report: Report, place: str, content: bytes) -> None:
    path = report.out / place
    path.parent.mkdir(parents=True, exist_ok=True)
    files.replace(path, content)


def define_flags() -> None:
    """Defines the command's flags."""
    all_figures.define_figure_input_flags()
    define_path("out", "report", "The folder of the report; made if it does not exist.")


def main() -> int:
    """Writes the report of --results_dir into --out."""
    report = prepared(flags.FLAGS.results_dir, flags.FLAGS.out, **all_figures.figure_inputs_from_flags())
    path = write_page(report)
    console.log.info("%s (%.1f MB)", path, path.stat().st_size / 1e6)
    if report.failed:
        console.log.warning("Could not be made: %s.", "; ".join(report.failed))
    return int(bool(report.failed))
