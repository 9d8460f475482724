"""The settings of measurements. Importing this module does not import TensorFlow."""

from __future__ import annotations

import dataclasses
from typing import Annotated

from lottery_tf.argument_checks.annotation_checks import check_fields
from lottery_tf.argument_checks.validation import COUNT, FRACTION, INDEX, POSITIVE, SHARE, at_least
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
      multiples: lengths of the perturbations, as multiples of the projection's length; each takes a training.
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
    points: Annotated[int, at_least(2)] = POINTS
    batch_norm_images: Annotated[int, INDEX] = 5000
    tolerance: Annotated[float, SHARE] = MATCHING
    images: Annotated[int, COUNT] = 1000
    eigenvalues: Annotated[int, COUNT] = 10
    probes: Annotated[int, COUNT] = 5
    lanczos_steps: Annotated[int, COUNT] = 20
    multiples: tuple[Annotated[float, POSITIVE], ...] = (1.0, 2.0)
    directions: Annotated[int, COUNT] = 1
    copies: Annotated[int, COUNT] = 1
    precision: Annotated[float, FRACTION] = 0.01
    retrained_precision: Annotated[float, FRACTION] | None = None
    bins: Annotated[int, COUNT] = 50

    def __post_init__(self) -> None:
        check_fields(self)
        if not self.multiples:
            raise InputError("multiples is empty; it must have one or more finite numbers above 0.")
        if len(set(self.multiples)) < len(self.multiples):
            raise InputError(f"multiples are {self.multiples}; no number may occur twice.")


EVALUATION = ("split", "batch_norm_images")  # the settings that every error depends on
SUCCESSIVE, REORDERED = "successive", "reordered"  # relations of the ends of a line: how its second end was made
SPECTRUM_SETTINGS = ("images", "eigenvalues", "probes", "lanczos_steps")  # the settings that a spectrum depends on
