"""Invalid settings of measurements are refused."""

import numpy as np
import pytest

from lottery_tf.errors import InputError
from lottery_tf.landscape.measurements.settings import MeasurementSettings

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"points": 1}, "points is 1; it must be at least 2"),
        ({"images": 0}, "images is 0; it must be at least 1"),
        ({"batch_norm_images": -1}, "batch_norm_images is -1"),
        ({"precision": 1.0}, "precision is 1.0; it must lie between 0 and 1"),
        ({"retrained_precision": 0.0}, "retrained_precision is 0.0"),
        ({"tolerance": -0.1}, "tolerance is -0.1"),
        ({"multiples": ()}, "one or more finite numbers above 0"),
        ({"multiples": (1.0, 0.0)}, r"multiples\[1\] is 0.0; it must be a finite number above 0"),
        ({"multiples": (np.inf,)}, r"multiples\[0\] is inf; it must be a finite number above 0"),
        ({"multiples": (2.0, 1.0, 2.0)}, "no number may occur twice"),
    ],
)
def test_settings_that_cannot_be_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        MeasurementSettings(**change)
