"""The progress of a training, as a checkpoint holds it."""

import dataclasses

import numpy as np

from lottery_tf.training.progress import TrainingProgress

BEST = [np.arange(6, dtype=np.float32).reshape(2, 3), np.array(7, np.int64), np.zeros((0, 2), np.float32)]
PROGRESS = TrainingProgress(
    iteration=20,
    train_readings=(0.0, 0.0),
    history=[(0, float("nan"), 2.5, 1 / 3), (20, 1.0, 1.5, 2 / 3)],
    lowest_cost=-2 / 3,
    best_iteration=20,
    best_loss=1.5,
    best=BEST,
    seconds=12.25,
)


def test_a_training_goes_on_from_a_checkpoint_as_it_was():
    arrays = {name: array.copy() for name, array in PROGRESS.arrays().items()}
    again = TrainingProgress.from_checkpoint(arrays, (0.0, 0.0))
    np.testing.assert_array_equal(again.history, PROGRESS.history)
    assert [(each.dtype, each.tobytes(), each.shape) for each in again.best] == [
        (each.dtype, each.tobytes(), each.shape) for each in BEST
    ]
    others = {field.name for field in dataclasses.fields(PROGRESS)} - {"history", "best"}
    assert {name: getattr(again, name) for name in others} == {name: getattr(PROGRESS, name) for name in others}
    assert type(again.iteration) is type(again.best_iteration) is int


def test_more_than_ten_weights_keep_their_order():
    many = [np.array([number]) for number in range(12)]
    arrays = dataclasses.replace(PROGRESS, best=many).arrays()
    shuffled = dict(sorted(arrays.items()))  # best/10 stands before best/2
    assert [int(each[0]) for each in TrainingProgress.from_checkpoint(shuffled, ()).best] == list(range(12))


def test_the_shapes_told_beforehand_are_those_of_the_arrays():
    shapes = TrainingProgress.shapes([each.shape for each in BEST], columns=4)
    arrays = PROGRESS.arrays()
    assert shapes.keys() == arrays.keys()
    for name, array in arrays.items():
        wanted = (len(PROGRESS.history), *shapes[name][1:]) if shapes[name][:1] == (None,) else shapes[name]
        assert array.shape == wanted


def test_at_the_beginning_nothing_is_the_best_yet():
    new = TrainingProgress(0, (1.0,))
    assert (new.history, new.best, new.diverged, new.seconds) == ([], [], False, 0)
    assert new.lowest_cost == new.best_loss == float("inf")
    assert new.history is not TrainingProgress(0, (1.0,)).history
