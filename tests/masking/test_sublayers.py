"""Layers that are found inside layers and models of a user's own classes."""

from own_classes import nested, subclassed

from lottery_tf.landscape.batch_norm import batch_norm_layers


def test_batch_norm_is_found_inside_layers_and_models_of_ones_own():
    assert [len(batch_norm_layers(make())) for make in (subclassed, nested)] == [1, 2]
