"""Writes a report: its page, its figures and its tables."""

from __future__ import annotations

import datetime
import functools
import time
from pathlib import Path

from analysis.figures import catalogue
from analysis.report import overview, page
from analysis.report.parts import Report, part_or_error, write_file
from analysis.report.sections import SECTIONS, Section, summary_part
from lottery_tf.errors import InputError

PAGE = "index.html"

TITLE = "Deconstructing Lottery Tickets: what was measured"


def write(root: str | Path, out: str | Path, sections: tuple[Section, ...] = SECTIONS, **chosen) -> Path:
    """Writes the report of a results folder and returns the path of its page; see `prepare` and `write_page`."""
    return write_page(prepare(root, out, sections, **chosen), sections)


def prepare(root: str | Path, out: str | Path, sections: tuple[Section, ...] = SECTIONS, **chosen) -> Report:
    """Reads the results that a report is made from.

    Args:
      root: a folder of results (finished or not), of exported CSV files, or of both.
      out: the folder of the report. It is made if it does not exist.
      sections: the sections of the page.
      **chosen: further arguments of `catalogue.figure_inputs`.

    Raises:
      InputError: `root` does not exist or holds no results, or `out` is a file.
    """
    out = Path(out)
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file; --out has to name a folder.")
    given = catalogue.figure_inputs(root, **chosen)
    opens = any(summary_part in section.parts for section in sections)
    return Report(Path(root), out, given, overview.main_figure(given.results) if opens else None)


def write_page(report: Report, sections: tuple[Section, ...] = SECTIONS) -> Path:
    """Writes the page, its figures and its tables, and returns its path. Adds parts that fail to `report.failed`."""
    began, contents = time.monotonic(), []
    for section in sections:
        parts = [part_or_error(section.title, report, functools.partial(part, report)) for part in section.parts]
        if content := page.join(parts):
            contents.append(page.PageSection(section.anchor, section.title, page.paragraph(section.text) + content))
    now = datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z")
    lead = page.paragraph(f"Made on {now} from {report.root}, in {time.monotonic() - began:.0f} seconds.", "soft")
    write_file(report, PAGE, page.page(TITLE, lead, contents).encode())
    return report.out / PAGE
