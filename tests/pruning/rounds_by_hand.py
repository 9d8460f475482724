"""Rounds of pruning whose trainings are made up."""

import numpy as np

from lottery_tf.algorithm import next_ticket
from lottery_tf.pruning import masks
from lottery_tf.pruning.treatments import SeededNetwork, Ticket

SHAPES = {"a/kernel": (20, 10), "b/kernel": (10, 5)}


def draw_state(seed):
    rng = np.random.default_rng(seed)
    kernels = {name: rng.normal(size=shape).astype(np.float32) for name, shape in SHAPES.items()}
    return kernels | {"a/bias": np.full(10, float(seed), np.float32)}


def rounds(treatment, count=3, initial=None):
    """Tickets of several rounds whose training is made up."""
    initial = initial or draw_state(0)
    draw = {name: lambda rng, shape=shape: rng.normal(size=shape).astype(np.float32) for name, shape in SHAPES.items()}
    ticket = Ticket(initial, masks.full({name: initial[name] for name in SHAPES}))
    yield ticket, None
    for level in range(1, count + 1):
        trained = draw_state(level)
        final = {
            name: np.where(ticket.mask[name], value, ticket.start[name]) if name in SHAPES else value
            for name, value in trained.items()
        }
        network = SeededNetwork(initial, {"a/kernel": 0.2, "b/kernel": 0.1}, draw, seed=0)
        ticket = next_ticket(treatment, network, ticket, final, level, gradient=draw_state(9))
        yield ticket, final


def one_step(treatment, level=1, rewound=None):
    """A ticket made from a full network whose training is made up, with the weights that it was made from."""
    initial, final = draw_state(0), draw_state(1)
    dense = Ticket(initial, masks.full({name: initial[name] for name in SHAPES}))
    draw = {name: lambda rng, shape=shape: rng.normal(size=shape) for name, shape in SHAPES.items()}
    network = SeededNetwork(initial, {"a/kernel": 0.2, "b/kernel": 0.1}, draw, seed=0)
    return initial, final, next_ticket(treatment, network, dense, final, level, rewound=rewound)
