"""Every path of the results folder, relative to the folder of one network, data set and schedule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lottery_tf.models.settings import TrainingSettings

if TYPE_CHECKING:
    from lottery_tf.supermasks.mask_settings import MaskSettings


DENSE = "dense"

CHECKSUMS = "checksums.json"

WEIGHTS = "weights.npz"

EVENT_FILES = "events.out.tfevents.*"

PARTIAL = ".partial"

CHECKPOINT = "snapshot{part}.npz"


def control_path(seed: int, treatment: str, level: int, control: str, draw: int) -> str:
    """Where a control lies within the results.

    >>> control_path(0, "large_final-rewind-zero", 7, "reinit", 1)
    'seed-0/large_final-rewind-zero/level-07-reinit-1'
    """
    return f"seed-{seed}/{treatment}/level-{level:02}-{control}-{draw}"


def supermask_path(seed: int, name: str, best: str = "") -> str:
    """Where a ladder's supermasks lie within their results, or the best of them with one kind of weights.

    >>> supermask_path(0, "oneshot-movement", best="initial")
    'seed-0/supermask/oneshot-movement-best-initial'
    """
    return f"seed-{seed}/supermask/{name}" + (f"-best-{best}" if best else "")


def short_number(value: float) -> str:
    """A number in full, so that different ones have different names, but no decimals where there are none."""
    return repr(float(value)).removesuffix(".0")


def learned_masks_folder(network: str, dataset: str) -> str:
    """Where the masks learned of a network lie, relative to the results folder."""
    return f"{network}-{dataset}/learned_masks"


def learned_mask_path(settings: MaskSettings, training: TrainingSettings, seed: int) -> str:
    """Where a learned mask lies within its results: all that it depends on is in the name."""
    rate = f"{training.optimizer}{short_number(training.learning_rate)}"
    # What came later is named where it is not as it was before.
    decay = "" if training.decay == "none" else f"-{training.decay}"
    precision = "" if training.precision == "float32" else f"-{training.precision}"
    return f"seed-{seed}/{settings.name}-{rate}-batch{training.batch_size}-{training.iterations}{decay}{precision}"


def level_name(number: int) -> str:
    """What a level is called in the name of a measurement.

    >>> level_name(0), level_name(7)
    ('dense', 'level-07')
    """
    return level_path(0, "", number).rpartition("/")[2] if number else DENSE


def level_path(seed: int, treatment: str, level: int) -> str:
    """Where a level lies within its results: level 0 is the dense network, which all treatments of a seed share."""
    return f"seed-{seed}/{treatment}/level-{level:02}" if level else f"seed-{seed}/{DENSE}"


def rewind_point_path(seed: int, iteration: int) -> str:
    """Where a seed's dense network as its training passes through an iteration lies within its results."""
    return f"seed-{seed}/rewind-{iteration}"
