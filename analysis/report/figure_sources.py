"""Says for each figure of a report which commands made its results, what is missing, and how to make it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from analysis.figures import curves, supermasks
from analysis.figures.catalogue import FigureInputs
from analysis.report import commands, coverage
from analysis.results import columns, lottery_lines
from analysis.results.select import Panel, panels, table_s1_order
from lottery_tf.studies import paper

OTHERS = "others"
LOTTERY = "lottery"
MEASURED = {  # figure -> the kind of measurement that it shows
    "barriers": "line", "error_lines": "line", "robustness": "perturbation", "flatness": "spectrum",
    "spectral_density": "spectrum", "limits": "limit", "magnitudes": "threshold",
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class FigureSource:
    """The commands, settings and results behind a figure; usually those of the study of its name.

    Attributes:
      name: the figure's name.
      root: the results folder, as the user named it.
      given: the figure's inputs.
    """

    name: str
    root: Path
    given: FigureInputs

    def commands(self) -> list[str]:
        """Returns the commands that made the results."""
        return []

    def panels(self) -> list[Panel]:
        """Returns the panels whose settings are shown."""
        return []

    def flags(self) -> dict:
        """Returns the flags of `analysis.figures` that the figure depends on."""
        return {}

    def missing_lines(self) -> Mapping[Panel, list[str]]:
        """Returns the lines of each panel that have no results."""
        return {}

    def commands_for_missing_lines(self) -> list[str]:
        """Returns the commands to show with the missing lines."""
        return []

    def commands_for_nothing(self) -> list[str]:
        """Returns the commands that would make the figure's results if there are none."""
        return [commands.command("runs.study", {"study": self.name, "results_dir": self.root})]

    def note(self) -> str:
        """Returns what else is missing, as a sentence; "" if nothing is."""
        return ""


class Lines(FigureSource):
    """A figure whose lines are treatments."""

    def _figure(self) -> paper.Figure:
        return paper.FIGURE_LINES[self.name]

    def commands(self) -> list[str]:
        """Returns the commands that trained its lines."""
        return commands.training_commands(self.given.results, self._figure())

    def panels(self) -> list[Panel]:
        """Returns the panels that have some of its lines."""
        return curves.panels_of_lines(self.given.results, self._figure())

    def flags(self) -> dict:
        """Returns the flags of the stars."""
        return dataclasses.asdict(self.given.rule)

    def missing_lines(self) -> Mapping[Panel, list[str]]:
        """Returns the figure's lines that are missing in each panel."""
        return coverage.missing_lines(self.given.results, self.name)


class OtherTreatments(Lines):
    """The figure of the treatments that are in no figure of the paper."""

    def _figure(self) -> paper.Figure:
        return curves.other_treatments(self.given.results)

    def missing_lines(self) -> Mapping[Panel, list[str]]:
        """Returns nothing: no treatment has to be there."""
        return {}


class Masks(FigureSource):
    """A figure of masks over untrained weights."""

    def commands(self) -> list[str]:
        """Returns the commands that made the masks."""
        return commands.supermask_commands(self.given.results)

    def panels(self) -> list[Panel]:
        """Returns the panels with masks, and those of learned masks, which have no schedule."""
        found = supermasks.panels_of_supermasks(self.given.results)
        return [*found, *(Panel(*key.network_and_dataset, None, "float32") for key in found)]


class Planes(FigureSource):
    """A figure of masks as areas of the plane of initial and final weights."""

    def flags(self) -> dict:
        """Returns the flags about planes that the user set."""
        return plane_flags(self.given)

    def note(self) -> str:
        """Returns why no trained layer is drawn."""
        if self.given.layer is not None:
            return ""
        stored = self.given.results.folders
        reason = "no dense network kept its weights" if stored else "exported files hold no weights"
        return f"The planes of a trained layer are left out: {reason}."


class WinningTickets(FigureSource):
    """The figure of winning tickets and their controls."""

    def commands(self) -> list[str]:
        """Returns the commands that trained the tickets and their controls."""
        results = self.given.results
        return commands.training_commands(results, lottery_lines.figure()) + commands.control_commands(results)

    def panels(self) -> list[Panel]:
        """Returns the panels with trained tickets."""
        return table_s1_order(lottery_lines.trained_panels(self.given.results))

    def missing_lines(self) -> Mapping[Panel, list[str]]:
        """Returns the lines and controls that are missing in each panel."""
        return {key: lottery_lines.missing(self.given.results, key) for key in self.panels()}

    def commands_for_missing_lines(self) -> list[str]:
        """Returns the commands that would train the missing tickets and controls."""
        return commands.missing_lottery(self.given.results, self.root)

    commands_for_nothing = commands_for_missing_lines


class Measurements(FigureSource):
    """A figure of measurements of the error landscape."""

    def commands(self) -> list[str]:
        """Returns the commands that measured it."""
        return commands.measurement_commands(self.given.results, MEASURED[self.name])

    def panels(self) -> list[Panel]:
        """Returns the panels that have measurements."""
        return panels(getattr(self.given.results, columns.FRAMES[MEASURED[self.name]]))

    def commands_for_nothing(self) -> list[str]:
        """Returns the commands that would measure the levels that there are."""
        return commands.missing_measurements(self.given.results, commands.MEASURED_BY[MEASURED[self.name]], self.root)


FIGURE_SOURCES: dict[str, type[FigureSource]] = {  # figure -> what is behind it
    **dict.fromkeys(paper.FIGURE_LINES, Lines),
    **dict.fromkeys(("figure6", "figure7", "mask_learning"), Masks),
    **dict.fromkeys(("figure2", "figureS1"), Planes),
    **dict.fromkeys(MEASURED, Measurements),
    OTHERS: OtherTreatments,
    LOTTERY: WinningTickets,
}


def figure_source(name: str, root: Path, given: FigureInputs) -> FigureSource:
    """Returns what is behind a figure."""
    return FIGURE_SOURCES.get(name, FigureSource)(name, root, given)


def plane_flags(given: FigureInputs) -> dict:
    """Returns the flags about planes that the user set."""
    chosen = {"criterion": given.criteria, "layer": given.layer_name}
    return {name: value for name, value in chosen.items() if value}
