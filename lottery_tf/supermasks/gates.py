"""Gates: functions from mask logits to a binary mask, with a straight-through gradient.

Gates are the paper's g(m). `mask_settings.GATES` lists them by name, where no TensorFlow is imported.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf


@tf.custom_gradient
def straight_through(binary, smooth):
    """Returns `binary` exactly, but passes its gradient on to `smooth`."""
    return tf.identity(binary), lambda upstream: (tf.zeros_like(binary), upstream)


def bernoulli(logits, uniform, kept_count):
    """1 with probability sigmoid(m); the gradient is that of sigmoid(m) (the paper's choice)."""
    probability = tf.sigmoid(logits)
    return straight_through(tf.cast(uniform < probability, logits.dtype), probability)


def rounded(logits, uniform, kept_count):
    """sigmoid(m) rounded, halves up; the gradient is that of sigmoid(m) (slightly worse, says the paper)."""
    return straight_through(tf.cast(logits >= 0, logits.dtype), tf.sigmoid(logits))


def edge_popup(logits, uniform, kept_count):
    """1 for the `kept_count` highest scores m of the layer; the gradient is that of m (Ramanujan et al., 2020)."""
    return straight_through(tf.cast(_highest(logits, kept_count), logits.dtype), logits)


def _highest(scores, count: int):
    """True for the `count` highest float32 scores, and for any that are equal to the lowest of these.

    That lowest score is found by bisection over the 32 bits of a float: one pass over the scores for each bit takes a
    fraction of the time of XLA's sort on a CPU.
    """
    bits = tf.bitcast(scores, tf.int32)
    keys = tf.where(bits < 0, bits ^ np.int32(0x7FFFFFFF), bits)  # integers in the order of the floats
    steps = tf.constant([0] + [1 << bit for bit in range(30, -1, -1)], tf.int32)  # the first step only finds the sign

    def raise_if_enough(index, threshold):
        raised = tf.where(index == 0, 0, threshold + steps[index])
        enough = tf.reduce_sum(tf.cast(keys >= raised, tf.int32)) >= count
        return index + 1, tf.where(enough, raised, threshold)

    lowest = tf.constant(np.iinfo(np.int32).min)
    _, threshold = tf.while_loop(lambda index, _: index < 32, raise_if_enough, (tf.constant(0), lowest))
    return keys >= threshold
