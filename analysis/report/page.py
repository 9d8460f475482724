"""Makes the pieces of a self-contained HTML page: tables that can be sorted, figures that can be enlarged.

Jinja2 escapes every text that its templates are given. Only the return values of these functions, and the project's
own SVG files, are inserted as HTML.
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
    """Joins pieces of a page. Plain strings are escaped."""
    return Markup().join(parts)


def paragraph(text: str, kind: str = "") -> Markup:
    """Returns a paragraph of plain text; nothing for an empty text."""
    return BLOCKS.paragraph(text, kind)


def heading(text: str) -> Markup:
    """Returns the title of a part of a section."""
    return BLOCKS.heading(text)


def bullets(items: Sequence[str]) -> Markup:
    """Returns a bulleted list of plain texts; nothing for an empty list."""
    return BLOCKS.bullets(items)


def link(address: str, text: str) -> Markup:
    """Returns a paragraph that ends with a link to a file of the report."""
    return BLOCKS.link(address, text)


def code(commands: Iterable[str]) -> Markup:
    """Returns command lines, which a narrow page breaks only between words; nothing for an empty list."""
    return BLOCKS.code([re.findall(r"(?:'[^']*'|\S)+", command) for command in commands])


def fold(title: str, content: Markup, printed: bool = False) -> Markup:
    """Returns content that is hidden until its title is clicked. With `printed` it is always shown on paper."""
    return BLOCKS.fold(title, content, printed)


def table(rows: pd.DataFrame, caption: str = "", looks: Mapping[str, str] | None = None) -> Markup:
    """Returns a table that is sorted by a column when its heading is clicked.

    Args:
      rows: the cells, which are shown as text.
      caption: the text above the table.
      looks: text of a cell -> CSS class of the cells with that text.
    """
    return BLOCKS.table(list(rows.columns), rows.itertuples(index=False, name=None), caption, looks or {})


def figure(name: str, svg: bytes, caption: str, files: Iterable[str]) -> Markup:
    """Returns a figure that can be enlarged, its caption, and links to its files.

    Args:
      name: an identifier, unique on the page.
      svg: the content of the figure's SVG file.
      caption: plain text.
      files: paths of the figure's files, relative to the page.
    """
    return BLOCKS.figure(
        name, inline(name, svg, caption), caption, {Path(file).suffix[1:].upper(): file for file in files}
    )


def inline(name: str, svg: bytes, label: str) -> Markup:
    """Turns one of the project's SVG files into a part of a page.

    Identifiers get the figure's name as a prefix, so that they are unique on the page. Colours become CSS variables
    (see `colours`), so that dark mode needs no second drawing. Coordinates are rounded to hundredths of a point, which
    halves the size.
    """
    text = svg.decode()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<style .*?</style>", "", text, flags=re.DOTALL)
    text = re.sub(r'\b(id="|href="#|url\(#)', rf"\g<1>{name}-", text)
    text = re.sub(r"<[^>]*>", lambda tag: re.sub(r"(\.\d\d)\d+", r"\1", tag[0]), text)  # numbers in tags, not in texts
    text = re.sub(r"(font(?:-family)?: [^;\"]*?)'DejaVu Sans'[^;\"]*", rf"\g<1>{FONTS}", text)
    for variable, light, _ in colours():
        text = text.replace(f": {light}", f": var(--{variable}, {light})")
    width = float(re.search(r'width="([\d.]+)pt"', text)[1])
    text = re.sub(r'(<svg [^>]*?)height="[\d.]+pt"', r"\1", text, count=1)
    opening = Markup('<svg role="img" aria-label="{}" style="--width: {:.1f}in"').format(label, width / 72)
    return Markup(re.sub(r' width="[\d.]+pt"', "", text.replace("<svg", opening, 1), count=1))


def colours() -> list[tuple[str, str, str]]:
    """Returns the CSS variable of each colour of the figures, and its value on a light and a dark background."""
    pairs = dict.fromkeys([*styles.COLOURS.values(), styles.GROUND])
    return [(f"c{light[1:]}", light, dark) for light, dark in pairs]


class PageSection(NamedTuple):
    """A section of the page, ready to be written."""

    anchor: str
    title: str
    content: Markup


def page(title: str, lead: Markup, sections: Sequence[PageSection]) -> str:
    """Returns the whole page, with `lead` below its title."""
    names = {name: f"c{light[1:]}" for name, light in (("ink", styles.INK), ("ground", styles.GROUND[0]))}
    return ENVIRONMENT.get_template("page.html").render(
        title=title, lead=lead, sections=sections, colours=colours(), names=names
    )
