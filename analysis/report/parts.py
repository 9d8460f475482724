"""Makes the parts of a report that show figures and tables, and defines `Report`, from which every part is made."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from markupsafe import Markup

from analysis.figures import catalogue, curves, drawing, supermasks
from analysis.report import captions, commands, coverage, page, provenance
from analysis.results import columns, lottery_lines, select
from analysis.tables import catalogue as tables
from analysis.tables import formats
from lottery_tf import console
from lottery_tf.results import files
from lottery_tf.studies import paper

OTHERS = "others"

PLANES = ("figure2", "figureS1")  # figures that show the weights of a trained layer

LOTTERY = "lottery"

MEASURED = {  # figure -> the kind of measurement that it shows
    "barriers": "line", "error_lines": "line", "robustness": "perturbation", "flatness": "spectrum",
    "spectral_density": "spectrum", "limits": "limit", "magnitudes": "threshold",
}  # fmt: skip


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
    try:
        if name == "figure6" and not len(report.given.results.best_supermasks):
            raise drawing.NothingToDraw("there is no accuracy of an untrained network under a mask.")
        drawn = catalogue.draw(name, report.given)
    except drawing.NothingToDraw as error:
        return page.fold(f"Not drawn: {error}", page.code(_commands_for_missing(name, report)))
    contents = {kind: drawing.content(drawn, kind) for kind in drawing.FORMATS}
    places = [f"figures/{name}.{kind}" for kind in contents]
    for place, content in zip(places, contents.values(), strict=True):
        write_file(report, place, content)
    body = [page.figure(name, contents["svg"], captions.caption(name, report.given), places)]
    body.append(_missing(name, report))
    body.append(page.fold("The commands and settings behind this figure", _commands(name, report), printed=True))
    body.append(table_part(name, report) if name in tables.TABLES else "")
    console.log.info("%s", name)
    return page.join(body)


def heading_of(name: str) -> str:
    """Returns the title of a figure, after its number in the paper if it has one."""
    return ": ".join(filter(None, [catalogue.paper_label(name), catalogue.FIGURES[name].title]))


def _commands_for_missing(name: str, report: Report) -> list[str]:
    """Returns the commands that make the results of a figure."""
    results, root = report.given.results, report.root
    if name in MEASURED:
        return commands.missing_measurements(results, commands.MEASURED_BY[MEASURED[name]], root)
    if name == LOTTERY:
        return commands.missing_lottery(results, root)
    return [commands.command("runs.study", {"study": name, "results_dir": root})]


def _missing(name: str, report: Report) -> Markup:
    """Returns what a figure does not show because results are missing; nothing if it is complete."""
    results = report.given.results
    if name in paper.FIGURES:
        return _missing_lines(coverage.missing_lines(results, name))
    if name == LOTTERY:
        lacking = {key: lottery_lines.missing(results, key) for key in _panels_of_lottery(report)}
        return _missing_lines(lacking, _commands_for_missing(name, report))
    if name in PLANES and report.given.layer is None:
        reason = "no dense network kept its weights" if results.folders else "exported files hold no weights"
        return page.paragraph(f"The planes of a trained layer are left out: {reason}.", "missing")
    return Markup()


def _missing_lines(lacking: Mapping[select.Panel, list[str]], commands: Iterable[str] = ()) -> Markup:
    """Returns the number of missing lines; folded, their list and the commands. Nothing if there are none."""
    items = [f"{drawing.panel_name(key)}: {'; '.join(lines)}" for key, lines in lacking.items() if lines]
    count = sum(map(len, lacking.values()))
    return page.fold(f"Missing lines: {count}", page.bullets(items) + page.code(commands)) if count else Markup()


def _panels_of_lottery(report: Report) -> list[select.Panel]:
    return select.table_s1_order(lottery_lines.trained_panels(report.given.results))


def _commands(name: str, report: Report) -> Markup:
    """Returns the commands that make a figure's results and the figure itself, and the settings of those runs."""
    results, lines, made_by, keys = report.given.results, paper.FIGURES | {OTHERS: _others(report)}, [], []
    flags = {"results_dir": report.root, "figure": name, "format": list(drawing.FORMATS), "out": "figures"}
    if name in lines:
        made_by, keys = commands.training_commands(results, lines[name]), curves.panels_of_lines(results, lines[name])
        flags |= dataclasses.asdict(report.given.rule)
    elif name in ("figure6", "figure7", "mask_learning"):
        made_by, keys = commands.supermask_commands(results), supermasks.panels_of_supermasks(results)
        keys = [*keys, *(select.Panel(*key.place, None, "float32") for key in keys)]
    elif name in PLANES:
        flags |= plane_flags(report)
    elif name == LOTTERY:
        keys = _panels_of_lottery(report)
        made_by = commands.training_commands(results, lottery_lines.figure()) + commands.control_commands(results)
    elif name in MEASURED:
        made_by = commands.measurement_commands(results, MEASURED[name])
        keys = select.panels(getattr(results, columns.FRAMES[MEASURED[name]]))
    settings = provenance.settings_table(results, keys)
    shown = page.table(settings, "Settings of these runs") if len(settings) else Markup()
    return page.code([*made_by, commands.command("analysis.figures", flags)]) + shown


def landscape_part(report: Report) -> Markup:
    """Returns the figures of the error landscape; without any measurement, only the commands that would make them."""
    if any(len(getattr(report.given.results, columns.FRAMES[kind])) for kind in columns.LANDSCAPE):
        return page.join(figure_part(name, report) for name in MEASURED)
    commands = dict.fromkeys(line for name in MEASURED for line in _commands_for_missing(name, report))
    return page.fold("None of this is measured yet. The commands that measure it:", page.code(commands))


def others_part(report: Report) -> Markup:
    """Returns the figure of the treatments that are in no figure of the paper; nothing if there are none."""
    return figure_part(OTHERS, report) if curves.panels_of_lines(report.given.results, _others(report)) else Markup()


def precision_part(report: Report) -> Markup:
    """Returns the tables that compare precisions; nothing without results in two of them."""
    return part_or_error("The table precision", report, lambda: _tables("precision", report, otherwise=Markup()))


def _others(report: Report) -> paper.Figure:
    return curves.other_treatments(report.given.results)


def table_part(name: str, report: Report) -> Markup:
    """Returns the tables of a name and a link to their CSV file. Numbers behind a figure are folded."""
    return part_or_error(f"The table {name}", report, lambda: _tables(name, report))


def _tables(name: str, report: Report, otherwise: Markup | None = None) -> Markup:
    """The tables of a name with a link; `otherwise`, by default a sentence, if there are no results for them."""
    built = [table for table in tables.TABLES[name](report.given.results, report.given.rule) if len(table.numbers)]
    if not built:
        return page.paragraph(f"There are no results for {name}.", "missing") if otherwise is None else otherwise
    place = f"tables/{name}.csv"
    write_file(report, place, formats.FORMATS["csv"].write(built).encode())
    content = page.link(place, "All numbers:") + page.join(page.table(table.shown, table.caption) for table in built)
    return page.fold("The numbers behind this figure", content) if name in catalogue.FIGURES else content


def plane_flags(report: Report) -> dict:
    """Returns the flags about planes that the user set."""
    given = {"criterion": report.given.criteria, "layer": report.given.layer_name}
    return {name: value for name, value in given.items() if value}


def write_file(report: Report, place: str, content: bytes) -> None:
    """Writes a file of the report."""
    path = report.out / place
    path.parent.mkdir(parents=True, exist_ok=True)
    files.replace(path, content)
