"""The progress of a training: its history, its best reading, and what a checkpoint keeps of it."""

import math

import numpy as np

from lottery_tf.training.progress import TrainingProgress

NOTHING_READ = (math.nan, math.nan)
LOSSES = [0.9, 0.4, 0.6, 0.4, 0.5]


def recorded(losses):
    progress = TrainingProgress(10, NOTHING_READ)
    for number, loss in enumerate(losses):
        progress.iteration = 10 + 5 * number
        progress.record((loss, 0.5), loss, lambda number=number: [np.full(2, number)])
    return progress


def test_the_first_of_equally_good_readings_is_the_best():
    progress = recorded(LOSSES)
    assert [(row[0], row[3]) for row in progress.history] == [(10 + 5 * n, loss) for n, loss in enumerate(LOSSES)]
    assert (progress.best_iteration, progress.best_loss, progress.lowest_cost) == (15, 0.4, 0.4)
    np.testing.assert_array_equal(progress.best, [[1, 1]])
    assert not progress.diverged


def test_a_loss_that_is_no_number_ends_the_training_and_is_never_the_best():
    for bad in (math.nan, math.inf):
        progress = recorded([0.9, bad])
        assert progress.diverged and progress.best_iteration == 10
        assert recorded([bad]).best, "a training that diverges at once has weights too"


def test_a_checkpoint_gives_the_progress_back():
    progress = recorded(LOSSES)
    progress.seconds = 7.5
    saved = progress.arrays()
    again = TrainingProgress.from_checkpoint(saved, NOTHING_READ)
    assert {name: value.shape for name, value in saved.items()} == {"history": (5, 5), "numbers": (4,), "best/0": (2,)}
    assert TrainingProgress.shapes([(2,)], 5) == {"history": (None, 5), "numbers": (4,), "best/0": (2,)}
    assert (again.iteration, again.best_iteration, again.best_loss, again.seconds) == (30, 15, 0.4, 7.5)
    np.testing.assert_array_equal(again.history, progress.history)
    again.record((0.3, 0.5), 0.3, lambda: [np.full(2, 9)])
    assert (again.best_iteration, again.best[0].tolist()) == (30, [9, 9])
