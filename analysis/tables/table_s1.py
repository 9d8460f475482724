"""Makes Table S1 of the paper, the networks and how they are trained, from the project's settings."""

from __future__ import annotations

import math
from collections.abc import Callable

import pandas as pd

from analysis.tables.formats import Table
from analysis.tables.table1 import published
from lottery_tf.models.table_s1 import NETWORKS, NetworkSettings


def kernel_shapes(settings: NetworkSettings) -> list[tuple[int, ...]]:
    """Returns the shapes of a network's kernels: 3x3 convolutions (2x2 pooling after each pair), then dense layers.

    >>> kernel_shapes(NETWORKS["fc"])
    [(784, 300), (300, 100), (100, 10)]
    """
    height, width, channels = settings.image_shape
    convolutions = list(zip((channels, *settings.conv), settings.conv, strict=False))
    pooled = 2 ** (len(settings.conv) // 2)
    flat = (height // pooled) * (width // pooled) * (settings.conv[-1] if settings.conv else channels)
    return [(3, 3, *pair) for pair in convolutions] + list(zip((flat, *settings.dense), settings.dense, strict=False))


def table_s1() -> pd.DataFrame:
    """Returns Table S1: one row for each property, and one column for each network of the paper's table."""
    rows = published()
    networks = rows.loc[rows["place"] == "Table S1", "network"].unique()
    columns = {name: [describe(NETWORKS[name]) for describe in S1_ROWS.values()] for name in networks if name}
    return pd.DataFrame({"": list(S1_ROWS), **columns})


def _convolutions(settings: NetworkSettings) -> str:
    pairs = zip(settings.conv[::2], settings.conv[1::2], strict=True)
    return ", ".join(f"{first}, {second}, pool" for first, second in pairs) or "none"


def _weights(settings: NetworkSettings) -> str:
    sizes = [math.prod(shape) for shape in kernel_shapes(settings)]
    convolutional = sum(sizes[: len(settings.conv)])
    return f"{sum(sizes):,}" + (f" / {convolutional:,}" if convolutional else "")


def _pruned(settings: NetworkSettings) -> str:
    shares = {"conv": settings.conv_pruned_fraction} if settings.conv else {}
    shares |= {"dense": settings.dense_pruned_fraction, "output": settings.output_pruned_fraction}
    return ", ".join(f"{kind} {share:.0%}" for kind, share in shares.items())


S1_ROWS: dict[str, Callable[[NetworkSettings], str]] = {
    "convolutional layers": _convolutions,
    "dense layers": lambda settings: ", ".join(map(str, settings.dense)),
    "all / convolutional weights": _weights,
    "iterations / batch": lambda settings: f"{settings.iterations:,} / {settings.batch_size}",
    "optimizer": lambda settings: f"{settings.optimizer.capitalize()} {settings.learning_rate:g}",
    "pruned a round": _pruned,
    "learning rate / iterations of masks": lambda settings: (
        f"{settings.mask_learning_rate:g} / {settings.mask_iterations:,}"
    ),
}


def table_s1_table() -> Table:
    """Returns Table S1 with its caption."""
    properties = table_s1()
    return Table("Table S1: architectures and training", properties, properties)
