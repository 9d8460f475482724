"""Measures the time of a step that learns a mask, compared with a dense training step."""

from __future__ import annotations

import dataclasses
import statistics

from lottery_tf.command_line.text_tables import text_table
from lottery_tf.masking import conversion
from lottery_tf.models import networks
from lottery_tf.models.settings import TrainingSettings
from lottery_tf.supermasks.masked_model import MaskedModel
from runs.benchmarks.throughput import TrainingCase, alternating, loop, made_up_data

CASES = (TrainingCase("fc", "mnist", 0, 1500), TrainingCase("conv2", "cifar10", 0, 30))
BATCH = 250


def run(repeats: int) -> None:
    """Prints for each network steps per second and the ratio to a dense step; measurements alternate."""
    print(f"Steps per second at batch size {BATCH}, without validation. Medians of {repeats}.")
    for case in CASES:
        dataset = made_up_data(case)
        settings = TrainingSettings(case.loop_steps, 1e-3, "momentum", BATCH, case.loop_steps)
        network = networks.build(case.network)
        dense = conversion.unmasked(network)
        figures = {
            "dense training step, Adam": loop(dense, dataset, dataclasses.replace(settings, optimizer="adam"), False),
            "dense training step, momentum": loop(conversion.unmasked(network), dataset, settings, False),
            "learned mask": loop(MaskedModel(network), dataset, settings, False),
            "learned mask, rescaled": loop(MaskedModel(network, rescale=True), dataset, settings, False),
        }
        taken = alternating(figures, repeats)
        fastest = statistics.median(taken["dense training step, Adam"])
        rows = [(case.network, "steps/s", "x the time of a dense step")]
        for name, values in taken.items():
            speed = statistics.median(values)
            rows.append((name, f"{speed:.1f}", f"{fastest / speed:.2f}"))
        print(text_table(rows), flush=True)
