"""How the landscape is measured, as data. Imports no TensorFlow."""

from __future__ import annotations

import dataclasses
import math

from lottery_tf.errors import InputError
from lottery_tf.landscape.interpolation import MATCHING, POINTS


@dataclasses.dataclass(frozen=True)
class MeasurementSettings:
    """How the landscape is measured.

    Attributes:
      split: the images that errors and losses are read on: "train", "validation" or "test".
      points: evaluations on each line, both ends among them.
      batch_norm_images: how many training images batch-norm statistics are recomputed from at each point; 0: none, and
        those of the ends are averaged.
      tolerance: how much more error than the dense network's still matches, in [0, 1].
      images: training images that the Hessian is of; a product's time grows as they do.
      eigenvalues: how many of the Hessian's greatest eigenvalues are found.
      probes: random vectors for the trace and the spectral density.
      lanczos_steps: products with the Hessian for each probe of the density.
      multiples: lengths of perturbations, in lengths of the mask's projection; a training for each.
      directions: how many random directions a rewind point is perturbed in.
      copies: how many further trainings from one start, each in another order, instability analysis compares.
      precision: how exactly the largest fraction that can be pruned is predicted, and found without retraining.
      retrained_precision: how exactly it is found with retraining, which takes log2(1 / precision) trainings for each
        criterion and level; None: it is not searched for.
      bins: bins of the histograms of magnitudes.

    Raises:
      InputError: a value that cannot be.
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
            raise InputError(f"tolerance is {self.tolerance}; it is a share of the images, at least 0 and below 1.")
        if not self.multiples or not all(0 < multiple < math.inf for multiple in self.multiples):
            raise InputError(f"multiples are {self.multiples}; they want at least one finite number above 0.")
        if len(set(self.multiples)) < len(self.multiples):
            raise InputError(f"multiples are {self.multiples}; each may be there once.")


EVALUATION = ("split", "batch_norm_images")  # the settings that every error depends on
SPECTRUM = ("images", "eigenvalues", "probes", "lanczos_steps")  # those that a spectrum depends on
