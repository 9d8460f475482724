"""The settings of measurements, trained levels to measure, and what is measured of them."""

from lottery_tf.landscape.evaluator import Evaluator
from lottery_tf.landscape.measurements.catalogue import MEASUREMENTS
from lottery_tf.landscape.measurements.measurer import TrainedLevels
from lottery_tf.landscape.measurements.settings import MeasurementSettings
from lottery_tf.models.settings import TrainingSettings
from lottery_tf.pruning.treatments import Treatment

TRAINING = TrainingSettings(iterations=30, learning_rate=0.01, batch_size=40, eval_interval=10)
SETTINGS = MeasurementSettings(points=5, images=50, eigenvalues=3, probes=4, lanczos_steps=10, multiples=(0.5, 2.0),
                               copies=2, precision=0.02, bins=4)  # fmt: skip
LAST = 3


def trained_levels(measurer, treatment=None, seed=0, last=LAST):
    treatment = treatment or Treatment()
    return TrainedLevels(
        treatment, seed, [level.metrics for level in measurer.experiment.levels(treatment, seed, last)]
    )


def measured(measurer, trained, measure, wanted=None):
    return [job.do().metrics for job in MEASUREMENTS[measure].jobs(measurer, trained, wanted)]


def error(measurer, state):
    return Evaluator(measurer.experiment.trainer, "test")(state).error
