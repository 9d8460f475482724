"""Gates: functions from mask logits to a binary mask, with a straight-through gradient.

A gate is the paper's g(m). The table `mask_settings.GATES`, which loads without TensorFlow, lists the gates. Each is
the function of its name here, with these parameters:

  logits      m, in the kernel's shape
  uniform     random numbers in [0, 1) in the same shape
  kept_count  how many weights of the layer `edge_popup` keeps
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf


@tf.custom_gradient
def straight_through(binary, smooth):
    """Returns `binary`; in the backward pass its gradient goes to `smooth`."""
    return tf.identity(binary), lambda upstream: (tf.zeros_like(binary), upstream)


def bernoulli(logits, uniform, kept_count):
    """1 with probability sigmoid(m), else 0, as in the paper; the gradient is that of sigmoid(m)."""
    probability = tf.sigmoid(logits)
    return straight_through(tf.cast(uniform < probability, logits.dtype), probability)


def rounded(logits, uniform, kept_count):
    """sigmoid(m), rounded (0.5 to 1); the gradient is that of sigmoid(m). The paper finds it slightly worse."""
    return straight_through(tf.cast(logits >= 0, logits.dtype), tf.sigmoid(logits))


def edge_popup(logits, uniform, kept_count):
    """1 for the `kept_count` highest scores m of the layer; the gradient is that of m (Ramanujan et al., 2020)."""
    return straight_through(tf.cast(_highest(logits, kept_count), logits.dtype), logits)


def _highest(scores, count: int):
    """Returns True for the `count` highest float32 scores, and for all that equal the lowest of them.

    This lowest score is found by bisection over the 32 bits of a float, with one pass over the scores for each bit. On
    a CPU this is much faster than XLA's sort.
    """
    bits = tf.bitcast(scores, tf.int32)
    keys = tf.where(bits < 0, bits ^ np.int32(0x7FFFFFFF), bits)  # integers with the same order as the floats
    steps = tf.constant([0] + [1 << bit for bit in range(30, -1, -1)], tf.int32)  # the first step finds the sign

    def raise_if_enough(index, threshold):
        raised = tf.where(index == 0, 0, threshold + steps[index])
        enough = tf.reduce_sum(tf.cast(keys >= raised, tf.int32)) >= count
        return index + 1, tf.where(enough, raised, threshold)

    lowest = tf.constant(np.iinfo(np.int32).min)
    _, threshold = tf.while_loop(lambda index, _: index < 32, raise_if_enough, (tf.constant(0), lowest))
    return keys >= threshold
