"""Which layers are masked: by class, name or function."""

import keras
import pytest
from own_classes import Block, selectable

import lottery_tf as lt
from lottery_tf.errors import InputError
from lottery_tf.masking import conversion
from lottery_tf.masking.layers import MaskedLayer
from lottery_tf.masking.sublayers import all_layers

layers = keras.layers


def only_hidden(layer):
    return layer.name == "hidden"


SELECTIONS = {
    "by class": ({"only": layers.Dense}, {"hidden", "within", "output"}),
    "by an enclosing class": ({"only": Block}, {"within"}),
    "by name": ({"only": "hid*"}, {"hidden"}),
    "by a path": ({"exclude": ["*/within", "output"]}, {"conv", "hidden"}),
    "by function": ({"only": only_hidden}, {"hidden"}),
    "both": ({"only": layers.Dense, "exclude": "output"}, {"hidden", "within"}),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", SELECTIONS)
def test_layers_are_chosen(case):
    options, expected = SELECTIONS[case]
    model = selectable()
    names = {layer.name for layer in all_layers(model)}
    masked = lt.masked(model, **options)

    def chosen(copy):
        layers_in = zip(all_layers(model), all_layers(copy), strict=True)
        return {a.name for a, b in layers_in if isinstance(b, MaskedLayer) and b.masked_kernels}

    assert chosen(masked) == expected <= names
    assert chosen(conversion.masked_copy(masked)) == expected
    assert chosen(lt.masked(masked)) == {"conv", "hidden", "within", "output"}


def test_choices_that_cannot_be_are_refused():
    with pytest.raises(InputError, match="leave no layer of"):
        lt.masked(selectable(), only="nobody")
    with pytest.raises(InputError, match="exclude is 3; it must be a layer class"):
        lt.masked(selectable(), exclude=[3])
