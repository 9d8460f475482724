"""Data of every kind: the same examples in memory, and streamed if they do not fit into memory."""

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from data_sources import IMAGES, LABELS, SETTINGS, SOURCES, InBatches, Loader, dataset, network, tf_data

import lottery_tf as lt
from lottery_tf.datasets.sources import as_split
from lottery_tf.datasets.streams import Stream
from lottery_tf.errors import InputError


@pytest.mark.parametrize("name", SOURCES)
def test_every_source_gives_the_same_split(name):
    split = as_split(SOURCES[name]())
    assert not isinstance(split, Stream)
    np.testing.assert_array_equal(split.images, IMAGES)
    np.testing.assert_array_equal(split.labels, LABELS)
    assert (split.images.dtype, split.labels.dtype) == (np.uint8, np.int32)


def test_data_frames_and_their_columns():
    frame = pd.DataFrame({"age": [20, 30, 40], "height": [1.5, 1.75, 2.0]})
    split = as_split((frame, pd.Series([0, 1, 0])))
    np.testing.assert_array_equal(split.images, [[20, 1.5], [30, 1.75], [40, 2]])
    nullable = as_split((frame.convert_dtypes(), pd.Series([0, 1, 0], dtype="Int64")))
    np.testing.assert_array_equal(nullable.images, split.images)
    np.testing.assert_array_equal(nullable.labels, [0, 1, 0])
    named = as_split(({"age": frame["age"], "text": np.array([["a"], ["b"], ["c"]])}, [0.5, 1, 1]))
    assert named.images["text"].dtype.kind == "U"
    with pytest.raises(InputError, match="columns that hold no numbers: 'name'"):
        as_split((frame.assign(name=["a", "b", "c"]), [0, 1, 0]))


def test_structures_and_weights_are_kept():
    parts = {"left": IMAGES, "right": IMAGES[::-1]}
    labels = {"kind": LABELS, "size": LABELS / 2}
    whole = tf.data.Dataset.from_tensor_slices((parts, labels, np.arange(67.0)))
    split = as_split(whole.batch(10))
    np.testing.assert_array_equal(split.images["right"], IMAGES[::-1])
    np.testing.assert_array_equal(split.labels["size"], (LABELS / 2).astype(np.float32))
    np.testing.assert_array_equal(split.weights, np.arange(67))
    few = as_split(whole.batch(10), in_memory=False).take(np.array([66, 3, 3]))
    np.testing.assert_array_equal(few.images["left"], IMAGES[[66, 3, 3]])
    np.testing.assert_array_equal(few.weights, [66, 3, 3])


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (lambda: (number for number in range(3)), "generator, which has no length"),
        (lambda: tf_data().batch(8).repeat(), "repeats without end"),
        (lambda: tf.data.Dataset.from_tensor_slices(IMAGES), "elements of a tf.data.Dataset have to be"),
        (lambda: (IMAGES,), "given: 1 things"),
        (lambda: ([np.zeros((4, 4)), np.zeros((5, 4))], [0, 1]), r"different shapes, \(4, 4\), \(5, 4\) among them"),
        (lambda: (IMAGES, LABELS[:60]), "67 images but 60 labels"),
        (lambda: (IMAGES[:3], ["a", "b", "c"]), "Number the classes from 0"),
        (lambda: [], "given: 0 things"),
        (lambda: 7, "int, which has no length"),
        (lambda: tf_data().take(0).batch(8), "empty"),
    ],
)
def test_what_is_no_split_is_a_sentence(source, message):
    with pytest.raises(InputError, match=message):
        as_split(source())


def test_what_does_not_fit_is_streamed(monkeypatch):
    monkeypatch.setattr("lottery_tf.system.hardware.available_memory", lambda: 4 * IMAGES.nbytes)
    assert isinstance(as_split(tf_data().batch(8)), Stream)
    assert not isinstance(as_split(tf_data().batch(8), in_memory=True), Stream)
    monkeypatch.setattr("lottery_tf.system.hardware.available_memory", lambda: 40 * IMAGES.nbytes)
    assert not isinstance(as_split(tf_data().batch(8)), Stream)


@pytest.mark.slow
def test_experiments_and_learners_take_any_source(tmp_path):
    for number, source in enumerate((lambda: tf_data().batch(8), InBatches, Loader, lambda: (IMAGES, LABELS))):
        results = lt.ResultsFolder(tmp_path / str(number), {})
        three = (source(), source(), source())
        experiment = lt.Experiment(network(), three, SETTINGS, results=results)
        levels = list(experiment.levels(lt.Treatment("snip"), 0, 1))
        assert [level.metrics["status"] for level in levels] == ["finished"] * 2
        again = lt.Experiment(network(), three, SETTINGS, results=results)
        assert len(list(again.levels(lt.Treatment("snip"), 0, 1))) == 2
        assert again.trainings == 0
    streamed = dataset(InBatches, in_memory=False)
    experiment = lt.Experiment(network(), streamed, SETTINGS)
    levels = list(experiment.levels(lt.Treatment("snip"), 0, 1))
    assert levels[1].metrics["status"] == "finished"
    assert lt.MaskLearner(network(), streamed, lt.MaskSettings(), SETTINGS).learn(0).metrics["status"] == "finished"
    evaluate = lt.Evaluator(experiment.trainer)
    assert np.isfinite(evaluate(levels[0].start).loss)
