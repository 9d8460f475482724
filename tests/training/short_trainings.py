"""The settings of a short training, tickets for it, and what stands for its end."""

import dataclasses

import numpy as np

from lottery_tf.masking import initial_weights, model_weights
from lottery_tf.models.settings import TrainingSettings
from lottery_tf.pruning.treatments import Ticket

SETTINGS = TrainingSettings(iterations=25, learning_rate=0.01, batch_size=40, eval_interval=10)


def half_ticket(model, seed=0):
    """Random starting weights, half of them frozen where they are."""
    rng = np.random.default_rng(seed)
    start = initial_weights.initial_weights(model, model_weights.get_weights(model), seed)
    return Ticket(
        start, {name: rng.random(kernel.shape) < 0.5 for name, kernel in model_weights.kernels(model).items()}
    )


CHANGING = dataclasses.replace(
    SETTINGS, optimizer="sgd", weight_decay=1e-3, learning_rate_drops=(12,), augmentation="flip_and_crop"
)  # without moments: what an optimizer remembers is not rewound


class Stopped(Exception):
    """Stands for the process being killed."""
