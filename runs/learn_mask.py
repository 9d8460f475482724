"""Learns Supermasks: masks trained by gradient while the weights stay untrained (Section 5.1 of the paper).

Examples:
  python -m runs.learn_mask --network=fc --weights=signed_constant --rescale
  python -m runs.learn_mask --network=fc --dataset=mnist --weights=initial,signed_constant --initial_logit=-5,-2,0,2,5
  python -m runs.learn_mask --network=fc --g=edge_popup --kept_fraction=0.1,0.3,0.5

The paper prints 2000, 2000, 1000 and 800 iterations for the four networks, which is the default here; the published
accuracies took that many epochs (--epochs). A list of initial logits gives the sweep over the pruned share; a value for
each layer is written --initial_logit=dense_1=-1+dense_2=0+output=2.
"""

from __future__ import annotations

import itertools
from pathlib import Path

from absl import flags

from lottery_tf import console
from lottery_tf.errors import InputError
from lottery_tf.mask_settings import GATES, MaskSettings, folder, place
from lottery_tf.names import choose
from lottery_tf.paper import MASK_BATCH, MASK_OPTIMIZER
from lottery_tf.settings import DATASETS, NETWORKS, TrainingSettings
from lottery_tf.ticket_format import SUPERMASK_WEIGHTS
from runs import common_flags
from runs.progress import Progress

flags.adopt_module_key_flags(common_flags)
WEIGHTS = flags.DEFINE_list("weights", ["initial"], f"What is masked: {', '.join(SUPERMASK_WEIGHTS)}.")
G = flags.DEFINE_string("g", "bernoulli", "; ".join(f"{name}: {what}" for name, what in GATES.items()) + ".")
RESCALE = flags.DEFINE_bool("rescale", False, "Dynamic weight rescaling: by weights / ones in the mask, each layer.")
INITIAL_LOGIT = flags.DEFINE_list("initial_logit", ["0"], "Where the logits start; the paper's sweep is -5 to 5.")
L1 = flags.DEFINE_float("l1", 0.0, "Factor of the L1 penalty on the sum of all mask probabilities.")
KEPT_FRACTION = flags.DEFINE_list("kept_fraction", [], "edge_popup: the share of each layer that is kept.")
EPOCHS = flags.DEFINE_integer("epochs", None, "Length of each training in epochs of whole batches.")

RATES = {"adam": 0.1, "sgd": 100.0}  # where no learning rate is given; momentum has the paper's of each network
EDGE_POPUP_RATE = 0.1  # its scores are of the size of weights, not of logits


def main() -> None:
    choose(NETWORKS, common_flags.NETWORK.value, "network")
    choose(DATASETS, common_flags.DATASET.value, "data set")
    wanted, training, seeds = masks_from_flags(), training_from_flags(), common_flags.seeds_from_flags()
    common_flags.start_tensorflow()
    from analysis import summary
    from lottery_tf import data
    from lottery_tf.mask_learning import paper_learner
    from lottery_tf.store import finished

    network, name = common_flags.NETWORK.value, common_flags.DATASET.value
    dataset = data.load(name, common_flags.DATA_DIR.value, NETWORKS[network].image_shape)
    with Progress(len(wanted) * len(seeds) * training.iterations) as progress:
        learner = paper_learner(
            network,
            dataset,
            wanted[0],
            training,
            common_flags.RESULTS_DIR.value,
            snapshot_seconds=common_flags.SNAPSHOT_SECONDS.value,
            on_steps=progress.steps,
        )
        for settings in wanted:
            learner = learner.of(settings)
            for seed in seeds:
                progress.one(
                    lambda seed=seed, learn=learner.learn: learn(seed),
                    f"seed {seed} {settings.name}",
                    training.iterations,
                )
    below = Path(common_flags.RESULTS_DIR.value) / folder(network, name)
    places = {below / place(settings, training, seed) for settings in wanted for seed in seeds}
    print(summary.learned_masks(metrics for path in sorted(places) for metrics in finished(path, "learned_mask")))
    print(f"\nTo watch: tensorboard --logdir {common_flags.RESULTS_DIR.value}")


def masks_from_flags() -> list[MaskSettings]:
    """Every combination of the lists; raises InputError for one that cannot be or is given twice."""
    if G.value == "edge_popup" and not KEPT_FRACTION.value:
        raise InputError("--g=edge_popup wants --kept_fraction.")
    if G.value == "edge_popup" and INITIAL_LOGIT.present:
        raise InputError("--initial_logit does not go with --g=edge_popup, whose scores start at random.")
    logits = [_logit(text) for text in INITIAL_LOGIT.value]
    kept = [_number(text, "kept_fraction") for text in KEPT_FRACTION.value] or [None]
    wanted = [
        MaskSettings(weights, G.value, RESCALE.value, logit, L1.value, share)
        for weights, logit, share in itertools.product(WEIGHTS.value, logits, kept)
    ]
    if not wanted:
        raise InputError("--weights and --initial_logit each want at least one value.")
    named = [settings.name for settings in wanted]
    if twice := [name for name in named if named.count(name) > 1]:
        raise InputError(f"The mask {twice[0]} is asked for more than once.")
    return wanted


def _logit(text: str) -> float | tuple[tuple[str, float], ...]:
    if "=" not in text:
        return _number(text, "initial_logit")
    pairs = [part.partition("=") for part in text.split("+")]
    return tuple((f"{name}/kernel", _number(value, "initial_logit")) for name, _, value in pairs)


def _number(text: str, flag: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InputError(f"--{flag} wants numbers; {text!r} is none.") from None


def training_from_flags() -> TrainingSettings:
    """How masks are trained: the paper's settings, with what the flags say otherwise."""
    table = NETWORKS[common_flags.NETWORK.value]
    batch_size = MASK_BATCH if common_flags.BATCH_SIZE.value is None else common_flags.BATCH_SIZE.value
    optimizer = common_flags.OPTIMIZER.value or MASK_OPTIMIZER
    rate = EDGE_POPUP_RATE if G.value == "edge_popup" else RATES.get(optimizer, table.mask_learning_rate)
    given = common_flags.LEARNING_RATE.value
    return TrainingSettings(
        _iterations(table.mask_iterations, batch_size),
        rate if given is None else given,
        optimizer,
        batch_size,
        common_flags.EVAL_INTERVAL.value,
    )


def _iterations(default: int, batch_size: int) -> int:
    if EPOCHS.value is None:
        return default if common_flags.ITERATIONS.value is None else common_flags.ITERATIONS.value
    if common_flags.ITERATIONS.value is not None:
        raise InputError("Give --epochs or --iterations, not both.")
    table = DATASETS[common_flags.DATASET.value]
    images = table.train - table.validation
    if not 1 <= batch_size <= images:
        raise InputError(f"--batch_size is {batch_size}; it must be 1 to {images}, the number of training images.")
    return EPOCHS.value * (images // batch_size)


if __name__ == "__main__":
    console.run(main)
