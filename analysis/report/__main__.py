"""Makes one HTML page from a results folder: a summary, claims, figures and tables, and how the results were made.

Example:
  python -m analysis.report --results_dir=results --out=report

The page, index.html, needs no network and no other file. Its figures (SVG, PNG and PDF) and tables (CSV) are also
written to the report's folder. An unfinished results folder can be reported too. If a part of the page cannot be made,
its error is printed in its place, and the command ends with status 1.
"""

from __future__ import annotations

from absl import flags

from analysis import report
from analysis.figures.input_flags import define_figure_input_flags, figure_inputs_from_flags
from lottery_tf.command_line import console
from lottery_tf.command_line.command_flags import define_path


def define_flags() -> None:
    """Defines the command's flags."""
    define_figure_input_flags()
    define_path("out", "report", "The folder of the report. It is made if it does not exist.")


def main() -> int:
    """Writes the report of --results_dir into --out."""
    made = report.report.prepare(flags.FLAGS.results_dir, flags.FLAGS.out, **figure_inputs_from_flags())
    path = report.report.write_page(made)
    console.log.info("%s (%.1f MB)", path, path.stat().st_size / 1e6)
    if made.failed:
        console.log.warning("Could not be made: %s.", "; ".join(made.failed))
    return int(bool(made.failed))


if __name__ == "__main__":
    define_flags()
    console.run(main)
