"""Learns Supermasks: masks trained by gradient while the weights stay untrained (Section 5.1 of the paper).

Examples:
  python -m runs.learn_mask --network=fc --weights=signed_constant --rescale
  python -m runs.learn_mask --network=fc --dataset=mnist --weights=initial,signed_constant --initial_logit=-5,-2,0,2,5
  python -m runs.learn_mask --network=fc --g=edge_popup --kept_fraction=0.1,0.3,0.5

The default lengths are the paper's: 2000, 2000, 1000 and 800 iterations for the four networks. To reach the published
accuracies, train for that many epochs instead (--epochs). Several initial logits give masks with different pruned
fractions. To give each layer its own initial logit, write --initial_logit=dense_1=-1+dense_2=0+output=2.
"""

from __future__ import annotations

import functools
import itertools
from pathlib import Path

from absl import flags

from analysis import tables
from lottery_tf.command_line import console
from lottery_tf.command_line.command_flags import define_choice, define_list
from lottery_tf.command_line.derived_flags import define, fields, values
from lottery_tf.errors import InputError
from lottery_tf.models.settings import DATASETS, TrainingSettings, scheduled_iterations
from lottery_tf.models.table_s1 import NETWORKS
from lottery_tf.registry import choose
from lottery_tf.results.paths import learned_mask_path, learned_masks_folder
from lottery_tf.results.walk import finished
from lottery_tf.studies.paper import MASK_BATCH
from lottery_tf.studies.tasks import LearnedMaskTask
from lottery_tf.supermasks.mask_settings import MASK_PRESETS, NOT_FOR_MASKS, MaskSettings
from runs.display.progress import Progress
from runs.flags.common import (
    DATASET,
    ITERATIONS,
    NETWORK,
    SEEDS,
    estimate_from_flags,
    load_dataset,
    schedule_from_flags,
)
from runs.flags.storage import RESULTS_DIR, SNAPSHOT_SECONDS
from runs.flags.training import define_training

SEVERAL = ("weights", "weight_multiplier", "kept_fraction")
_MASK = define(
    MaskSettings, fields(MaskSettings, but=("initial_logit",)), several=SEVERAL, defaults={"kept_fraction": []}
)
INITIAL_LOGIT = define_list("initial_logit", ["0"], "Initial values of the logits. The paper uses values from -5 to 5.")
PRESET = define_choice(
    "mask_preset",
    "paper",
    MASK_PRESETS,
    f"Default settings for learning masks: {', '.join(MASK_PRESETS)}. Other flags override them.",
)
EPOCHS = flags.DEFINE_integer("epochs", None, "Length of each training in epochs of whole batches.")
_TRAINING = define_training("Default: as in the paper.", but=NOT_FOR_MASKS)

RATES = {"adam": 0.1, "sgd": 100.0}  # default learning rates; momentum uses the paper's rate of each network
EDGE_POPUP_RATE = 0.1  # lower, because the scores of edge_popup are as small as weights


def main() -> None:
    """Finds or learns every mask that the flags name, for every seed, and prints a table of them."""
    network, name, seeds = NETWORK.value, DATASET.value, SEEDS.value
    choose(NETWORKS, network, "network")
    choose(DATASETS, name, "data set")
    wanted, training, results_dir = masks_from_flags(), training_from_flags(), Path(RESULTS_DIR.value)
    tasks = [LearnedMaskTask(network, name, settings, training, seed) for settings in wanted for seed in seeds]
    estimate = estimate_from_flags("learn_mask", tasks)
    if estimate is None:
        return
    from lottery_tf.supermasks.learning import paper_learner

    dataset = load_dataset(name, network)
    console.log.info(estimate.summary())
    with Progress(estimate.steps) as progress:
        learner = paper_learner(
            network,
            dataset,
            wanted[0],
            training,
            results_dir,
            snapshot_seconds=SNAPSHOT_SECONDS.value,
            on_steps=progress.steps,
            on_reading=progress.reading,
        )
        for settings in wanted:
            learner = learner.with_settings(settings)
            for seed in seeds:
                progress.follow_one(functools.partial(learner.learn, seed), f"seed {seed} {settings.name}")
    below = results_dir / learned_masks_folder(network, name)
    folders = {below / learned_mask_path(settings.name, training, seed) for settings in wanted for seed in seeds}
    print(
        tables.summary.learned_masks(metrics for path in sorted(folders) for metrics in finished(path, "learned_mask"))
    )
    print(f"\nTraining curves: tensorboard --logdir {results_dir}")


def masks_from_flags() -> list[MaskSettings]:
    """Returns every combination of the flags' lists; raises InputError for an invalid or repeated one."""
    given = values(_MASK)
    if given["g"] == "edge_popup" and not given["kept_fraction"]:
        raise InputError("--g=edge_popup needs --kept_fraction.")
    if given["g"] == "edge_popup" and INITIAL_LOGIT.present:
        raise InputError("--initial_logit does not go with --g=edge_popup, whose initial scores are random.")
    lists = {name: given.pop(name) or [None] for name in SEVERAL} | {"initial_logit": map(_logit, INITIAL_LOGIT.value)}
    wanted = [
        MaskSettings(**given, **dict(zip(lists, chosen, strict=True))) for chosen in itertools.product(*lists.values())
    ]
    named = [settings.name for settings in wanted]
    if repeated := [name for name in named if named.count(name) > 1]:
        raise InputError(f"The flags give the mask {repeated[0]} more than once.")
    return wanted


def _logit(text: str) -> float | tuple[tuple[str, float], ...]:
    if "=" not in text:
        return _float_flag(text)
    pairs = [part.partition("=") for part in text.split("+")]
    return tuple((f"{name}/kernel", _float_flag(value)) for name, _, value in pairs)


def _float_flag(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InputError(f"--initial_logit takes numbers; {text!r} is not one.") from None


def training_from_flags() -> TrainingSettings:
    """Returns the settings that masks are trained with: the paper's, the preset's, then those of the flags."""
    given = values({name: flag for name, flag in _TRAINING.items() if flag.present})
    table = NETWORKS[NETWORK.value]
    chosen = {"batch_size": MASK_BATCH} | MASK_PRESETS[PRESET.value] | given
    rate = (
        EDGE_POPUP_RATE
        if _MASK["g"].value == "edge_popup"
        else RATES.get(chosen["optimizer"], table.mask_learning_rate)
    )
    return TrainingSettings(
        _iterations(table.mask_iterations, chosen["batch_size"]), **{"learning_rate": rate} | chosen
    )


def _iterations(of_the_paper: int, batch_size: int) -> int:
    """Returns how many iterations a mask is learned for; raises InputError if that is invalid or given twice."""
    schedule = schedule_from_flags()
    if EPOCHS.value is None:
        return scheduled_iterations(of_the_paper, schedule or "paper")
    if schedule is not None:
        raise InputError(f"Give --epochs or --{'schedule' if ITERATIONS.value is None else 'iterations'}, not both.")
    table = DATASETS[DATASET.value]
    images = table.train - table.validation
    if not 1 <= batch_size <= images:
        raise InputError(f"--batch_size is {batch_size}; it must be 1 to {images}, the number of training images.")
    return EPOCHS.value * (images // batch_size)


if __name__ == "__main__":
    console.run(main)
