"""Packed networks are rebuilt to the bit, from any form of a ticket."""

import itertools

import numpy as np
import pytest
from ticket_files import (
    CONVOLUTIONAL,
    DENSE,
    IMAGES,
    LAYERS,
    SHARES,
    draw_kernels,
    draw_mask,
    entropy_bytes,
    expected_kernel,
    images,
    opened,
    own_sequential,
    same_bits,
    sealed,
)

import lottery_tf as lt
from lottery_tf.algorithm import next_ticket
from lottery_tf.errors import DamagedFile, InputError
from lottery_tf.masking import model_weights
from lottery_tf.pruning import masks
from lottery_tf.pruning.mask0_actions import MASK0
from lottery_tf.pruning.treatments import SeededNetwork, Ticket, Treatment
from lottery_tf.results import files
from lottery_tf.seeds import glorot_normal
from lottery_tf.tickets import packing, ticket_format


def predictions_of(network, weights):
    """What the network, nothing of it masked, predicts with these weights."""
    from lottery_tf.masking import model_weights
    from lottery_tf.models import networks

    model = networks.build(network)
    model_weights.set_weights(model, weights)
    return model(images(model)).numpy()


# What is rebuilt


@pytest.mark.slow
@pytest.mark.parametrize(
    ("network", "weights", "rescale"),
    [
        *itertools.product(["fc"], ["initial", "signed_constant"], [False, True]),
        *((network, *kind) for network in CONVOLUTIONAL for kind in (("initial", False), ("signed_constant", True))),
    ],
)
def test_a_supermask_rebuilds_every_bit(network, weights, rescale):
    from lottery_tf.masking import model_weights
    from lottery_tf.models import networks

    mask = draw_mask(network, *SHARES)
    content = packing.pack_supermask(networks.build(network), mask, 3, weights, rescale)
    assert len(content) <= 1.05 * entropy_bytes(mask) + 1024
    packed = ticket_format.parse(content)
    assert packed.architecture == {"network": network, "image_shape": IMAGES[network], "classes": 10}
    model = packing.rebuild(packed)
    initial = draw_kernels({name: kept.shape for name, kept in mask.items()}, 3)
    wanted = {name: expected_kernel(initial[name], kept, weights, rescale) for name, kept in mask.items()}
    wanted |= {name.replace("kernel", "bias"): np.zeros(kept.shape[-1], np.float32) for name, kept in mask.items()}
    assert same_bits(model_weights.get_weights(model), wanted)
    assert all(
        (layer.kernel_mask.numpy() == mask[name]).all() for name, layer in model_weights.masked_kernels(model).items()
    )
    assert (model(images(model)).numpy() == predictions_of(network, wanted)).all()


@pytest.mark.slow
def test_a_supermask_on_multiplied_weights_rebuilds_every_bit():
    from lottery_tf.masking import model_weights
    from lottery_tf.models import networks

    mask = draw_mask("fc", *SHARES)
    content = packing.pack_supermask(networks.build("fc"), mask, 3, "signed_constant", weight_multiplier=0.3)
    model = packing.rebuild(ticket_format.parse(content))
    initial = draw_kernels({name: kept.shape for name, kept in mask.items()}, 3)
    for name, kept in mask.items():
        once = expected_kernel(initial[name], kept, "signed_constant", rescale=False)
        assert (model_weights.get_weights(model)[name] == once * np.float32(0.3)).all()
    header, payload = opened(content)
    for odd in (0, -1.0, "2", True, None):
        with pytest.raises(DamagedFile, match="weight_multiplier"):
            ticket_format.parse(sealed(header | {"weight_multiplier": odd}, payload))


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("network", LAYERS)
def test_a_trained_ticket_rebuilds_every_bit(network, dtype):
    from lottery_tf.masking import model_weights
    from lottery_tf.models import networks

    mask, rng = draw_mask(network, *SHARES), np.random.default_rng(4)
    model = networks.build(network)
    state = {
        name: rng.normal(0, 0.1, value.shape).astype(np.float32)
        for name, value in model_weights.get_weights(model).items()
    }
    state |= {name: np.where(kept, state[name], np.float32(0)) for name, kept in mask.items()}
    model_weights.set_weights(model, state, mask)
    content = packing.pack_trained(model, 0, dtype)
    kept_bytes = np.dtype(dtype).itemsize * sum(kept.sum() for kept in mask.values())
    assert 0.7 * kept_bytes < len(content) < kept_bytes + 1.05 * entropy_bytes(mask) + 6000  # of which 4,000 are biases
    rebuilt = packing.rebuild(ticket_format.parse(content))
    wanted = state | {name: state[name].astype(dtype).astype(np.float32) for name in mask}
    assert same_bits(model_weights.get_weights(rebuilt), wanted)
    assert (rebuilt(images(rebuilt)).numpy() == predictions_of(network, wanted)).all()


@pytest.mark.slow
@pytest.mark.parametrize("mask1", ["rewind", "reinit"])
@pytest.mark.parametrize("mask0", MASK0)
def test_frozen_values_of_every_mask_0_action_are_rebuilt(mask0, mask1):
    from lottery_tf.masking import model_weights
    from lottery_tf.models import networks

    shapes = {f"{name}/kernel": shape for name, shape in DENSE.items()}
    initial, rng = draw_kernels(shapes, 6), np.random.default_rng(0)
    draw = {name: lambda rng, shape=shape: glorot_normal(shape, rng) for name, shape in shapes.items()}
    ticket, model = Ticket(initial, masks.full(initial)), networks.build("fc")
    biases = {name: value for name, value in model_weights.get_weights(model).items() if name not in shapes}
    for level in (1, 2):
        final = {
            name: np.where(ticket.mask[name], w + rng.normal(0, 0.02, w.shape), w).astype(np.float32)
            for name, w in ticket.start.items()
        }
        treatment = Treatment("large_final", mask1, mask0)
        network = SeededNetwork(initial, dict.fromkeys(shapes, 0.3), draw, seed=6)
        ticket = next_ticket(treatment, network, ticket, final, level)
    model_weights.set_weights(model, ticket.start | biases, ticket.mask)
    packed = ticket_format.parse(packing.pack_trained(model, 6))
    assert bool(packed.at_initial) == (mask0 != "zero")
    assert same_bits(model_weights.get_weights(packing.rebuild(packed)), ticket.start | biases)


def test_packing_leaves_the_model_as_it_was():
    from lottery_tf.masking import conversion, model_weights

    model = own_sequential()
    before = model_weights.get_weights(model)
    mask = masks.full(model_weights.kernels(conversion.masked(model)))
    packing.pack_supermask(model, mask, 0)
    packing.pack_trained(model, 0)
    assert same_bits(model_weights.get_weights(model), before)
    packed = ticket_format.parse(packing.pack_trained(model, 0))
    assert same_bits(
        model_weights.get_weights(packing.rebuild(packed)), model_weights.get_weights(packing.rebuild(packed))
    )


# How small the files are


def test_sizes_are_those_of_the_files():
    from lottery_tf.models import networks

    mask = draw_mask("fc", 0.1)
    content = packing.pack_supermask(networks.build("fc"), mask, 0)
    initial = draw_kernels({name: kept.shape for name, kept in mask.items()}, 0)
    state = {name: np.where(kept, initial[name], np.float32(0)) for name, kept in mask.items()}
    state |= {name.replace("kernel", "bias"): np.zeros(kept.shape[-1], np.float32) for name, kept in mask.items()}
    sizes = packing.sizes(content)
    assert sizes["ticket file"] == (len(content), 8 * len(content) / 266_200)
    assert sizes["dense float32"].bytes == 4 * (266_200 + 410)
    assert sizes["entropy of the mask"].bytes == pytest.approx(entropy_bytes(mask), abs=1)
    assert sizes["compressed npz"].bytes == len(files.npz_bytes(state))


def test_tickets_are_rebuilt_from_a_path_and_from_any_bytes(tmp_path):
    model = lt.build("fc", (2, 2, 1))
    content = lt.pack_supermask(model, masks.full(model_weights.kernels(model)), 0)
    path = tmp_path / "fc.ticket"
    path.write_bytes(content)
    wanted = lt.get_weights(lt.rebuild(content))
    for given in (path, str(path), bytearray(content), memoryview(content)):
        found = lt.get_weights(lt.rebuild(given))
        assert all(found[name].tobytes() == value.tobytes() for name, value in wanted.items())
    for given in (None, 3, [content], model):
        with pytest.raises(InputError, match="A ticket is the path of a file, or its bytes; given: "):
            lt.rebuild(given)
    with pytest.raises(DamagedFile, match="fc.ticket cannot be read as a ticket"):
        path.write_bytes(content[:-1])
        lt.rebuild(str(path))
