"""Makes one HTML page from a results folder: a summary, claims, figures and tables, and how the results were made.

Example:
  python -m analysis.report --results_dir=results --out=report

The page, index.html, needs no network and no other file. Its figures (SVG, PNG and PDF) and tables (CSV) are also
written to the report's folder. An unfinished results folder can be reported too. If a part of the page cannot be made,
its error is printed in its place, and the command ends with status 1.
"""

from __future__ import annotations

from absl import flags

from analysis.figures.catalogue import define_figure_input_flags, figure_inputs_from_flags
from analysis.report.report import prepare, write_page
from lottery_tf.command_line import console
from lottery_tf.command_line.command_flags import define_path


def define_flags() -> None:
    """Defines the command's flags."""
    define_figure_input_flags()
    define_path("out", "report", "The folder of the report. It is made if it does not exist.")


def main() -> int:
    """Writes the report of --results_dir into --out."""
    report = prepare(flags.FLAGS.results_dir, flags.FLAGS.out, **figure_inputs_from_flags())
    path = write_page(report)
    console.log.info("%s (%.1f MB)", path, path.stat().st_size / 1e6)
    if report.failed:
        console.log.warning("Could not be made: %s.", "; ".join(report.failed))
    return int(bool(report.failed))


if __name__ == "__main__":
    define_flags()
    console.run(main)
