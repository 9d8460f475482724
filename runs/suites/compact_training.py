"""What training without the units that nobody hears saves: the same rounds of pruning with it and without, side by side."""

from __future__ import annotations

import dataclasses
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np

from lottery_tf import processes
from lottery_tf.settings import NETWORKS, run_settings
from lottery_tf.treatments import Treatment


@dataclasses.dataclass(frozen=True)
class Case:
    """Rounds of `large_final` on fc."""

    dataset: str
    schedule: str
    levels: int


CASE = Case("mnist", "paper", 24)


@dataclasses.dataclass(frozen=True)
class Ladder:
    """What one way of training took and came to; arrays hold a value for each level, the dense network's first.

    Attributes:
      wall: seconds from the first level's beginning to the last one's end.
      cpu: processor seconds of the whole process meanwhile.
      seconds: spent on each level.
      kept_fraction: of each level, in [0, 1].
      accuracy: test accuracy at each level's early stop, in [0, 1].
      masks: whether each weight is kept, a row a level.
    """

    wall: float
    cpu: float
    seconds: np.ndarray
    kept_fraction: np.ndarray
    accuracy: np.ndarray
    masks: np.ndarray


def run(repeats: int) -> None:
    """Trains the case both ways at once, one thread each, as often as it is to be repeated, and prints the difference."""
    print(
        f"fc on {CASE.dataset}, {CASE.schedule} schedule, large_final, {CASE.levels} levels: trained whole and without the "
        f"units that nobody hears, at the same time, one thread each; repeats: {repeats}."
    )
    ratios = []
    for seed in range(repeats):
        with ProcessPoolExecutor(2, get_context("spawn")) as pool:
            whole, compact = pool.map(train, [CASE] * 2, [False, True], [seed] * 2)
        ratios.append(whole.wall / compact.wall)
        print(f"\nseed {seed}\n{table(whole, compact)}", flush=True)
    print(f"\n{statistics.median(ratios):.3f} times as fast from end to end.")


def train(case: Case, compacts: bool, seed: int) -> Ladder:
    """Trains a case in this process, which is a new one.

    Args:
      case: what is trained.
      compacts: whether units that nobody hears are left out where that is worth it.
      seed: the run's.
    """
    processes.start_tensorflow(1)
    from lottery_tf import data, networks
    from lottery_tf.pruning import Experiment

    settings = run_settings("fc", case.dataset, case.schedule)
    dataset = data.load(case.dataset, image_shape=NETWORKS["fc"].image_shape)
    experiment = Experiment(networks.build("fc"), dataset, settings.training, settings.pruning)
    if not compacts:
        experiment.compact_training = experiment.trainer
    wall, cpu, levels, masks = time.perf_counter(), time.process_time(), [], []
    for level in experiment.levels(Treatment(), seed, case.levels):
        levels.append(level.metrics)
        masks.append(np.concatenate([kept.ravel() for kept in level.mask.values()]))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    columns = (np.array([level[name] for level in levels]) for name in ("seconds", "kept_fraction", "test_accuracy"))
    return Ladder(wall, cpu, *columns, np.array(masks))


def table(whole: Ladder, compact: Ladder) -> str:
    """Both ways level by level, and in all."""
    lines = [f"{'level':>5} {'kept %':>7} {'seconds':>16} {'ratio':>6} {'test accuracy %':>17} {'masks equal':>12}"]
    for level, kept in enumerate(whole.kept_fraction):
        a, b = whole.seconds[level], compact.seconds[level]
        both = whole.masks[level] & compact.masks[level]
        equal = both.sum() / whole.masks[level].sum()
        accuracies = f"{100 * whole.accuracy[level]:.2f} > {100 * compact.accuracy[level]:.2f}"
        lines.append(
            f"{level:5} {100 * kept:7.2f} {f'{a:.1f} > {b:.1f}':>16} {a / b:6.2f} {accuracies:>17} {equal:12.4f}"
        )
    for name in ("wall", "cpu"):
        a, b = getattr(whole, name), getattr(compact, name)
        lines.append(f"{name}: {a:.0f} > {b:.0f} s, {a / b:.3f} times as fast")
    return "\n".join(lines)
