"""Event files as TensorBoard's own reader sees them."""

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def read(folder):
    """The events in a folder."""
    accumulator = EventAccumulator(str(folder), size_guidance={"tensors": 0})
    accumulator.Reload()
    return accumulator


def scalars(accumulator, tag):
    """The values of a scalar by their step."""
    import tensorflow as tf

    return {event.step: float(tf.make_ndarray(event.tensor_proto)) for event in accumulator.Tensors(tag)}
