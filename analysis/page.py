"""Pieces of an HTML page that stands alone: tables that sort, figures that open large, everything from data escaped."""

from __future__ import annotations

import html
import re
import string
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from analysis import styles

TEMPLATES = Path(__file__).with_name("templates")
FONTS = "'DejaVu Sans', Verdana, sans-serif"


def escape(text: object) -> str:
    """Text as it stands in HTML, in an element or in an attribute.

    >>> escape('<b> & "c"')
    '&lt;b&gt; &amp; &quot;c&quot;'
    """
    return html.escape(str(text), quote=True)


def paragraph(text: str, kind: str = "") -> str:
    """A paragraph of plain text; nothing where there is none."""
    return f"<p{_class(kind)}>{escape(text)}</p>" if text else ""


def bullets(items: Iterable[str], kind: str = "") -> str:
    """A list of plain texts."""
    return f"<ul{_class(kind)}>" + "".join(f"<li>{escape(item)}</li>" for item in items) + "</ul>"


def code(lines: Iterable[str]) -> str:
    """Lines as they are typed; nothing where there are none."""
    text = "\n".join(lines)
    return f"<pre><code>{escape(text)}</code></pre>" if text else ""


def fold(title: str, content: str, printed: bool = False) -> str:
    """Content that unfolds where its title is clicked; `printed`: on paper it is always unfolded."""
    return f"<details{' data-print' if printed else ''}><summary>{escape(title)}</summary>{content}</details>"


def table(rows: pd.DataFrame, caption: str = "", looks: Mapping[str, str] | None = None) -> str:
    """A table whose columns sort by a click.

    Args:
      rows: cells are shown as text.
      caption: its caption.
      looks: text of a cell -> the class of cells with that text.
    """
    looks = looks or {}
    head = "".join(
        f'<th scope="col" aria-sort="none"><button type="button">{escape(name)}</button></th>' for name in rows.columns
    )
    body = "".join(
        "<tr>" + "".join(f"<td{_class(looks.get(str(cell), ''))}>{escape(cell)}</td>" for cell in row) + "</tr>\n"
        for row in rows.itertuples(index=False, name=None)
    )
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f'<div class="scroll"><table>{title}<thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table></div>'


def figure(name: str, svg: bytes, caption: str, files: Iterable[str]) -> str:
    """A figure that opens large, its caption, and links to the files beside the page.

    Args:
      name: an identifier, unique on the page.
      svg: the content of the figure's SVG file.
      caption: plain text.
      files: places of the figure's files, relative to the page.
    """
    links = " ".join(f'<a href="{escape(file)}">{escape(Path(file).suffix[1:].upper())}</a>' for file in files)
    return (
        f'<figure id="{escape(name)}">{inline(name, svg, caption)}<figcaption>{escape(caption)}</figcaption>'
        f'<div class="tools"><button type="button" class="enlarge">Enlarge</button><span>Files: {links}</span></div>'
        "</figure>"
    )


def inline(name: str, svg: bytes, label: str) -> str:
    """An SVG file of ours as a part of a page: with names of its own, and colours that follow the page's.

    Colours become CSS variables (see `colour_variables`), so that dark mode needs no second drawing; coordinates are
    rounded to hundredths of a point, which halves the size.
    """
    text = svg.decode()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<style .*?</style>", "", text, flags=re.DOTALL)
    text = re.sub(r'\b(id="|href="#|url\(#)', rf"\g<1>{name}-", text)
    text = re.sub(r"<[^>]*>", lambda tag: re.sub(r"(\.\d\d)\d+", r"\1", tag[0]), text)  # and no text between tags
    text = re.sub(r"(font(?:-family)?: [^;\"]*?)'DejaVu Sans'[^;\"]*", rf"\g<1>{FONTS}", text)
    for light in {light for light, _ in [*styles.COLOURS.values(), styles.GROUND]}:
        text = text.replace(f": {light}", f": var({_variable(light)}, {light})")
    width = float(re.search(r'width="([\d.]+)pt"', text)[1])
    text = re.sub(r'(<svg [^>]*?)height="[\d.]+pt"', r"\1", text, count=1)
    opening = f'<svg role="img" aria-label="{escape(label)}" style="--width: {width / 72:.1f}in"'
    return re.sub(r' width="[\d.]+pt"', "", text.replace("<svg", opening, 1), count=1)


def colour_variables() -> dict[str, str]:
    """CSS for the template: the values of the colours' variables on light and on dark ground."""
    pairs = {**styles.COLOURS, "ground": styles.GROUND}
    named = [f"--{name}: var({_variable(light)});" for name, (light, _) in pairs.items()]
    return {
        "light": "\n".join(
            [*(f"  {_variable(light)}: {light};" for light, _ in pairs.values()), "  " + " ".join(named)]
        ),
        "dark": "\n".join(f"    {_variable(light)}: {dark};" for light, dark in pairs.values()),
    }


def page(title: str, lead: str, sections: Sequence[tuple[str, str, str]]) -> str:
    """The whole page.

    Args:
      title: its title.
      lead: HTML below the title.
      sections: anchor, title and HTML of each section.
    """
    links = [f'<li><a href="#{escape(anchor)}">{escape(heading)}</a></li>' for anchor, heading, _ in sections]
    body = [
        f'<section id="{escape(anchor)}">\n<h2>{escape(heading)}</h2>\n{content}\n</section>'
        for anchor, heading, content in sections
    ]
    return _template("page.html").substitute(
        title=escape(title),
        style=_template("page.css").substitute(colour_variables()),
        lead=lead,
        contents="\n".join(links),
        body="\n".join(body),
        script=(TEMPLATES / "page.js").read_text(),
    )


def _template(name: str) -> string.Template:
    return string.Template((TEMPLATES / name).read_text())


def _variable(light: str) -> str:
    return f"--c{light[1:]}"


def _class(kind: str) -> str:
    return f' class="{escape(kind)}"' if kind else ""
