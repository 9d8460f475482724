"""Measures training steps per second in float32 and in half precision."""

from __future__ import annotations

import dataclasses
import os
import statistics
from collections.abc import Callable

from lottery_tf.command_line.text_tables import text_table
from lottery_tf.masking import conversion
from lottery_tf.models import networks
from lottery_tf.models.settings import PRECISIONS, experiment_settings
from lottery_tf.supermasks.masked_model import MaskedModel
from lottery_tf.system import hardware
from runs.benchmarks.throughput import INTERVAL, KerasFit, TrainingCase, alternating, fit_alone, loop, made_up_data

# The larger networks take fewer steps: too few for a reading of the validation loss, which is left out there.
CASES = tuple(
    TrainingCase(name, "cifar10", steps, steps)
    for name, steps in (("conv2", 2 * INTERVAL), ("conv4", 60), ("conv6", 45))
)
HALF_PRECISION = "mixed_bfloat16"
VALIDATED = f"this loop, masked, validated every {INTERVAL}"


def run(repeats: int) -> None:
    """Prints for each network the steps per second in both types and their ratio; measurements alternate."""
    machine = f"{os.cpu_count()} cores, {hardware.describe_processor()}"
    print(f"{machine}. {PRECISIONS[HALF_PRECISION]}. Medians of {repeats}.\n")
    for case in CASES:
        _print(case, alternating(_figures(case), repeats))


def _figures(case: TrainingCase) -> dict[tuple[str, str], Callable[[], float]]:
    """Returns the measurements by name and precision."""
    dataset, found = made_up_data(case), {}
    for precision in ("float32", HALF_PRECISION):
        made = experiment_settings(case.network, case.dataset, str(case.loop_steps), eval_interval=INTERVAL).training
        settings = dataclasses.replace(made, precision=precision)
        measured = dataclasses.replace(case, precision=precision)
        network = networks.build(case.network)
        found |= {
            ("Keras fit, nothing validated", precision): lambda case=measured: fit_alone(case, KerasFit.steady),
            ("this loop, masked, nothing validated", precision): loop(network, dataset, settings, validate=False),
            ("this loop, learning a mask", precision): loop(MaskedModel(network), dataset, settings, validate=False),
        }
        if case.loop_steps >= INTERVAL:
            found[VALIDATED, precision] = loop(conversion.masked(network), dataset, settings, validate=True)
    return found


def _print(case: TrainingCase, taken: dict[tuple[str, str], list[float]]) -> None:
    """Prints the speeds in both precisions, and the fraction of the time that validation takes."""
    print(
        f"{case.network}, batch {experiment_settings(case.network, case.dataset).training.batch_size}, steps per second"
    )
    rows = [("", "float32", HALF_PRECISION, "ratio")]
    for name in dict.fromkeys(name for name, _ in taken):
        single, half = (statistics.median(taken[name, precision]) for precision in ("float32", HALF_PRECISION))
        rows.append((name, f"{single:.2f}", f"{half:.2f}", f"{half / single:.2f}"))
    print(text_table(rows, indent="  "))
    for precision in ("float32", HALF_PRECISION) if (VALIDATED, HALF_PRECISION) in taken else ():
        without = statistics.median(taken["this loop, masked, nothing validated", precision])
        share = 1 - statistics.median(taken[VALIDATED, precision]) / without
        print(f"  validation takes {share:.0%} of a training in {precision}")
    print(flush=True)
