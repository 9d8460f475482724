"""Draws figures from a results folder, as far as what is there allows: the paper's, and of the two works behind it.

Examples:
  python -m analysis.figures --results_dir=results --out=figures
  python -m analysis.figures --results_dir=results --figure=1,2,3,4,5,6,7,S1 --format=png,svg,pdf --out=figures
  python -m analysis.figures --results_dir=results --figure=lottery,barriers,flatness --out=figures
  python -m analysis.figures --results_dir=results --figure=2 --criterion=my_module:my_criterion --out=figures
"""

from __future__ import annotations

from pathlib import Path

from absl import flags

from analysis.figures import drawing
from analysis.figures.catalogue import (
    FIGURES,
    define_figure_input_flags,
    draw,
    figure_inputs,
    figure_inputs_from_flags,
    named,
)
from lottery_tf import console
from lottery_tf.command_flags import define_path
from lottery_tf.errors import InputError
from lottery_tf.registry import choose


def define_flags() -> None:
    """Defines the command's flags: not on import, since a training command draws with this module too."""
    define_figure_input_flags()
    flags.DEFINE_list("figure", list(FIGURES), f"What is drawn: {', '.join(FIGURES)}; 3 is short for figure3.")
    flags.DEFINE_list("format", ["svg", "png", "pdf"], f"Kinds of files: {', '.join(drawing.FORMATS)}.")
    define_path("out", "figures", "The folder to write to; made if it does not exist.")


def main() -> int:
    """Draws the figures that are asked for and that there are results of, each in every format."""
    given = flags.FLAGS
    wanted = list(dict.fromkeys(map(named, given.figure)))
    for kind in given.format:
        choose(drawing.FORMATS, kind, "format of figures")
    if not wanted or not given.format:
        raise InputError("--figure and --format each want at least one name.")
    source = figure_inputs(given.results_dir, **figure_inputs_from_flags())
    out, left_out, failed = Path(given.out), {}, []
    out.mkdir(parents=True, exist_ok=True)
    for name in wanted:
        try:
            figure = draw(name, source)
        except drawing.NothingToDraw as error:
            left_out[name] = error
            console.log.warning("%s is left out: %s", name, error)
            continue
        except Exception:  # noqa: BLE001, whatever it is, the other figures can be drawn
            failed.append(name)
            console.log.exception("%s failed; the others are drawn.", name)
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
