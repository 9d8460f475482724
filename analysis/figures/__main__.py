"""Draws figures of the paper, and of the two works that it builds on, from a results folder.

Figures without results are left out.

Examples:
  python -m analysis.figures --results_dir=results --out=figures
  python -m analysis.figures --results_dir=results --figure=1,2,3,4,5,6,7,S1 --format=png,svg,pdf --out=figures
  python -m analysis.figures --results_dir=results --figure=lottery,barriers,flatness --out=figures
  python -m analysis.figures --results_dir=results --figure=3,4 --network=fc --schedule=half --out=figures
  python -m analysis.figures --results_dir=results --figure=2 --criterion=my_module:my_criterion --out=figures
"""

from __future__ import annotations

from pathlib import Path

from absl import flags

from analysis.figures import drawing
from analysis.figures.catalogue import (
    FIGURES,
    draw,
    figure_inputs,
    full_name,
)
from analysis.figures.input_flags import define_figure_input_flags, figure_inputs_from_flags
from analysis.results.selection_flags import define_selection_flags, selection_from_flags
from lottery_tf.command_line import console
from lottery_tf.command_line.command_flags import define_path
from lottery_tf.errors import InputError
from lottery_tf.registry import choose


def define_flags() -> None:
    """Defines the command's flags. This is not done on import, because other commands import this module."""
    define_figure_input_flags()
    define_selection_flags()
    flags.DEFINE_list("figure", list(FIGURES), f"Figures to draw: {', '.join(FIGURES)}; 3 is short for figure3.")
    flags.DEFINE_list("format", ["svg", "png", "pdf"], f"File formats to write: {', '.join(drawing.FORMATS)}.")
    define_path("out", "figures", "The folder to write to. It is made if it does not exist.")


def main() -> int:
    """Draws the wanted figures that have results, each in every format. Returns 1 if drawing a figure failed."""
    given = flags.FLAGS
    wanted = list(dict.fromkeys(map(full_name, given.figure)))
    for kind in given.format:
        choose(drawing.FORMATS, kind, "format of figures")
    if not wanted or not given.format:
        raise InputError("--figure and --format each need at least one name.")
    source = figure_inputs(given.results_dir, **figure_inputs_from_flags(), **selection_from_flags())
    out, left_out, failed = Path(given.out), {}, []
    out.mkdir(parents=True, exist_ok=True)
    for name in wanted:
        try:
            figure = draw(name, source)
        except drawing.NothingToDraw as error:
            left_out[name] = error
            console.log.warning("%s is left out: %s", name, error)
            continue
        except Exception:  # noqa: BLE001, the other figures can be drawn, whatever the error is
            failed.append(name)
            console.log.exception("%s failed. The other figures are still drawn.", name)
            continue
        for kind in given.format:
            console.log.info("%s", drawing.save(figure, out / f"{name}.{kind}"))
    if len(left_out) == len(wanted):
        raise InputError(f"None of the figures can be drawn from {given.results_dir}.")
    if failed:
        console.log.warning("Could not be drawn: %s.", ", ".join(failed))
    return int(bool(failed))


if __name__ == "__main__":
    define_flags()
    console.run(main)
