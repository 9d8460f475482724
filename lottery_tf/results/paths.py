"""Builds and parses every path of a results folder.

    <results_dir>/
      fc-mnist/paper/                              an experiment: all results with its settings (`experiment_folder`)
        settings.json                              the settings that the results share
        experiment.json                            the model, its training and pruning, as the experiment has them
        seed-0/dense/                              level 0, which all treatments of the seed share
        seed-0/rewind-500/                         the dense network at an iteration of its training
        seed-0/<treatment>/level-07/               a level
        seed-0/<treatment>/level-07-reinit-1/      a control of the level
        seed-0/<treatment>/level-07-<measurement>/ a measurement of the level
        seed-0/supermask/<mask source>/            heuristic Supermasks; the best ones for each kind of weights
        lines/<fingerprint>-<fingerprint>/         the line between any two results
      fc-mnist/learned_masks/                      an experiment that learns masks
        settings.json
        mask_learner.json                          the network and what else the masks depend on
        seed-0/<mask settings and training>/       a learned mask
      studies/<studies>-<hash of the request>/     a study: its request, state and logs

A *result path* is relative to the folder of its experiment: "seed-0/dense". It is a folder with the files named below.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from lottery_tf.argument_checks.validation import INDEX
from lottery_tf.models.settings import ExperimentSettings, TrainingSettings

# In the folder of an experiment
SETTINGS = "settings.json"
EXPERIMENT_RECORD = "experiment.json"
LEARNER_RECORD = "mask_learner.json"
PICTURE = "lottery.png"  # of `runs.lottery`
SETTINGS_LOCK = ".settings.lock"  # held while the files above are compared or written
EXPERIMENT_LOCK = ".study.lock"  # held by the study that trains in this folder
DENSE = "dense"
SEED_FOLDERS = "seed-*"

# In the folder of a result; `result_files` describes them
METRICS_FILE = "metrics.json"
MASK = "mask.npz"
HISTORY = "history.csv"
WEIGHTS = "weights.npz"
CHECKSUMS = "checksums.json"
EVENT_FILES = "events.out.tfevents.*"

# Of a result that is being trained
PARTIAL = ".partial"
CHECKPOINT = "snapshot{part}.npz"

# In the results folder, and in the folder of a study
STUDIES = "studies"
REQUEST = "request.json"
STATE = "state.json"
LOGS = "logs"
STUDY_LOCK = ".lock"  # held by the process that runs the study
STUDY_RUNNING = ".running"  # locked by it too, so that others see that it runs


def experiment_folder(settings: ExperimentSettings) -> str:
    """Returns the folder of the experiment with these settings, in the results folder.

    >>> from lottery_tf import experiment_settings
    >>> experiment_folder(experiment_settings("fc", "mnist", "tenth"))
    'fc-mnist/tenth'
    """
    precision = settings.training.precision
    half = "" if precision == "float32" else f"-{precision}"
    return f"{settings.network}-{settings.dataset}/{settings.schedule}{half}"


def enclosing_experiment(path: Path) -> Path | None:
    """Returns the nearest folder above a result that holds an experiment's settings; None if there is none."""
    return next((folder for folder in path.parents if (folder / SETTINGS).exists()), None)


def experiment_of(result: Path) -> str:
    """Returns the folder of a result's experiment, both in the results folder.

    >>> experiment_of(Path("fc-mnist/paper/seed-0/dense"))
    'fc-mnist/paper'
    """
    return Path(*result.parts[:2]).as_posix()


def seed_folder(seed: int) -> str:
    """Returns the folder of a seed in the folder of an experiment; raises InputError for an invalid seed."""
    INDEX("seed", seed)
    return f"seed-{seed}"


def treatment_path(seed: int, treatment: str) -> str:
    """Returns the folder of a treatment's levels, controls and measurements."""
    return f"{seed_folder(seed)}/{treatment}"


def page_name(folder: Path) -> str:
    """Returns the name of a treatment's page in TensorBoard, where names of many treatments stand below each other.

    >>> page_name(Path("results/fc-mnist/paper/seed-0/random-rewind-zero"))
    'random-rewind-zero/seed-0/paper/fc-mnist'
    """
    return "/".join(reversed(folder.parts[-4:]))


def level_name(number: int) -> str:
    """Returns the last part of a level's path.

    >>> level_name(0), level_name(7)
    ('dense', 'level-07')
    """
    INDEX("level", number)
    return f"level-{number:02}" if number else DENSE


def level_path(seed: int, treatment: str, level: int) -> str:
    """Returns the path of a level; level 0 is the dense network, which all treatments of a seed share.

    >>> level_path(0, "large_final-rewind-zero", 7), level_path(0, "large_final-rewind-zero", 0)
    ('seed-0/large_final-rewind-zero/level-07', 'seed-0/dense')
    """
    return treatment_path(seed, f"{treatment}/{level_name(level)}" if level else DENSE)


def rewind_point_path(seed: int, iteration: int) -> str:
    """Returns the path of a seed's dense network at an iteration of its training."""
    return f"{seed_folder(seed)}/rewind-{iteration}"


def control_name(level: int, control: str, draw: int) -> str:
    """Returns the last part of a control's path; controls of the dense network have level 0."""
    return f"level-{level:02}-{control}-{draw}"


def control_path(seed: int, treatment: str, level: int, control: str, draw: int) -> str:
    """Returns the path of a control.

    >>> control_path(0, "large_final-rewind-zero", 7, "reinit", 1)
    'seed-0/large_final-rewind-zero/level-07-reinit-1'
    """
    return f"{treatment_path(seed, treatment)}/{control_name(level, control, draw)}"


def measurement_path(seed: int, treatment: str, *parts: str) -> str:
    """Returns the path of a measurement, which is stored beside its level.

    >>> measurement_path(0, "large_final-rewind-zero", level_name(7), "line", level_name(8))
    'seed-0/large_final-rewind-zero/level-07-line-level-08'
    """
    return f"{treatment_path(seed, treatment)}/{'-'.join(parts)}"


def line_path(first: str, second: str) -> str:
    """Returns the path of the line between any two results, by their fingerprints."""
    return f"lines/{first}-{second}"


def supermask_path(seed: int, mask_source: str, best: str = "") -> str:
    """Returns the path of the Supermasks from a mask source, or of the best Supermask on one kind of weights.

    >>> supermask_path(0, "oneshot-movement", best="initial")
    'seed-0/supermask/oneshot-movement-best-initial'
    """
    return f"{seed_folder(seed)}/supermask/{mask_source}" + (best_suffix(best) if best else "")


def best_suffix(weights: str) -> str:
    """Returns the end of the path of the best Supermask on one kind of weights."""
    return f"-best-{weights}"


def learned_masks_folder(network: str, dataset: str) -> str:
    """Returns the folder of the masks learned for a network, in the results folder."""
    return f"{network}-{dataset}/learned_masks"


# The settings of a training that are in the path of a learned mask; masks that differ in them share a folder.
IN_MASK_PATHS = ("iterations", "learning_rate", "optimizer", "batch_size", "precision", "decay")


def learned_mask_path(mask: str, training: TrainingSettings, seed: int, own_optimizer: str = "") -> str:
    """Returns the path of a learned mask; its name contains the settings in `IN_MASK_PATHS`.

    `own_optimizer` identifies an optimizer that replaces that of the settings.
    """
    rate = f"{training.optimizer}{short_number(training.learning_rate)}"
    # Settings that were added later are in the name only if they differ from their default.
    decay = "" if training.decay == "none" else f"-{training.decay}"
    precision = "" if training.precision == "float32" else f"-{training.precision}"
    length = f"batch{training.batch_size}-{training.iterations}"
    return f"{seed_folder(seed)}/{mask}-{rate}-{length}{decay}{precision}{own_optimizer}"


def partial_path(result: Path) -> Path:
    """Returns the folder of a result that is being trained.

    >>> partial_path(Path("seed-0/dense")).as_posix()
    'seed-0/dense.partial'
    """
    return result.with_name(result.name + PARTIAL)


def is_partial(folder: Path) -> bool:
    """Returns whether a folder is that of a result that is being trained."""
    return folder.suffix == PARTIAL


def lock_path(result: Path) -> Path:
    """Returns the file that is locked while a result, or a treatment's results, are trained.

    >>> lock_path(Path("seed-0/dense")).as_posix()
    'seed-0/.dense.lock'
    """
    return result.parent / f".{result.name}.lock"


def study_path(studies: Sequence[str], digest: str) -> str:
    """Returns the folder of a study, in the results folder; the digest is that of the request."""
    return f"{STUDIES}/{'+'.join(studies)}-{digest}"


def log_path(experiment: str, name: str) -> str:
    """Returns the path of the log of some tasks of an experiment, in a study's folder of logs."""
    return f"{experiment}/{name}.log"


def short_number(value: float) -> str:
    """Returns a number with all digits, so that different numbers have different names, but without ".0".

    >>> short_number(1.0), short_number(1e-5)
    ('1', '1e-05')
    """
    return repr(float(value)).removesuffix(".0")


class ParsedPath(NamedTuple):
    """The parts of a result's path.

    Attributes:
      experiment: the folder of its experiment in the results folder; "" if the path starts with the seed.
      seed: its seed.
      treatment: the folder of its treatment ("supermask" for heuristic supermasks); "" for results without a treatment.
      level: its level, or the level that it is a control or a measurement of; None for other results.
      name: the last part of the path.
    """

    experiment: str
    seed: int
    treatment: str
    level: int | None
    name: str


RESULT_PATH = re.compile(r"(?:(.*)/)?seed-(\d+)/(?:([^/]+)/)?([^/]+)")
LEVEL_NAME = re.compile(rf"(?:level-(\d+)|{DENSE})(?:-.+)?")


def parse_result_path(path: str | Path) -> ParsedPath | None:
    """Parses a result's path, which may start at any folder; returns None for other paths.

    >>> parse_result_path("results/fc-mnist/paper/seed-3/random-rewind-zero/level-07-reinit-1")
    ParsedPath(experiment='fc-mnist/paper', seed=3, treatment='random-rewind-zero', level=7, name='level-07-reinit-1')
    >>> parse_result_path("seed-3/dense")
    ParsedPath(experiment='', seed=3, treatment='', level=0, name='dense')
    """
    if not (found := RESULT_PATH.fullmatch(Path(path).as_posix())):
        return None
    above, seed, treatment, name = found.groups(default="")
    level = LEVEL_NAME.fullmatch(name)
    return ParsedPath("/".join(above.split("/")[-2:]), int(seed), treatment, level and int(level[1] or 0), name)
