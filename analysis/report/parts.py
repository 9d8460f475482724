"""Makes the parts of a report that show figures and tables, and defines `Report`, from which every part is made."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path

from markupsafe import Markup

from analysis.figures import catalogue, drawing
from analysis.report import captions, commands, page, provenance
from analysis.report.figure_sources import MEASURED, OTHERS, FigureSource, figure_source
from analysis.results import columns, select
from analysis.tables import catalogue as tables
from analysis.tables import formats
from lottery_tf.command_line import console
from lottery_tf.results import files


@dataclasses.dataclass(frozen=True)
class Report:
    """The inputs of all parts of a report.

    Attributes:
      root: the results folder, as the user named it.
      out: the folder of the report.
      given: the inputs of the figures; `given.results` holds all results.
      main: the figure at the top of the page, which its section does not repeat.
      failed: the names of the parts that could not be made.
    """

    root: Path
    out: Path
    given: catalogue.FigureInputs
    main: str | None = None
    failed: list[str] = dataclasses.field(default_factory=list)


Part = Callable[[Report], Markup]


def part_or_error(what: str, report: Report, make: Callable[[], Markup]) -> Markup:
    """Makes a part of the page. If it fails, returns the error as a paragraph, so that the other parts are written."""
    try:
        return make()
    except OSError:  # the other parts cannot be written either
        raise
    except Exception as error:  # noqa: BLE001, the other parts can be made, whatever the error is
        report.failed.append(what)
        console.log.exception("%s failed. The rest of the report is still written.", what)
        return page.paragraph(f"{what} could not be made: {type(error).__name__}: {error}", "failed")


def figure_part(name: str, report: Report) -> Markup:
    """Returns a figure with its title, its caption, the numbers behind it, and the commands and settings behind it."""
    title = page.heading(heading_of(name))
    if name == report.main:
        return title + page.paragraph("This figure is shown at the top of the page.")
    return title + part_or_error(heading_of(name), report, lambda: figure_body(name, report))


def figure_body(name: str, report: Report) -> Markup:
    """Returns what `figure_part` returns, without the title. Without results, returns the commands that make them."""
    source = figure_source(name, report.root, report.given)
    try:
        if name == "figure6" and not len(report.given.results.best_supermasks):
            raise drawing.NothingToDraw("there is no accuracy of an untrained network under a mask.")
        drawn = catalogue.draw(name, report.given)
    except drawing.NothingToDraw as error:
        return page.fold(f"Not drawn: {error}", page.code(source.commands_for_nothing()))
    contents = {kind: drawing.content(drawn, kind) for kind in drawing.FORMATS}
    addresses = [f"figures/{name}.{kind}" for kind in contents]
    for address, content in zip(addresses, contents.values(), strict=True):
        write_file(report, address, content)
    body = [page.figure(name, contents["svg"], captions.caption(name, report.given), addresses)]
    body.append(_missing(source))
    body.append(page.fold("The commands and settings behind this figure", _commands(source), printed=True))
    body.append(table_part(name, report) if name in tables.TABLES else "")
    console.log.info("%s", name)
    return page.join(body)


def heading_of(name: str) -> str:
    """Returns the title of a figure, after its number in the paper if it has one."""
    return ": ".join(filter(None, [catalogue.paper_label(name), catalogue.FIGURES[name].title]))


def _missing(source: FigureSource) -> Markup:
    """Returns what a figure does not show because results are missing; nothing if it is complete."""
    note = source.note()
    return page.join([
        _missing_lines(source.missing_lines(), source.commands_for_missing_lines),
        page.paragraph(note, "missing") if note else Markup(),
    ])  # fmt: skip


def _missing_lines(lacking: Mapping[select.Panel, list[str]], to_make: Callable[[], list[str]]) -> Markup:
    """Returns the number of missing lines; folded, their list and the commands. Nothing if there are none."""
    items = [f"{drawing.panel_name(key)}: {'; '.join(lines)}" for key, lines in lacking.items() if lines]
    count = sum(map(len, lacking.values()))
    return page.fold(f"Missing lines: {count}", page.bullets(items) + page.code(to_make())) if count else Markup()


def _commands(source: FigureSource) -> Markup:
    """Returns the commands that make a figure's results and the figure itself, and the experiments' settings."""
    flags = {"results_dir": source.root, "figure": source.name, "format": list(drawing.FORMATS), "out": "figures"}
    settings = provenance.settings_table(source.given.results, source.panels())
    shown = page.table(settings, "Settings of these experiments") if len(settings) else Markup()
    return page.code([*source.commands(), commands.command("analysis.figures", flags | source.flags())]) + shown


def landscape_part(report: Report) -> Markup:
    """Returns the figures of the error landscape; without any measurement, only the commands that would make them."""
    if any(len(getattr(report.given.results, columns.FRAMES[kind])) for kind in columns.LANDSCAPE):
        return page.join(figure_part(name, report) for name in MEASURED)
    sources = [figure_source(name, report.root, report.given) for name in MEASURED]
    lines = dict.fromkeys(line for source in sources for line in source.commands_for_nothing())
    return page.fold("None of this is measured yet. The commands that measure it:", page.code(lines))


def others_part(report: Report) -> Markup:
    """Returns the figure of the treatments that are in no figure of the paper; nothing if there are none."""
    return figure_part(OTHERS, report) if figure_source(OTHERS, report.root, report.given).panels() else Markup()


def precision_part(report: Report) -> Markup:
    """Returns the tables that compare precisions; nothing without results in two of them."""
    return part_or_error("The table precision", report, lambda: _tables("precision", report, otherwise=Markup()))


def table_part(name: str, report: Report) -> Markup:
    """Returns the tables of a name and a link to their CSV file. Numbers behind a figure are folded."""
    return part_or_error(f"The table {name}", report, lambda: _tables(name, report))


def _tables(name: str, report: Report, otherwise: Markup | None = None) -> Markup:
    """Returns the tables of a name with a link; without results, `otherwise`, by default a sentence."""
    built = [table for table in tables.TABLES[name](report.given.results, report.given.rule) if len(table.numbers)]
    if not built:
        return page.paragraph(f"There are no results for {name}.", "missing") if otherwise is None else otherwise
    address = f"tables/{name}.csv"
    write_file(report, address, formats.FORMATS["csv"].write(built).encode())
    content = page.link(address, "All numbers:") + page.join(page.table(table.shown, table.caption) for table in built)
    return page.fold("The numbers behind this figure", content) if name in catalogue.FIGURES else content


def write_file(report: Report, address: str, content: bytes) -> None:
    """Writes a file of the report."""
    path = report.out / address
    path.parent.mkdir(parents=True, exist_ok=True)
    files.replace(path, content)
