"""Shows the progress of the studies in a results folder, whether they are running or not.

Examples:
  python -m runs.status --results_dir results
  python -m runs.status --results_dir results --json
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path

from absl import flags

from lottery_tf.command_line import console
from lottery_tf.command_line.command_flags import define_results_dir
from lottery_tf.errors import DamagedFile, InputError, user_message
from lottery_tf.results import walk
from lottery_tf.results.paths import experiment_of
from lottery_tf.studies.study_folder import StudyFolder
from lottery_tf.studies.task_results import probably_finished
from runs.display.plan_estimate import duration

RESULTS_DIR = define_results_dir()
JSON = flags.DEFINE_bool("json", False, "Print JSON: one object for each study and for each folder of other results.")


def main() -> int:
    """Prints the progress of each study and the other results; returns 1 if a study cannot be read."""
    results_dir = Path(RESULTS_DIR.value)
    found, planned, damaged = [], set(), 0
    for path in StudyFolder.all_in(results_dir):
        try:
            folder = StudyFolder.open(path)
            found.append(status(results_dir, folder))
            planned |= {key for task in folder.plan().tasks.values() for key in task.keys}
        except (DamagedFile, InputError, OSError) as error:
            print(f"The study {path.name} is left out: {user_message(error) or error}", file=sys.stderr)
            damaged = 1
    others = results_of_no_study(results_dir, planned)
    if not found and not others and not damaged:
        raise InputError(f"{results_dir} holds no study and no results.")
    if JSON.value:
        print(
            json.dumps(found + [{"study": None, "folder": name, "finished": others[name]} for name in others], indent=1)
        )
    else:
        print("\n\n".join([*map(text, found), *other_text(others)]))
    return damaged


def results_of_no_study(results_dir: Path, planned: Collection[str]) -> dict[str, int]:
    """Counts the finished results that belong to no study, by the folder of their experiment."""
    keys = (path.relative_to(results_dir) for path in walk.result_folders(results_dir))
    return dict(Counter(experiment_of(key) for key in keys if str(key) not in planned))


def other_text(others: Mapping[str, int]) -> list[str]:
    """Returns the results that belong to no study, with one line for each folder."""
    lines = [f"  {name}: {count:,} results" for name, count in others.items()]
    return ["\n".join(["Results of single commands, and measurements beside levels:", *lines])] if lines else []


def status(results_dir: Path, folder: StudyFolder) -> dict:
    """Returns the progress of a study.

    Returns:
      "study", "units" (number of its tasks), "finished" (number of tasks finished on disk), "waiting", and "runs"
      (whether a process runs the study, or waits to run it). The other values are those that this process wrote last:
      "failed" (key -> error), "left_out", "running" (key -> seconds, steps, of), "stage" (what it does before its tasks
      begin, else null), "steps_per_second", "seconds_left", "began", "written", "machine", "process".

    Raises:
      DamagedFile: the study's state cannot be read.
      InputError: the study's request is no longer valid.
    """
    plan, state, runs = folder.plan(), folder.read_state(), folder.is_running
    finished = sum(probably_finished(results_dir, task) for task in plan.tasks.values())
    running = state.get("running", {}) if runs else {}
    failed, left_out = state.get("failed", {}), state.get("counts", {}).get("left out", 0)
    return {
        "study": folder.path.name,
        "units": len(plan.tasks),
        "finished": finished,
        "waiting": max(0, len(plan.tasks) - finished - len(running) - len(failed) - left_out),
        "left_out": left_out,
        "runs": runs,
        "running": running,
        "failed": failed,
        **{name: state.get(name) for name in ("steps_per_second", "seconds_left", "began", "written")},
        **{name: state.get(name) for name in ("machine", "process", "stage")},
    }


def text(found: dict) -> str:
    """Returns the status of a study as a few lines of text."""
    share = found["finished"] / found["units"]
    counts = {"finished": found["finished"], "running": len(found["running"]), "failed": len(found["failed"])}
    counts |= {"waiting": found["waiting"], "left out": found["left_out"]}
    states = ", ".join(f"{count} {name}" for name, count in counts.items())
    lines = [f"{found['study']}: {share:.0%} of {found['units']} tasks; {states}"]
    if found["runs"] and found["stage"]:
        lines.append(f"  {found['stage']} (process {found['process']} on {found['machine']})")
    elif found["runs"]:
        lines.append(
            f"  running since {found['began']} (process {found['process']} on {found['machine']}), "
            f"{found['steps_per_second'] or 0:,.0f} steps/s, about {duration(found['seconds_left'] or 0)} left"
        )
    elif found["finished"] < found["units"]:
        lines.append("  not running; the same command continues it")
    lines += [
        f"  running: {key}, {task['seconds']:.0f} s, {task['steps']} of {task['of']} steps"
        for key, task in found["running"].items()
    ]
    lines += [
        f"  failed: {key}: {(error.strip().splitlines() or ['no error'])[-1]}" for key, error in found["failed"].items()
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    console.run(main)
