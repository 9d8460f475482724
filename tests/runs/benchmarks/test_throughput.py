"""Training steps per second: what is counted, and the whole suite on a tiny case; the speed is not asserted."""

import re

import keras
import pytest
from shared import tiny_network

import lottery_tf as lt
from runs.benchmarks import throughput


def test_operations_are_those_of_the_products():
    """Counted output by output: a product and a sum for each weight it reads, in each of three passes, or two."""
    convolution = lt.MaskedConv2D(4, (3, 2), name="convolution")
    model = keras.Sequential([keras.Input((5, 6, 2)), convolution, keras.layers.Flatten(), lt.MaskedDense(3)])
    outputs, read = 0, 0
    for _row in range(5 - 3 + 1):
        for _column in range(6 - 2 + 1):
            outputs, read = outputs + 4, read + 4 * 3 * 2 * 2
    assert throughput.training_flops(model, 7) == 7 * 2 * (2 * read + 3 * outputs * 3)
    assert throughput.training_flops(tiny_network(), 10) == 10 * 2 * (2 * 36 * 12 + 3 * 12 * 3)


def test_made_up_images_have_the_sizes_of_the_data_set():
    data = throughput.made_up_data(throughput.TrainingCase("conv2", "digits", 0, 0))
    assert [split.images.shape for split in (data.train, data.validation, data.test)] == [
        (size, 32, 32, 3) for size in (1200, 300, 297)
    ]
    assert {*data.train.labels.tolist()} == {*range(10)}


@pytest.mark.slow
def test_throughput(monkeypatch, capsys):
    monkeypatch.setattr(throughput, "CASES", (throughput.TrainingCase("fc", "digits", 2 * throughput.INTERVAL, 20),))
    # One of the three in a process of its own, as all are: TensorFlow takes seconds to load.
    ways = iter((throughput.fit_alone, throughput._fit_here, throughput._fit_here))
    monkeypatch.setattr(throughput, "fit_alone", lambda case, figure: next(ways)(case, figure))
    throughput.run(repeats=1)
    printed = capsys.readouterr().out
    speeds = [float(speed) for speed in re.findall(r"  ([0-9.]+) \[[0-9.]+, [0-9.]+\] ", printed)]
    assert len(speeds) == 6
    assert "68 MFLOP per step" in printed  # 6 operations a weight and image, but 4 in the first layer
    assert "GFLOP/s" in printed
