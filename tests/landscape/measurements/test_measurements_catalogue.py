"""Which treatments can be measured; the table loads no TensorFlow."""

import subprocess
import sys

import pytest
from measured_levels import LAST, trained_levels
from shared import HANG_SECONDS, ROOT

from lottery_tf.errors import InputError
from lottery_tf.landscape.measurements.catalogue import MEASUREMENTS
from lottery_tf.pruning.treatments import Treatment

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("measure", "treatment", "message"),
    [
        ("flatness", Treatment(mask0="init"), "needs the mask-0 action 'zero'"),
        ("limit", Treatment(mask0="hybrid"), "needs the mask-0 action 'zero'"),
        ("robustness", Treatment(mask1="finetune"), "needs a rewind point"),
        ("robustness", Treatment(rounds="oneshot"), "needs iterative pruning"),
        ("magnitudes", Treatment(rounds="oneshot", chosen_kept_fraction=0.2), "has level 1 only"),
    ],
)
def test_treatments_that_cannot_be_measured_are_refused(measure, treatment, message):
    with pytest.raises(InputError, match=message):
        MEASUREMENTS[measure].check_treatment(measure, treatment)
    MEASUREMENTS[measure].check_treatment(measure, Treatment())
    MEASUREMENTS["lines"].check_treatment("lines", treatment)


def test_each_measurement_has_something_to_do_at_its_levels_and_at_no_other(measurer_at):
    measurer = measurer_at()
    trained = trained_levels(measurer)
    for name, measurement in MEASUREMENTS.items():
        found = [level for level in range(LAST + 1) if list(measurement.jobs(measurer, trained, [level]))]
        assert found == list(measurement.levels(LAST)), name
    assert measurer.made == 0


@pytest.mark.slow
def test_no_tensorflow_is_imported_before_something_is_measured():
    modules = "lottery_tf.landscape.measurements.catalogue, lottery_tf.results.locate"
    code = f"import sys, {modules}; assert 'tensorflow' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=HANG_SECONDS)
