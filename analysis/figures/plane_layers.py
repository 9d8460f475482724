"""The layers whose weights are drawn in the plane of initial and final weights: trained ones and the cartoon."""

from __future__ import annotations

import dataclasses
import functools
import logging
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import numpy as np
import scipy

from analysis.results.load import completed
from lottery_tf import registry
from lottery_tf.errors import DamagedFile
from lottery_tf.results.paths import WEIGHTS, parse_result_path
from lottery_tf.results.result_files import read_metrics, read_result
from lottery_tf.results.stored_result import StoredResult
from lottery_tf.results.walk import result_folders
from lottery_tf.seeds import generator

log = logging.getLogger(__name__)

CORRELATION = 0.6  # between initial and final weights in the cartoons
CARTOON_LIMIT = 3.0  # limit of the cartoons' axes, in standard deviations
SAMPLE = 8_000  # weights that represent a layer; a row of points of the plane adds 2% to them
GRID_POINTS = 160  # points along each axis of the plane; even, so that none lies on an axis, where the sign is 0


@dataclasses.dataclass(frozen=True)
class Layer:
    """Initial and final weights of one layer.

    Attributes:
      w_i, w_f: (n,) floats.
      limits: the limits of the plane's two axes, which go from -limit to limit.
      title: the layer's name; empty for the cartoons.
    """

    w_i: np.ndarray
    w_f: np.ndarray
    limits: tuple[float, float]
    title: str = ""

    @property
    def grid(self) -> tuple[np.ndarray, np.ndarray]:
        """The coordinates of the plane's points: w_i and w_f, each in ascending order."""
        w_i, w_f = (np.linspace(-limit, limit, GRID_POINTS) for limit in self.limits)
        return w_i, w_f


@functools.cache
def cartoon() -> Layer:
    """Returns the layer of the paper's cartoons: standard normal initial and final weights, positively correlated."""
    # A low-discrepancy sequence fills the ellipse evenly; its first point is the corner where the quantile is infinite.
    u = scipy.stats.norm.ppf(scipy.stats.qmc.Halton(2, scramble=False).random(SAMPLE + 1)[1:])
    w_i, w_f = u[:, 0], CORRELATION * u[:, 0] + np.sqrt(1 - CORRELATION**2) * u[:, 1]
    return Layer(w_i, w_f, (CARTOON_LIMIT, CARTOON_LIMIT))


def trained_layer(root: str | Path, layer: str | None = None, **chosen: Collection[str]) -> Layer | None:
    """Returns the weights of one layer of the first dense network below a folder that kept its weights and has it.

    Damaged files are skipped with a warning. Networks whose training diverged are skipped too.

    Args:
      root: a results folder, or any folder within one.
      layer: the name of the layer's kernel; None takes the largest.
      **chosen: the networks (`network`), schedules and precisions from which to choose; see `Results.only`.

    Returns:
      At most `SAMPLE` weights, chosen at random but always the same; None if no dense network kept its weights.

    Raises:
      InputError: dense networks kept their weights, but none of them has such a layer.
    """
    others: dict[str, None] = {}  # the layers of networks without the wanted one
    for folder, dense in _dense_networks(Path(root), chosen):
        kernels = {name: value for name, value in dense.start.items() if value.ndim > 1}
        name = max(kernels, key=lambda name: kernels[name].size, default=None) if layer is None else layer
        if name not in kernels:
            others |= dict.fromkeys(kernels)
            continue
        start, final = kernels[name].ravel(), dense.final[name].ravel()
        if not np.isfinite(final).all():
            continue
        sample = generator(0, "weights of a plane").permutation(start.size)[:SAMPLE]
        w_i, w_f = (values[sample].astype(np.float64) for values in (start, final))
        limits = tuple(1.1 * float(np.quantile(np.abs(values), 0.999)) for values in (w_i, w_f))
        result = parse_result_path(folder)
        return Layer(w_i, w_f, limits, f"{name.removesuffix('/kernel')} of {result.experiment}, seed {result.seed}")
    if others and layer not in others:
        registry.choose(others, layer, "layer")
    return None


def _dense_networks(root: Path, chosen: Mapping[str, Collection[str]]) -> Iterator[tuple[Path, StoredResult]]:
    """Yields the chosen dense networks that kept their weights, with their folders."""
    for folder in result_folders(root):
        result = parse_result_path(folder)
        if not result or (result.treatment, result.level) != ("", 0) or not (folder / WEIGHTS).exists():
            continue
        try:
            metrics = completed(folder, read_metrics(folder))
            if any(wanted and metrics.get(column) not in wanted for column, wanted in chosen.items()):
                continue
            if (dense := read_result(folder, weights=True)) is not None:  # None: deleted meanwhile
                yield folder, dense
        except DamagedFile as error:
            log.warning("%s It is left out.", error)
