"""Shows the results of an experiment as tables and as the figure `lottery.png`.

An experiment is all that shares a folder: one network, data set, schedule and precision. Commands import this
module late, because it imports pandas.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pandas as pd

from analysis.figures import curves, styles
from analysis.tables import summary
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.results import walk
from lottery_tf.results.paths import PICTURE, parse_result_path
from lottery_tf.studies.named_studies import STUDIES
from lottery_tf.studies.planning import Plan
from lottery_tf.studies.tasks import ControlTask, HeuristicMasksTask, LevelTask, Task
from lottery_tf.supermasks.mask_sources import UNTRAINED, MaskSource

SHOWN_WEIGHTS = "signed_constant"  # Supermasks are more accurate on these weights than on the initial weights

Found = Mapping[str, list[tuple[Path, dict]]]  # kind of result -> folders and metrics


@dataclasses.dataclass(frozen=True)
class ExperimentSummary:
    """Shows all finished levels of some treatments and Supermasks of an experiment.

    Attributes:
      folder: the experiment's folder.
      treatments: the treatments, in the order of the tables.
      seeds: the seeds.
      controls: kind of control -> the last draw that is shown.
      mask_sources: sources of heuristic Supermasks; the baseline without a mask is not shown.
    """

    folder: Path
    treatments: tuple[Treatment, ...]
    seeds: tuple[int, ...]
    controls: Mapping[str, int] = dataclasses.field(default_factory=dict)
    mask_sources: tuple[MaskSource, ...] = ()

    def show(self) -> None:
        """Prints the tables and draws the figure."""
        print(self.tables())
        if path := self.draw():
            print(f"\nFigure: {path}")

    def tables(self) -> str:
        """Returns tables for treatments, controls and each source of Supermasks, then a list of other results."""
        found = self._found()
        blocks = [summary.table(self._levels(found))] if self._numbers(found) else []
        blocks += [summary.table(rows, ("test_accuracy",)) for rows in self._supermasks(found).values()]
        return "\n\n".join([*blocks, *self._left_out(found)])

    def draw(self) -> Path | None:
        """Draws the figure and returns its path; None if no pruned level is finished yet."""
        found = self._found()
        if not any(self._numbers(found)):
            return None
        supermasks = self._supermasks(found)
        look = {
            rows["treatment"].iloc[0]: styles.criterion_style(source.criterion) for source, rows in supermasks.items()
        }
        rows = pd.concat([self._levels(found), *supermasks.values()])
        return curves.accuracy_against_kept(rows, self.folder / PICTURE, look)

    def _found(self) -> Found:
        """Returns all results in the experiment's folder, including those of other seeds."""
        found = collections.defaultdict(list)
        for path, metrics in walk.finished_with_folders(self.folder, None):
            found[metrics["kind"]].append((path, metrics))
        return found

    def _numbers(self, found: Found) -> list[int]:
        """Returns the numbers of all finished levels of these seeds."""
        return [metrics["level"] for _, metrics in found["level"] if metrics["seed"] in self.seeds]

    def _levels(self, found: Found) -> pd.DataFrame:
        """Returns the levels of each treatment, then those of its controls. All draws of a control have one name."""
        levels, controls = ([metrics for _, metrics in found[kind]] for kind in ("level", "control"))
        tables = []
        for treatment in self.treatments:
            tables.append(summary.chosen(levels, [treatment], self.seeds))
            for control, draws in self.controls.items():
                drawn = [m for m in controls if m["control"] == control and m["draw"] <= draws]
                # There are no controls if the treatment's first level diverged, for example.
                if any(treatment.matches(m) and m["seed"] in self.seeds for m in drawn):
                    rows = summary.chosen(drawn, [treatment], self.seeds)
                    tables.append(rows[rows["level"] > 0].assign(treatment=f"{treatment.name}, control: {control}"))
        return pd.concat(tables)

    def _supermasks(self, found: Found) -> dict[MaskSource, pd.DataFrame]:
        """Returns the Supermasks of each source that has any, as rows like those of levels."""
        of_seeds = [metrics for _, metrics in found["supermask"] if metrics["seed"] in self.seeds]
        tables = {
            source: [m for m in of_seeds if (m["source"], m["criterion"]) == (source.source, source.criterion)]
            for source in self.mask_sources
            if source != UNTRAINED
        }
        return {source: summary.supermasks(rows, SHOWN_WEIGHTS) for source, rows in tables.items() if rows}

    def _left_out(self, found: Found) -> Iterator[str]:
        """Yields a sentence that names the other results in the folder."""
        treatments = {
            parsed.treatment
            for path, metrics in found["level"]
            if metrics["level"] and (parsed := parse_result_path(path))
        }
        others = sorted(treatments - {treatment.name for treatment in self.treatments})
        seeds = {metrics["seed"] for _, metrics in found["level"]} - set(self.seeds)
        others += [f"seed {seed}" for seed in sorted(seeds)]
        if others:
            yield f"{self.folder} also holds {', '.join(others)}; they are not in the tables and the figure."


def of_plan(plan: Plan, results_dir: Path) -> list[ExperimentSummary]:
    """Returns a summary of each experiment with finished levels of a study with `ends_with_table`."""
    wanted = [name for name, study in STUDIES.items() if study.ends_with_table]
    by_experiment: dict[str, list[Task]] = {}
    for key in dict.fromkeys(key for name in wanted for key in plan.keys_for(name)):
        by_experiment.setdefault(plan.tasks[key].folder, []).append(plan.tasks[key])
    found = [_of_tasks(results_dir / folder, tasks) for folder, tasks in by_experiment.items()]
    return [each for each in found if each.seeds and next(walk.finished(each.folder), None)]


def _of_tasks(folder: Path, tasks: Sequence[Task]) -> ExperimentSummary:
    """Returns the summary of some tasks of one experiment."""
    levels = [task for task in tasks if isinstance(task, LevelTask)]
    controls = [task for task in tasks if isinstance(task, ControlTask)]
    return ExperimentSummary(
        folder,
        tuple(dict.fromkeys(task.treatment for task in levels if task.treatment)),
        tuple(sorted({task.seed for task in levels})),
        {task.control: max(other.draw for other in controls if other.control == task.control) for task in controls},
        tuple(dict.fromkeys(task.mask_source for task in tasks if isinstance(task, HeuristicMasksTask))),
    )
