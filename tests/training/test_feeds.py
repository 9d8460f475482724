"""Streams: whole epochs in a seeded order that continues from any point; they train as arrays do."""

import itertools

import numpy as np
import pytest
from data_sources import SETTINGS, SOURCES, STREAMS, InBatches, dataset, network, rows_of

import lottery_tf as lt
from lottery_tf.datasets.sources import as_split
from lottery_tf.masking import model_weights
from lottery_tf.pruning import masks
from lottery_tf.training.checkpoint import Checkpoint
from lottery_tf.training.feeds import StreamFeed
from lottery_tf.training.trainer import Trainer


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
