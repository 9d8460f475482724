"""Makes one HTML page of a results folder: figures, tables, claims, what is missing, and how all of it was made.

Example:
  python -m analysis.report --results_dir=results --out=report

The page, index.html, needs no network and no other file; beside it lie its figures as SVG, PNG and PDF and its tables
as CSV. A folder that is not finished is reported as far as it goes.
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

from analysis import (
    beside_levels,
    claims,
    curves,
    cut_short,
    drawing,
    figures,
    formats,
    lottery_lines,
    page,
    provenance,
    results,
    supermask_figures,
    tables,
)
from lottery_tf import console, files, paper
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
      log: called with a line about each part that is done.
    """

    root: Path
    out: Path
    given: figures.Material
    log: Callable[[str], object] = lambda line: None

    @property
    def exported(self) -> bool:
        """Whether the results are CSV files, which say nothing of weights, settings, versions and times."""
        return not self.given.found.folders


Part = Callable[[Report], str]


class Section(NamedTuple):
    """A section of the page: parts of it are functions from the report to HTML."""

    anchor: str
    title: str
    text: str
    parts: tuple[Part, ...]


CAPTIONS = {
    "figure1": "A mask criterion cuts the plane of initial and final weights in two. large_final keeps what ends far from "
    "zero, wherever it began. The ellipse is where the weights of a layer lie, in cartoon form.",
    "figure2": "The regions that the criteria keep, found by asking the criteria themselves; where all scores are equal, "
    "chance decides. Where a dense network kept its weights, the same regions for one of its layers, whose weights are "
    "the dots.",
    "figure3": "Mask criteria. Lines are means over seeds, bands reach from the least to the greatest run, the "
    "horizontal line is the dense network.",
    "figure4": "Mask-1 actions: what kept weights start from. Dashed lines forget the signs of the initial weights, solid "
    "ones keep them.",
    "figure5": "Mask-0 actions: where pruned weights are frozen. hybrid freezes weights that shrank in training at "
    "zero and the others at their initial values.",
    "supplement": "Further mask-0 actions and their controls: hybrid on all weights, as many zeros at random places, the "
    "reverse rule, and hybrid with magnitude_increase.",
    "others": "Treatments that are in no figure of the paper, a user's own among them, each under its name: mask criterion, "
    "mask-1 action, mask-0 action.",
    "figureS1": "Why masking is like training. Near the threshold, the mask of large_final sets weights that grew in "
    "training to their initial value and weights that shrank to zero: it moves them the way they were going.",
    "figure6": "Untrained networks: without a mask they guess; under masks that a training left behind they do not. Bars "
    "are means over seeds, dots are seeds, kept percentages are chosen on validation images. Right: the "
    "two criteria that look at signs.",
    "figure7": "Supermasks: masks over weights that were never trained. Lines are heuristic masks, triangles learned ones, "
    "at the share of weights that they keep.",
    "mask_learning": "Validation accuracy while Supermasks are learned, a mask sampled anew for each reading, of the settings "
    "of each kind that got furthest. Lines are means over seeds, bands reach from the least to the greatest. A line that "
    "still rises at its end was cut off there. Linear up to 100 iterations, logarithmic beyond.",
    "lottery": "Winning tickets and what they are compared with: one-shot pruning, fine-tuning from where training ended, the "
    "ticket with weights drawn anew, and as many weights at random places. Lines are means over seeds of each seed's mean "
    "over draws, bands reach from the least to the greatest run, the horizontal line is the dense network. A fine-tuned "
    "network goes on from level to level: at level n its weights have trained n + 1 times as long as any other's, and "
    "its early stop is counted from the beginning of its last round.",
    "barriers": "The barrier of the test error on the line from each level to the next: the greatest error on it less the mean "
    "of its ends'. Below two points the levels are joined. Filled markers: both levels are within 0.2 points of the dense "
    "network's error. A barrier is at least half the difference of its ends' errors, the thin line: where the two "
    "meet, nothing on the way stands above the ends. Lines are means over seeds, bands reach from the least to the greatest; "
    "linear below one point, logarithmic above it.",
    "error_lines": "The test error along some of these lines, from the sparser level (0) to the one before it (1), means over "
    "seeds. Each panel has a scale of its own.",
    "robustness": "Rewind points moved in a random direction, by multiples of the distance that the next mask moves them, and "
    "trained again: the barrier from their end to the unperturbed end, and to that of the level before. Filled markers: "
    "the perturbed end is within 0.2 points of the dense network's error.",
    "flatness": "The Hessian of the training loss in the weights that survive, at the end of training, and the curvature along "
    "what the next round of pruning moves, each direction taken with length one. Lines are means over seeds, bands reach "
    "from the least to the greatest.",
    "spectral_density": "Left: the density of the Hessian's eigenvalues, spread by a hundredth of their range, down to a "
    "tenth of a single eigenvalue; bumps at the right are a few eigenvalues each. Right, without spreading: about how many eigenvalues "
    "are as great as each value, or greater. Both are estimated from random vectors. Means over seeds.",
    "limits": "The largest share of the surviving weights that can go at once and leave the network matching the dense one: "
    "found by search, and predicted from the Hessian and the length of the projection. Right: predicted against found, the "
    "subspace that meets the bowl against what retraining makes good, the others against what was found without it; a "
    "point a level and seed, and on the dotted line they agree.",
    "magnitudes": "Left: the share of the surviving weights that the next round's threshold takes, in the weights before the "
    "level was retrained and after. Middle and right: magnitudes of the largest layer, before and after, at two levels.",
}  # fmt: skip


def figure_part(name: str, report: Report) -> str:
    """A figure with its caption, the numbers behind it, and the commands and settings that made it."""
    title = f"<h3>{page.escape(_heading(name))}</h3>"
    try:
        drawn = figures.draw(name, report.given)
    except drawing.NothingToDraw as error:
        return f"{title}{page.paragraph(f'Not drawn: {error}', 'missing')}{page.code(_wanted(name, report))}"
    contents = {kind: drawing.content(drawn, kind) for kind in drawing.FORMATS}
    places = [f"figures/{name}.{kind}" for kind in contents]
    for place, content in zip(places, contents.values(), strict=True):
        _write(report, place, content)
    body = [title, page.figure(name, contents["svg"], CAPTIONS[name], places)]
    if missing := _missing(name, report):
        body.append(page.paragraph(missing, "missing"))
        body.append(page.code(_wanted(name, report)) if name == LOTTERY else "")
    body.append(page.fold("The commands and settings behind this figure", _commands(name, report), printed=True))
    body.append(table_part(name, report) if name in tables.TABLES else "")
    report.log(name)
    return "".join(body)


def _heading(name: str) -> str:
    number = name.removeprefix("figure")
    place = f"Figure {number}: " if number != name else {"supplement": "Section S2: "}.get(name, "")
    return place + figures.FIGURES[name].title


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
        kind = "Exported files hold no weights" if report.exported else "No dense network here kept its weights"
        return f"{kind}: the planes with those of a trained layer are left out."
    return ""


def _panels_of_lottery(report: Report) -> list[results.Panel]:
    return drawing.in_order(lottery_lines.trained_panels(report.given.found))


def _commands(name: str, report: Report) -> str:
    """The commands that make a figure's results and the figure itself, and the settings of those runs."""
    found, commands, keys = report.given.found, [], []
    lines = paper.FIGURES | {OTHERS: _others(report)}
    asked = {"results_dir": report.root, "figure": name, "format": list(drawing.FORMATS), "out": "figures"}
    if name in lines:
        commands, keys = provenance.training_commands(found, lines[name]), curves.panels_of_lines(found, lines[name])
        asked |= dataclasses.asdict(report.given.rule)
    elif name in ("figure6", "figure7", "mask_learning"):
        commands, keys = provenance.supermask_commands(found), supermask_figures.panels_of_supermasks(found)
        keys = [*keys, *((*key[:2], None) for key in keys)]
    elif name in PLANES:
        asked |= _asked_of_planes(report)
    elif name == LOTTERY:
        keys = _panels_of_lottery(report)
        commands = provenance.training_commands(found, lottery_lines.figure()) + provenance.control_commands(found)
    elif name in MEASURED:
        commands = provenance.measurement_commands(found, MEASURED[name])
        keys = results.panels(getattr(found, results.FRAMES[MEASURED[name]]))
    settings = provenance.settings_table(found, keys)
    shown = page.table(settings, "Settings of these runs") if len(settings) else ""
    return page.code([*commands, provenance.command("analysis.figures", asked)]) + shown


def landscape_part(report: Report) -> str:
    """The figures of the error landscape; where none of it is measured, that alone and the commands."""
    if any(len(getattr(report.given.found, results.FRAMES[kind])) for kind in results.LANDSCAPE):
        return "".join(figure_part(name, report) for name in MEASURED)
    commands = dict.fromkeys(line for name in MEASURED for line in _wanted(name, report))
    return page.paragraph("Nothing of this is measured yet. What would do it:", "missing") + page.code(commands)


def others_part(report: Report) -> str:
    """The treatments that no figure of the paper has, where there are any."""
    return figure_part(OTHERS, report) if curves.panels_of_lines(report.given.found, _others(report)) else ""


def _others(report: Report) -> paper.Figure:
    return curves.other_treatments(report.given.found)


def table_part(name: str, report: Report) -> str:
    """The tables of a name in `tables.TABLES`, folded where they are the numbers behind a figure, and their CSV file."""
    built = [table for table in tables.TABLES[name](report.given.found, report.given.rule) if len(table.numbers)]
    if not built:
        return page.paragraph(f"There are no results for {name}.", "missing")
    place = f"tables/{name}.csv"
    _write(report, place, formats.FORMATS["csv"].write(built).encode())
    link = f'<p>In full: <a href="{page.escape(place)}">{page.escape(place)}</a></p>'
    content = link + "".join(page.table(table.shown, table.caption) for table in built)
    return page.fold("The numbers behind this figure", content) if name in figures.FIGURES else content


def claims_part(report: Report) -> str:
    """What the data say of the papers' claims."""
    verdicts = claims.evaluate(report.given.found)
    if not verdicts:
        return page.paragraph("There is nothing here yet that a claim could be tested on.", "missing")
    rows = pd.DataFrame([dataclasses.asdict(verdict) for verdict in verdicts])
    _write(report, "tables/claims.csv", formats.to_csv(rows).encode())
    alone = rows["claim"].isin([claim.sentence for claim in claims.CLAIMS if claim.of_learned_masks])
    short = cut_short.cut_short(report.given.found)
    return (
        "".join(page.table(_by_panel(part), looks=VERDICT_LOOKS) for part in (rows[~alone], rows[alone]) if len(part))
        + page.fold("The rule and the numbers behind each verdict", page.table(rows, looks=VERDICT_LOOKS))
        + (page.table(short.round(1), CUT_SHORT) if len(short) else "")
    )


def _by_panel(rows: pd.DataFrame) -> pd.DataFrame:
    """A row a claim, a column a network with its data set and schedule: the verdicts."""
    found = rows.pivot_table("verdict", ["claim", "place"], "panel", aggfunc="first", sort=False)
    return found.fillna("").reset_index()


CUT_SHORT = (
    "Treatments whose trainings were too short: share of levels with the least validation loss at the very end; longer "
    "training would make leads over them smaller"
)
VERDICT_LOOKS = {"shown": "holds", "contradicted": "fails", "not shown": "open", "not enough data": "soft"}


def coverage_part(report: Report) -> str:
    """What is there and what is missing, figure by figure."""
    found = report.given.found
    parts = {
        "Trained networks": provenance.dense_seeds(found),
        "Figures of lines; the paper has five seeds and 24 levels": provenance.coverage(found, paper.FIGURES),
        "Supermasks": provenance.supermask_coverage(found),
        "Controls of tickets and measurements of the error landscape": beside_levels.table(found),
    }
    return "".join(page.table(rows, caption) for caption, rows in parts.items() if len(rows))


def origin_part(report: Report) -> str:
    """Settings, times, versions and machine."""
    about = pd.DataFrame(provenance.machine().items(), columns=["this report", "made with"])
    if report.exported:
        note = "These results are exported files: they do not say settings, times and versions of the trainings."
        return page.paragraph(note, "missing") + page.table(about)
    times, versions = provenance.training_times(report.root)
    return (
        page.table(provenance.settings_table(report.given.found), "Settings of each folder of runs")
        + page.table(times, "Times of the trainings, as each recorded its own")
        + page.paragraph("Versions that the trainings recorded:")
        + page.bullets(versions)
        + page.paragraph("Trainings do not record the machine that they ran on.", "soft")
        + page.table(about)
    )


def _figure(name: str) -> Part:
    return functools.partial(figure_part, name)


def _table(name: str) -> Part:
    return functools.partial(table_part, name)


SECTIONS: tuple[Section, ...] = (
    Section("coverage", "What is here, and what is missing", "", (coverage_part,)),
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
    Section("origin", "How these results were made", "", (origin_part,)),
)


def write(
    root: str | Path,
    out: str | Path,
    sections: tuple[Section, ...] = SECTIONS,
    log: Callable[[str], object] = lambda line: None,
    **chosen,
) -> Path:
    """Writes the report of a results folder.

    Args:
      root: a results folder, finished or not, or a folder of exported CSV files.
      out: the folder of the report; made if it does not exist.
      sections: what the page has.
      log: called with a line about each figure that is done.
      **chosen: further arguments of `figures.material`.

    Returns:
      The page.

    Raises:
      InputError: no such folder, nothing in it, or a file where the report's folder should be.
    """
    began, root, out = time.monotonic(), Path(root), Path(out)
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file; --out names a folder.")
    report = Report(root, out, figures.material(root, **chosen), log)
    contents = []
    for section in sections:
        if content := "".join(part(report) for part in section.parts):
            contents.append((section.anchor, section.title, page.paragraph(section.text) + content))
    now = datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z")
    lead = page.paragraph(f"Made on {now} from {root}, in {time.monotonic() - began:.0f} seconds, by")
    lead += page.code([_own_command(report)])
    place = out / PAGE
    _write(report, PAGE, page.page(TITLE, lead, contents).encode())
    return place


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
    figures.define_material_flags()
    define_path("out", "report", "The folder of the report; made if it does not exist.")


def main() -> None:
    path = write(flags.FLAGS.results_dir, flags.FLAGS.out, log=console.log.info, **figures.material_from_flags())
    console.log.info("%s (%.1f MB)", path, path.stat().st_size / 1e6)


if __name__ == "__main__":
    define_flags()
    console.run(main)
