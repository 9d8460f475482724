"""What is found inside layers and models of classes of one's own."""

from own_classes import nested, subclassed

from lottery_tf.landscape.batch_norm import batch_norm_layers


def test_batch_norm_is_found_inside_layers_and_models_of_ones_own():
    assert [len(batch_norm_layers(make())) for make in (subclassed, nested)] == [1, 2]
