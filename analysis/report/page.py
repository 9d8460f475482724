"""Pieces of an HTML page that stands alone: tables that sort, figures that open large, everything from data escaped.

Jinja2 escapes whatever its templates are given; only what these functions return, and SVG files of our own, is HTML.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import jinja2
import pandas as pd
from markupsafe import Markup

from analysis.figures import styles

ENVIRONMENT = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).with_name("templates")),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
BLOCKS = ENVIRONMENT.get_template("blocks.html").module
FONTS = "'DejaVu Sans', Verdana, sans-serif"


def join(parts: Iterable[Markup]) -> Markup:
    """Pieces one after the other; what is no piece is escaped."""
    return Markup().join(parts)


def paragraph(text: str, kind: str = "") -> Markup:
    """A paragraph of plain text; nothing where there is none."""
    return BLOCKS.paragraph(text, kind)


def heading(text: str) -> Markup:
    """The title of a part of a section."""
    return BLOCKS.heading(text)


def bullets(items: Sequence[str]) -> Markup:
    """A list of plain texts; nothing where there are none."""
    return BLOCKS.bullets(items)


def link(place: str, text: str) -> Markup:
    """A paragraph that ends with a link to a file beside the page."""
    return BLOCKS.link(place, text)


def code(commands: Iterable[str]) -> Markup:
    """Command lines; a narrow page breaks them between their words. Nothing where there are none."""
    return BLOCKS.code([re.findall(r"(?:'[^']*'|\S)+", command) for command in commands])


def fold(title: str, content: Markup, printed: bool = False) -> Markup:
    """Content that unfolds where its title is clicked; `printed`: on paper it is always unfolded."""
    return BLOCKS.fold(title, content, printed)


def table(rows: pd.DataFrame, caption: str = "", looks: Mapping[str, str] | None = None) -> Markup:
    """A table whose columns sort by a click.

    Args:
      rows: cells are shown as text.
      caption: its caption.
      looks: text of a cell -> the class of cells with that text.
    """
    return BLOCKS.table(list(rows.columns), rows.itertuples(index=False, name=None), caption, looks or {})


def figure(name: str, svg: bytes, caption: str, files: Iterable[str]) -> Markup:
    """A figure that opens large, its caption, and links to the files beside the page.

    Args:
      name: an identifier, unique on the page.
      svg: the content of the figure's SVG file.
      caption: plain text.
      files: places of the figure's files, relative to the page.
    """
    return BLOCKS.figure(
        name, inline(name, svg, caption), caption, {Path(file).suffix[1:].upper(): file for file in files}
    )


def inline(name: str, svg: bytes, label: str) -> Markup:
    """An SVG file of ours as a part of a page: with names of its own, and colours that follow the page's.

    Colours become CSS variables (see `colours`), so that dark mode needs no second drawing; coordinates are rounded to
    hundredths of a point, which halves the size.
    """
    text = svg.decode()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<style .*?</style>", "", text, flags=re.DOTALL)
    text = re.sub(r'\b(id="|href="#|url\(#)', rf"\g<1>{name}-", text)
    text = re.sub(r"<[^>]*>", lambda tag: re.sub(r"(\.\d\d)\d+", r"\1", tag[0]), text)  # and no text between tags
    text = re.sub(r"(font(?:-family)?: [^;\"]*?)'DejaVu Sans'[^;\"]*", rf"\g<1>{FONTS}", text)
    for variable, light, _ in colours():
        text = text.replace(f": {light}", f": var(--{variable}, {light})")
    width = float(re.search(r'width="([\d.]+)pt"', text)[1])
    text = re.sub(r'(<svg [^>]*?)height="[\d.]+pt"', r"\1", text, count=1)
    opening = Markup('<svg role="img" aria-label="{}" style="--width: {:.1f}in"').format(label, width / 72)
    return Markup(re.sub(r' width="[\d.]+pt"', "", text.replace("<svg", opening, 1), count=1))


def colours() -> list[tuple[str, str, str]]:
    """The CSS variable of each colour that figures have, and its value on light and on dark ground."""
    pairs = dict.fromkeys([*styles.COLOURS.values(), styles.GROUND])
    return [(f"c{light[1:]}", light, dark) for light, dark in pairs]


class PageSection(NamedTuple):
    """A section of the page."""

    anchor: str
    title: str
    content: Markup


def page(title: str, lead: Markup, sections: Sequence[PageSection]) -> str:
    """The whole page; `lead` stands below its title."""
    names = {name: f"c{light[1:]}" for name, light in (("ink", styles.INK), ("ground", styles.GROUND[0]))}
    return ENVIRONMENT.get_template("page.html").render(
        title=title, lead=lead, sections=sections, colours=colours(), names=names
    )
