"""Prints or writes tables from a results folder: Table 1, Table S1, and the numbers behind each figure.

Examples:
  python -m analysis.tables --results_dir=results
  python -m analysis.tables --results_dir=results --table=table1,figure3 --format=latex --out=tables
  python -m analysis.tables --results_dir=results --table=figure3 --network=fc --schedule=half
"""

from __future__ import annotations

from pathlib import Path

from absl import flags

from analysis.common_flags import define_results_to_read
from analysis.results.load import load
from analysis.results.selection_flags import define_selection_flags, selection_from_flags
from analysis.statistics.star_flags import define_star_flags, rule_from_flags
from analysis.tables.catalogue import TABLES
from analysis.tables.formats import FORMATS
from lottery_tf.command_line import console
from lottery_tf.command_line.command_flags import define_path
from lottery_tf.errors import InputError
from lottery_tf.registry import choose
from lottery_tf.results import files


def define_flags() -> None:
    """Defines the command's flags. This is not done on import, because commands with other flags import this module."""
    define_results_to_read()
    define_selection_flags()
    define_star_flags()
    flags.DEFINE_list(
        "table", list(TABLES), "The tables to make, separated by commas. Default: all tables that have results."
    )
    flags.DEFINE_string("format", "markdown", f"The format of the tables: {', '.join(FORMATS)}.")
    define_path("out", None, "A folder to write to, one file for each table. By default the tables are printed.")


def main() -> None:
    """Prints the tables that have results, or writes them to a folder."""
    given = flags.FLAGS
    builders = {name: choose(TABLES, name, "table") for name in given.table}
    chosen = choose(FORMATS, given.format, "format")
    rule = rule_from_flags()
    results = load(given.results_dir).only(**selection_from_flags())
    texts = {}
    for name, build in builders.items():
        tables = [table for table in build(results, rule) if len(table.numbers)]
        if tables:
            texts[name] = chosen.write(tables)
        elif given["table"].present:
            raise InputError(f"{given.results_dir} holds no results for {name}.")
    if given.out is None:
        print("\n".join(texts.values()), end="")
        return
    Path(given.out).mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        files.replace(Path(given.out) / (name + chosen.ending), text.encode())
        console.log.info("%s", Path(given.out) / (name + chosen.ending))


if __name__ == "__main__":
    define_flags()
    console.run(main)
