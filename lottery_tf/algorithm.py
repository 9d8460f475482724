"""Steps 0 to 5 of the lottery-ticket algorithm (Zhou et al., Section 1), on plain arrays and a function that trains.

ticket --train--> trained --criterion--> scores --rank--> mask --mask-1, mask-0--> next ticket
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from lottery_tf.argument_checks.signatures import checked
from lottery_tf.argument_checks.validation import Count
from lottery_tf.pruning.next_mask import next_mask
from lottery_tf.pruning.treatments import SeededNetwork, Ticket, TrainedT, Treatment, Weights
from lottery_tf.seeds import generator


@checked
def lottery_tickets(
    train: Callable[[Ticket, int], TrainedT],
    treatment: Treatment,
    network: SeededNetwork,
    levels: Iterable[int],
    gradient: Callable[[Ticket, int], Weights] | None = None,
    rewound: Weights | None = None,
    parent: TrainedT | None = None,
) -> Iterator[TrainedT]:
    """Trains, scores, masks, applies the actions, and trains again; yields the value of `train` for each level.

    Args:
      train: function that trains a ticket as a level. It returns an object with the `ticket` and, as `final`, every
        weight at the end of training.
      treatment: the mask criterion, the mask-1 action and the mask-0 action.
      network: the untrained network.
      levels: the levels to make, in order.
      gradient: function from a ticket and a level to the loss gradient at the start, for criteria that use it.
      rewound: every weight at the rewind point; None: the initial weights.
      parent: the value of `train` for the level from which the first of `levels` is made; None: start with the dense
        network, level 0.

    >>> from types import SimpleNamespace
    >>> train = lambda ticket, level: SimpleNamespace(ticket=ticket, final={"w": ticket.start["w"] + ticket.mask["w"]})
    >>> initial, draw = {"w": np.array([-1.5, 2.0, 0.5, -3.0])}, {"w": lambda rng: rng.normal(size=4)}
    >>> network = SeededNetwork(initial, {"w": 0.5}, draw, seed=0)
    >>> for level in lottery_tickets(train, Treatment("large_final"), network, levels=[1, 2]):
    ...     print(level.ticket.start["w"], level.final["w"])
    [-1.5  2.   0.5 -3. ] [-0.5  3.   1.5 -2. ]
    [ 0.  2.  0. -3.] [ 0.  3.  0. -2.]
    [0. 2. 0. 0.] [0. 3. 0. 0.]
    """
    if parent is None:
        parent = train(network.dense_ticket(), 0)  # Steps 0 and 1
        yield parent
    for level in levels:
        # With late rewinding, w_i of the criteria is still the untrained weight, not that of the rewind point.
        before = parent.ticket if rewound is None else parent.ticket.with_kept(network.initial)
        loss_gradient = gradient(before, level) if gradient and treatment.wants_gradient else None
        ticket = next_ticket(treatment, network, before, parent.final, level, loss_gradient, rewound)  # Steps 2 to 4
        trained = train(ticket, level)  # Step 1 again
        yield trained
        parent = trained if treatment.parent(level + 1) == level else parent  # Step 5; one-shot: the dense network


@checked
def next_ticket(
    treatment: Treatment,
    network: SeededNetwork,
    before: Ticket,
    final: Weights,
    level: Count,
    gradient: Weights | None = None,
    rewound: Weights | None = None,
) -> Ticket:
    """Makes the ticket of a level of at least 1 from a trained ticket (steps 2 to 4).

    `before` is that of the level before or, with one-shot pruning, of the dense network. Its start is the criterion's
    w_i (the untrained weights, also with late rewinding), and `final` is w_f. `gradient` is the loss gradient at w_i.
    """
    rewound = network.initial if rewound is None else rewound
    network.check_layers(before.mask, final=final, rewound=rewound, gradient=gradient)
    mask = next_mask(treatment, network, before, final, level, gradient)  # Step 2
    start = dict(final if treatment.continues_training else rewound)  # for weights without a mask: biases, batch norm
    for name, kept_before in before.mask.items():
        arrays = {"w_f": final[name], "kept": mask[name], "pruned": kept_before & ~mask[name]}
        rng = generator(network.seed, "mask-1 action", level, name)
        values = treatment.act_on_kept(w_i=rewound[name], draw=network.draw[name], rng=rng, **arrays)  # Step 3
        values = np.where(mask[name], values, network.initial[name])
        rng = generator(network.seed, "mask-0 action", level, name)
        values = treatment.act_on_pruned(w_i=network.initial[name], start=values, rng=rng, **arrays)  # Step 4
        start[name] = np.where(kept_before, values, final[name])  # weights pruned in earlier rounds stay frozen
    return Ticket(start, mask)
