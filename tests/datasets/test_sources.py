"""Data of every kind: the same examples in memory, and streamed in an order that is seeded, whole and resumable."""

import dataclasses
import itertools
import logging

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from keras import layers

import lottery_tf as lt
from lottery_tf.datasets.sources import as_split
from lottery_tf.datasets.streams import Stream
from lottery_tf.errors import InputError
from lottery_tf.masking import model_weights
from lottery_tf.pruning import masks
from lottery_tf.training.checkpoint import Checkpoint
from lottery_tf.training.feeds import StreamFeed
from lottery_tf.training.trainer import Trainer

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 255, (67, 4, 4, 1)).astype(np.uint8)
LABELS = np.arange(67) % 3
SETTINGS = lt.TrainingSettings(iterations=25, learning_rate=0.01, batch_size=20, eval_interval=10)


class InBatches(keras.utils.PyDataset):
    """The examples in batches of 8; the last has 3."""

    def __init__(self):
        super().__init__()

    def __len__(self):
        return 9

    def __getitem__(self, number):
        rows = slice(number * 8, number * 8 + 8)
        return IMAGES[rows], LABELS[rows]


class Loader:
    """A loader of another library: batches and a length, from the beginning only."""

    def __len__(self):
        return 9

    def __iter__(self):
        return (InBatches()[number] for number in range(9))


class Changing(Loader):
    """Another order at each reading."""

    def __iter__(self):
        order = np.random.permutation(67)
        return ((IMAGES[rows], LABELS[rows]) for rows in np.array_split(order, 9))


def tf_data():
    return tf.data.Dataset.from_tensor_slices((IMAGES, LABELS))


SOURCES = {
    "arrays": lambda: (IMAGES, LABELS),
    "lists": lambda: (list(IMAGES), LABELS.tolist()),
    "tensors": lambda: (tf.constant(IMAGES), tf.constant(LABELS)),
    "tf.data in batches": lambda: tf_data().batch(8),
    "tf.data of examples": tf_data,
    "tf.data of unknown length": lambda: tf_data().filter(lambda image, label: label >= 0),
    "PyDataset": InBatches,
    "loader": Loader,
}


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
    monkeypatch.setattr("lottery_tf.hardware.available_memory", lambda: 4 * IMAGES.nbytes)
    assert isinstance(as_split(tf_data().batch(8)), Stream)
    assert not isinstance(as_split(tf_data().batch(8), in_memory=True), Stream)
    monkeypatch.setattr("lottery_tf.hardware.available_memory", lambda: 40 * IMAGES.nbytes)
    assert not isinstance(as_split(tf_data().batch(8)), Stream)
    split = as_split(InBatches(), in_memory=False)
    assert (len(split), split.random_access) == (67, True)
    assert repr(split).endswith("takes whole numbers; streamed, by number")
    with pytest.raises(InputError, match="images are not in memory"):
        _ = split.scaled


def rows_of(batch):
    """Which examples a batch holds; all images are different."""
    known = {image.tobytes(): number for number, image in enumerate(IMAGES)}
    images, labels = map(np.asarray, batch)
    numbers = [known[image.tobytes()] for image in images]
    np.testing.assert_array_equal(labels, LABELS[numbers])
    return numbers


STREAMS = {name: SOURCES[name] for name in ("PyDataset", "loader", "tf.data in batches", "arrays")}


@pytest.mark.parametrize("name", STREAMS)
def test_a_streamed_epoch_has_every_example_once_in_a_seeded_order(name):
    def epochs(seed, level=0):
        feed = StreamFeed(as_split(STREAMS[name](), in_memory=False))
        chunks = [feed.chunk(first, 4, 20, seed, level) for first in (0, 4, 8)]
        batches = [(images[step], labels[step]) for images, labels in chunks for step in range(4)]
        return [[row for batch in batches[first : first + 3] for row in rows_of(batch)] for first in (0, 3, 6)]

    first = epochs(0)
    assert all(len(set(epoch)) == 60 for epoch in first)
    assert first[0] != first[1] != first[2]
    assert first == epochs(0)
    assert first != epochs(1)
    assert first != epochs(0, level=1)


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_is_taken_up_anywhere(name):
    whole = StreamFeed(as_split(STREAMS[name](), in_memory=False))
    steps = [rows_of([part[0] for part in whole.chunk(first, 1, 20, 3, 2)]) for first in range(8)]
    for first in (5, 1, 3, 0, 7):
        feed = StreamFeed(as_split(STREAMS[name](), in_memory=False))
        images, labels = feed.chunk(first, 1, 20, 3, 2)
        assert rows_of((images[0], labels[0])) == steps[first]
    overlapping = [whole.chunk(first, 4, 20, 3, 2) for first in (0, 2, 3)]
    for first, (images, labels) in zip((0, 2, 3), overlapping, strict=True):
        assert [rows_of(each) for each in zip(images, labels, strict=True)] == steps[first : first + 4]


def test_an_evaluation_sees_every_example_once():
    feed = StreamFeed(as_split(InBatches(), in_memory=False))
    batches = list(feed.in_order(20))
    assert [len(labels) for _, labels in batches] == [20, 20, 20, 7]
    assert list(itertools.chain.from_iterable(map(rows_of, batches))) == list(range(67))
    assert rows_of(feed.gather([5, 66, 5])) == [5, 66, 5]


def network():
    return keras.Sequential([keras.Input((4, 4, 1)), layers.Flatten(), layers.Dense(6, "relu"), layers.Dense(3)])


def dataset(source, **options):
    return lt.Dataset(source(), source(), source(), **options)


@pytest.fixture(scope="module")
def trained_on():
    """Trainers on data in memory and on the same data streamed, from the same weights."""
    model = lt.masked(network())
    ticket = lt.Ticket(model_weights.get_weights(model), masks.full(model_weights.kernels(model)))
    return ticket, lambda data: Trainer(model, data, SETTINGS)


@pytest.mark.slow
def test_streamed_arrays_train_what_arrays_in_memory_do(trained_on):
    ticket, trainer = trained_on
    both = [dataset(SOURCES["arrays"], in_memory=in_memory) for in_memory in (True, False)]
    results = [trainer(data).train(ticket, 0, 0) for data in both]
    np.testing.assert_allclose(results[0].history, results[1].history, rtol=1e-5)
    assert results[0].test == pytest.approx(results[1].test, rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["PyDataset", "tf.data in batches"])
def test_a_streamed_training_is_taken_up_to_the_bit(name, trained_on, tmp_path):
    ticket, trainer = trained_on
    data = dataset(STREAMS[name], in_memory=False)

    class Stopped(Exception):
        pass

    def stop(history):
        if len(history) == 3:
            raise Stopped

    streamed = trainer(data)
    whole = streamed.train(ticket, 1, 0)
    with pytest.raises(Stopped):
        streamed.train(ticket, 1, 0, checkpoint=Checkpoint(tmp_path, 0), on_history=stop)
    again = trainer(dataset(STREAMS[name], in_memory=False))
    taken_up = again.train(ticket, 1, 0, checkpoint=Checkpoint(tmp_path, 0))
    assert taken_up.history[1:].tolist() == whole.history[1:].tolist()
    for name, value in whole.final.items():
        assert taken_up.final[name].tobytes() == value.tobytes()


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
        assert again.trained == 0
    streamed = dataset(InBatches, in_memory=False)
    experiment = lt.Experiment(network(), streamed, SETTINGS)
    levels = list(experiment.levels(lt.Treatment("snip"), 0, 1))
    assert levels[1].metrics["status"] == "finished"
    assert lt.MaskLearner(network(), streamed, lt.MaskSettings(), SETTINGS).learn(0).metrics["status"] == "finished"
    evaluate = lt.Evaluator(experiment.trainer)
    assert np.isfinite(evaluate(levels[0].start).loss)


def test_a_source_that_changes_is_told(caplog):
    with caplog.at_level(logging.WARNING):
        as_split(Changing())
        assert "Changing gives other examples at each reading" in caplog.text
        as_split(Loader(), in_memory=False)
        assert "Loader can only be read from its beginning" in caplog.text


def test_fingerprints_of_streams_tell_data_apart():
    one, same = (dataset(InBatches, in_memory=False).fingerprint for _ in range(2))
    other = lt.Dataset(InBatches(), InBatches(), Loader(), in_memory=False)
    shorter = dataclasses.replace(other, test=lt.Split(IMAGES, LABELS))
    assert one == same == other.fingerprint != shorter.fingerprint


def test_one_source_is_not_three():
    with pytest.raises(InputError, match="training, validation and test"):
        lt.Experiment(network(), tf_data(), SETTINGS)
    with pytest.raises(InputError, match="training, validation and test"):
        lt.Experiment(network(), (IMAGES, LABELS), SETTINGS)


class Uneven(InBatches):
    """Batches of several sizes, smaller ones between larger ones."""

    ENDS = (0, 8, 12, 20, 28, 36, 44, 52, 60, 67)

    def __getitem__(self, number):
        rows = slice(self.ENDS[number], self.ENDS[number + 1])
        return IMAGES[rows], LABELS[rows]


class UnevenLoader(Loader):
    def __iter__(self):
        return (Uneven()[number] for number in range(9))


class GrowsAtTheEnd(InBatches):
    def __len__(self):
        return 2

    def __getitem__(self, number):
        rows = slice(8) if number == 0 else slice(8, 67)
        return IMAGES[rows], LABELS[rows]


def test_batches_of_several_sizes_are_counted_or_refused():
    """Examples that are found by their index need batches of one size; those read in order do not."""
    assert len(as_split(Uneven(), in_memory=True)) == len(as_split(GrowsAtTheEnd(), in_memory=True)) == 67
    in_order = as_split(UnevenLoader(), in_memory=False)
    assert len(in_order) == 67
    wanted = np.array([66, 9, 12, 0, 27])
    np.testing.assert_array_equal(in_order.take(wanted).images, IMAGES[wanted])
    with pytest.raises(InputError, match="Batch 1 of GrowsAtTheEnd has 59 examples, and batch 0 has 8"):
        as_split(GrowsAtTheEnd(), in_memory=False)
    by_number = StreamFeed(as_split(Uneven(), in_memory=False))
    with pytest.raises(InputError, match="Batch 1 of Uneven has 4 examples, and batch 0 has 8"):
        list(by_number.in_order(20))
