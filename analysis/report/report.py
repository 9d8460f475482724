"""Writes a report: its page, figures and tables."""

from __future__ import annotations

import datetime
import functools
import time
from pathlib import Path

from analysis.figures import catalogue
from analysis.report import overview, page
from analysis.report.parts import Report, attempted, write_file
from analysis.report.sections import SECTIONS, Section, summary_part
from lottery_tf.errors import InputError

PAGE = "index.html"

TITLE = "Deconstructing Lottery Tickets: what was measured"


def write(root: str | Path, out: str | Path, sections: tuple[Section, ...] = SECTIONS, **chosen) -> Path:
    """Writes the report of a results folder, and returns its page; see `prepared` and `write_page`."""
    return write_page(prepared(root, out, sections, **chosen), sections)


def prepared(root: str | Path, out: str | Path, sections: tuple[Section, ...] = SECTIONS, **chosen) -> Report:
    """Reads what a report is made from.

    Args:
      root: a folder of results, finished or not, or of exported CSV files, or of both.
      out: the folder of the report; made if it does not exist.
      sections: what the page has.
      **chosen: further arguments of `catalogue.figure_inputs`.

    Raises:
      InputError: no such folder, nothing in it, or a file where the report's folder should be.
    """
    out = Path(out)
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file; --out names a folder.")
    given = catalogue.figure_inputs(root, **chosen)
    opens = any(summary_part in section.parts for section in sections)
    return Report(Path(root), out, given, overview.main_figure(given.results) if opens else None)


def write_page(report: Report, sections: tuple[Section, ...] = SECTIONS) -> Path:
    """Writes the page, its figures and tables, and returns its path; `report.failed` names what could not be made."""
    began, contents = time.monotonic(), []
    for section in sections:
        parts = [attempted(section.title, report, functools.partial(part, report)) for part in section.parts]
        if content := page.join(parts):
            contents.append(page.PageSection(section.anchor, section.title, page.paragraph(section.text) + content))
    now = datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z")
    lead = page.paragraph(f"Made on {now} from {report.root}, in {time.monotonic() - began:.0f} seconds.", "soft")
    write_file(report, PAGE, page.page(TITLE, lead, contents).encode())
    return report.out / PAGE
