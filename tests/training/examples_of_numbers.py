"""Rows of numbers with labels, split into three, and settings of a training on them."""

import numpy as np

import lottery_tf as lt

SETTINGS = lt.TrainingSettings(iterations=12, learning_rate=0.01, batch_size=20, eval_interval=6)
RNG = np.random.default_rng(0)
NUMBERS = RNG.normal(size=(120, 5)).astype(np.float32)
LABELS = RNG.integers(0, 3, 120)


def splits(images, labels, **options):
    """60, 30 and 30 of some examples."""
    cuts = (slice(0, 60), slice(60, 90), slice(90, 120))
    whole = lt.Split(images, labels)
    return lt.Dataset(*(whole.take(np.arange(120)[cut]) for cut in cuts), **options)
