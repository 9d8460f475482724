"""The pages of documentation, and what stands on them: code, commands, headings, links."""

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
PAGES = {
    name: ROOT / name
    for name in (
        "README.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "lottery_tf/README.md",
        "lottery_tf/comparison.md",
        "runs/README.md",
        "runs/gpus_and_clusters.md",
        "analysis/README.md",
        "analysis/measured/README.md",
    )
}


class Addition(NamedTuple):
    """A block of code that is to be put into a file: its first line says where."""

    kind: str  # a value of `ADDITIONS`
    path: str
    name: str  # of the table or class; "" for a whole file and the end of one
    code: str


ADDITIONS = {  # the first line of a block -> where its code goes
    r"# a new file, (?P<path>\S+)": "file",
    r"# (?P<path>\w+\.py): .*": "file",
    r"# at the end of (?P<path>\S+)": "end",
    r"# above (?P<name>\w+) in (?P<path>\S+)": "above",
    r"# an entry of (?P<name>\w+) in (?P<path>\S+)": "entry",
    r"# a field of (?P<name>\w+) in (?P<path>\S+)": "field",
    r"# a function of (?P<name>\w+) in (?P<path>\S+)": "function",
}


def text(name):
    return PAGES[name].read_text(encoding="utf-8")


def section(name, heading):
    """The part of a page below a heading, up to the next one."""
    (found,) = re.findall(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#+ [A-Z]|\Z)", text(name), re.DOTALL | re.MULTILINE)
    return found


def python_blocks(part):
    """Each block of Python of a text."""
    return re.findall(r"```python\n(.*?)```", part, re.DOTALL)


def addition(block):
    """The block as what is to be put into a file; None for code that is run as it stands."""
    first, _, code = block.partition("\n")
    for pattern, kind in ADDITIONS.items():
        if match := re.fullmatch(pattern, first):
            return Addition(kind, match["path"], match.groupdict().get("name", ""), code)
    return None


def tables(part):
    """Each table of functions that a text names with its module: (name, path as it is linked)."""
    return re.findall(r"`([A-Z0-9_]+)`\s+in\s+\[`[\w/.]+`\]\(([\w/.]+)\)", part)


def files_of_tests(part):
    """The test files that a text names, as it links them."""
    return sorted(set(re.findall(r"\]\(\.\./(tests/[\w/]*test_\w+\.py)\)", part)))


def commands(part):
    """Each `python -m` command of a text's blocks, as (module, arguments)."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", part, re.DOTALL | re.MULTILINE)
    lines = "".join(block for language, block in blocks if not language)
    found = re.findall(r"\bpython -m ([a-z_.]+)(.*?)(?:\)|&&|$)", lines, re.MULTILINE)
    return [(module, arguments.split()) for module, arguments in found if module.startswith(("runs.", "analysis."))]


def anchors(path):
    """What may follow a # in a link to a page: its headings as GitHub turns them into anchors."""
    prose = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    headings = re.findall(r"^#+ (.*)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(name):
    """Each link of a page that leads to a file or heading here."""
    prose = re.sub(r"```.*?```", "", text(name), flags=re.DOTALL)
    targets = re.findall(r"\]\(([^)\s]+)\)", prose)
    return [target for target in targets if not target.startswith("http")]
