"""Writes the tables of results in Markdown files, or checks that the written tables match the results.

Example:
  python -m analysis.readme_tables --results_dir=analysis/measured
  python -m analysis.readme_tables --results_dir=analysis/measured --check

A table is between the lines `<!-- table: NAME -->` and `<!-- end of table -->`, where NAME is a key of
`catalogue.README_TABLES`.
Accuracies and shares are in percent: mean [min, max] over seeds, or the value of a single seed.
"""

from __future__ import annotations

import re
from pathlib import Path

from absl import flags

from analysis.common_flags import define_results_to_read
from analysis.readme_tables.catalogue import README_TABLES
from analysis.results.load import Results, load
from lottery_tf.command_line import console
from lottery_tf.errors import InputError
from lottery_tf.registry import choose
from lottery_tf.results import files


def with_new_tables(text: str, results: Results) -> str:
    """Returns a Markdown text with its tables made anew from the results.

    Raises:
      InputError: a table's name is not in `catalogue.README_TABLES`.
    """

    def table(match: re.Match) -> str:
        head, *rows = choose(README_TABLES, match[1], "table")(results)
        lines = ["| " + " | ".join(each.replace("|", "\\|") for each in row) + " |" for row in (head, *rows)]
        lines.insert(1, "|" + "---|" * len(head))
        return (
            f"<!-- table: {match[1]} -->\n"
            + "\n".join(re.sub(" +", " ", line) for line in lines)
            + "\n<!-- end of table -->"
        )

    return re.sub(r"<!-- table: (\w+) -->\n.*?<!-- end of table -->", table, text, flags=re.DOTALL)


def define_flags() -> None:
    """Defines the command's flags."""
    define_results_to_read()
    flags.DEFINE_list("files", ["README.md", "analysis/measured/README.md"], "The Markdown files.")
    flags.DEFINE_boolean("check", False, "Write nothing, and fail if a table does not match the results.")


def main() -> None:
    """Writes the tables of each file, or checks them."""
    results = load(flags.FLAGS.results_dir)
    for name in flags.FLAGS.files:
        path = Path(name)
        if not path.is_file():
            raise InputError(f"There is no file {path}.")
        text = path.read_text()
        new = with_new_tables(text, results)
        if new != text and flags.FLAGS.check:
            raise InputError(
                f"The tables in {path} do not match {flags.FLAGS.results_dir}: run this command without --check."
            )
        files.replace(path, new.encode())


if __name__ == "__main__":
    define_flags()
    console.run(main)
