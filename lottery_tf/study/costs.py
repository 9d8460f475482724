"""What a unit of work takes of a machine: threads, memory and time, as measured, for plans and for schedulers.

Measured on two x86-64 cores with TensorFlow 2.21, every core busy; what a results folder says of its own machine is
taken first. Imports no TensorFlow.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

from lottery_tf.study.work import Work


@dataclasses.dataclass(frozen=True)
class Cost:
    """What one network takes.

    Attributes:
      threads: threads a process at which a machine's cores together train the most.
      memory: bytes at the peak of a process.
      images_per_second: training images, with validation every 100 iterations, in such a process.
      evaluations_per_second: networks evaluated on validation and test images together.
    """

    threads: int
    memory: int
    images_per_second: float
    evaluations_per_second: float


COSTS = {
    "fc": Cost(1, 1_300_000_000, 45_000, 10.0),
    "conv2": Cost(2, 2_200_000_000, 540, 0.1),
    "conv4": Cost(2, 2_200_000_000, 480, 0.1),
    "conv6": Cost(2, 2_200_000_000, 430, 0.1),
    "resnet20": Cost(2, 1_600_000_000, 280, 0.1),
    "vgg19": Cost(2, 2_200_000_000, 60, 0.02),
}


def measured(works: Mapping[str, Work], finished: Iterable[dict]) -> dict[str, float]:
    """Training images per second of each network, from finished results.

    Args:
      works: units by their key.
      finished: pairs of a key and a result's metrics, which say how many seconds it took.
    """
    images: dict[str, float] = {}
    seconds: dict[str, float] = {}
    for key, metrics in finished:
        work = works[key]
        if work.iterations and metrics.get("seconds"):
            images[work.network] = images.get(work.network, 0) + work.iterations * work.batch_size
            seconds[work.network] = seconds.get(work.network, 0) + metrics["seconds"]
    return {network: images[network] / seconds[network] for network in images}


def seconds(work: Work, images_per_second: Mapping[str, float]) -> float:
    """How long a unit takes in one process.

    Args:
      work: the unit.
      images_per_second: what was measured here, by network; the table is taken for others.
    """
    cost = COSTS[work.network]
    training = work.iterations * work.batch_size / images_per_second.get(work.network, cost.images_per_second)
    return training + work.evaluations / cost.evaluations_per_second
