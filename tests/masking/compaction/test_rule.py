"""The activations that are listed as elementwise are elementwise."""

import keras
import numpy as np

from lottery_tf.masking.compaction.rule import ELEMENTWISE


def test_activations_of_one_number_at_a_time():
    numbers = np.linspace(-3, 3, 50, dtype=np.float32)
    for activation in ELEMENTWISE:
        together = np.asarray(activation(keras.ops.convert_to_tensor(numbers)))
        alone = [float(activation(keras.ops.convert_to_tensor([number]))[0]) for number in numbers]
        np.testing.assert_allclose(together, alone, rtol=1e-5, atol=1e-7)
