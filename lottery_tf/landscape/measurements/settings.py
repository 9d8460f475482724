"""The settings of measurements. Importing this module does not import TensorFlow."""

from __future__ import annotations

import dataclasses
import math

from lottery_tf.errors import InputError
from lottery_tf.landscape.interpolation import MATCHING, POINTS


@dataclasses.dataclass(frozen=True)
class MeasurementSettings:
    """The settings of measurements of the error landscape.

    Attributes:
      split: the images that errors and losses are measured on: "train", "validation" or "test".
      points: number of points on each line, including both ends.
      batch_norm_images: number of training images from which batch-norm statistics are recomputed at each point; 0: use
        the average of the statistics of the two ends.
      tolerance: a network matches if its error is at most this much above the dense network's, in [0, 1].
      images: number of training images for the Hessian; the time of a product is proportional to it.
      eigenvalues: number of top eigenvalues of the Hessian.
      probes: number of random vectors for the trace and the spectral density.
      lanczos_steps: number of products with the Hessian for each random vector of the spectral density.
      multiples: lengths of the perturbations, in lengths of the projection; each takes a training.
      directions: number of random directions in which a rewind point is perturbed.
      copies: number of further trainings of a level, each with another order of images, for instability analysis.
      precision: how exactly the largest fraction that can be pruned is predicted, and found without retraining.
      retrained_precision: how exactly the largest fraction that can be pruned is found with retraining, which takes
        log2(1 / precision) trainings for each criterion and level; None: no search with retraining.
      bins: number of bins of the histograms of magnitudes.

    Raises:
      InputError: a value is invalid.
    """

    split: str = "test"
    points: int = POINTS
    batch_norm_images: int = 5000
    tolerance: float = MATCHING
    images: int = 1000
    eigenvalues: int = 10
    probes: int = 5
    lanczos_steps: int = 20
    multiples: tuple[float, ...] = (1.0, 2.0)
    directions: int = 1
    copies: int = 1
    precision: float = 0.01
    retrained_precision: float | None = None
    bins: int = 50

    def __post_init__(self) -> None:
        least = {"points": 2, "batch_norm_images": 0} | dict.fromkeys(
            ("images", "eigenvalues", "probes", "lanczos_steps", "directions", "copies", "bins"), 1
        )
        for name, value in least.items():
            if getattr(self, name) < value:
                raise InputError(f"{name} is {getattr(self, name)}; it must be at least {value}.")
        for name in ("precision", "retrained_precision"):
            if (value := getattr(self, name)) is not None and not 0 < value < 1:
                raise InputError(f"{name} is {value}; it must lie between 0 and 1, both excluded.")
        if not 0 <= self.tolerance < 1:
            raise InputError(f"tolerance is {self.tolerance}; it must be at least 0 and below 1.")
        if not self.multiples or not all(0 < multiple < math.inf for multiple in self.multiples):
            raise InputError(f"multiples are {self.multiples}; they must be one or more finite numbers above 0.")
        if len(set(self.multiples)) < len(self.multiples):
            raise InputError(f"multiples are {self.multiples}; no number may occur twice.")


EVALUATION = ("split", "batch_norm_images")  # the settings that every error depends on
SPECTRUM = ("images", "eigenvalues", "probes", "lanczos_steps")  # the settings that a spectrum depends on
