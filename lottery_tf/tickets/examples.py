"""Tickets in this package, as files of a few kilobytes: winning tickets and Supermasks of real trainings.

To add one, pack it with `runs.ticket` into `example_files`, and add a row to `EXAMPLES`. Imports no TensorFlow.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

from lottery_tf.argument_checks.signatures import checked
from lottery_tf.argument_checks.validation import Name
from lottery_tf.registry import choose

FOLDER = Path(__file__).parent / "example_files"


@checked
@dataclasses.dataclass(frozen=True)
class Example:
    """A ticket in this package.

    Attributes:
      about: a description of a few words.
      network, dataset: the names of its network and data set.
      kept_fraction: the share of all weights that its mask keeps.
      test_accuracy: in [0, 1]; of a winning ticket after its training.
      commands: the commands that made it, before `runs.ticket pack`.
      level: (winning ticket) its level, which decides the order of the images.
      schedule: (winning ticket) the length of its training.
    """

    about: str
    network: str
    dataset: str
    kept_fraction: float
    test_accuracy: float
    commands: tuple[str, ...]
    level: int | None = None
    schedule: str | None = None


_LOTTERY = "python -m runs.lottery --network=fc --dataset=mnist --schedule=tenth --levels=24 --keep=all"
_FOUND = "python -m runs.supermask --network=fc --dataset=mnist --schedule=tenth --criterion=large_final_same_sign"
_LEARNED = "python -m runs.learn_mask --network=fc --dataset=mnist --weights={} --rescale --schedule=22000"
_LEARNED_CONV2 = (
    "python -m runs.learn_mask --network=conv2 --dataset=cifar10_standardized --weights=signed_constant --rescale "
    "--weight_multiplier=0.6 --batch_size=60 --mask_preset=adam_cosine --iterations=8000 --eval_interval=500 "
    "--precision=mixed_bfloat16"
)

EXAMPLES: dict[str, Example] = {
    "fc-mnist-winning-ticket": Example(
        "a winning ticket of large_final, yet to be trained (86% without): a mask over initial weights",
        "fc", "mnist", 0.069545, 0.9833, (_LOTTERY,), level=12, schedule="tenth",
    ),
    "fc-mnist-trained-ticket": Example(
        "a trained ticket of large_final, its weights rounded to float16",
        "fc", "mnist", 0.035853, 0.9805, (_LOTTERY,),
    ),
    "fc-mnist-small-ticket": Example(
        "a trained ticket of large_final with as few weights as possible",
        "fc", "mnist", 0.011976, 0.9749, (_LOTTERY,),
    ),
    "fc-mnist-found-supermask": Example(
        "a Supermask that large_final_same_sign found, on the signed constant; never trained",
        "fc", "mnist", 0.410533, 0.9113, (_FOUND,),
    ),
    "fc-mnist-supermask": Example(
        "a Supermask that was learned on the signed constant, rescaled; its weights never trained",
        "fc", "mnist", 0.268757, 0.9808, (_LEARNED.format("signed_constant"),),
    ),
    "fc-mnist-initial-supermask": Example(
        "a Supermask that was learned on initial weights, rescaled; they were never trained",
        "fc", "mnist", 0.252051, 0.9787, (_LEARNED.format("initial"),),
    ),
    "conv2-cifar10-supermask": Example(
        "a Supermask of a convolutional network, learned on the signed constant, rescaled; its weights never trained",
        "conv2", "cifar10_standardized", 0.170462, 0.6536, (_LEARNED_CONV2,),
    ),
}  # fmt: skip


def examples() -> dict[str, Example]:
    """Returns the tickets in this package, by name.

    >>> ticket = examples()["fc-mnist-supermask"]
    >>> ticket.network, ticket.dataset, f"{ticket.test_accuracy:.2%}", f"{ticket.kept_fraction:.1%}"
    ('fc', 'mnist', '98.08%', '26.9%')
    """
    return dict(EXAMPLES)


@checked
def example(name: Name) -> bytes:
    """Returns the file of a ticket in this package, for `lt.rebuild`; raises InputError for an unknown name.

    >>> example("fc-mnist-supermask")[:7], len(example("fc-mnist-supermask")) < 30_000
    (b'LOTTERY', True)
    """
    choose(EXAMPLES, name, "example")
    return (FOLDER / f"{name}.ticket").read_bytes()
