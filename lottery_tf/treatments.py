"""A treatment and what it does between two trainings: steps 2, 3 and 4 of the paper's algorithm, on plain arrays."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np

from lottery_tf import names
from lottery_tf.actions import MASK0, MASK0_OFFERS, MASK1, MASK1_OFFERS
from lottery_tf.criteria import CRITERIA, OFFERS
from lottery_tf.errors import InputError
from lottery_tf.masks import Mask, check, prune_layer
from lottery_tf.randomness import generator

State = dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Treatment:
    """A mask criterion, a mask-1 action and a mask-0 action, each by its name or as `package.module:function`.

    >>> Treatment("magnitude_increase", mask0="hybrid").name
    'magnitude_increase-rewind-hybrid'
    """

    criterion: str = "large_final"
    mask1: str = "rewind"
    mask0: str = "zero"

    def __post_init__(self):
        self.functions()

    def functions(self) -> tuple[Callable, Callable, Callable]:
        """The criterion, the mask-1 action and the mask-0 action; raises InputError for a name that is none."""
        return (
            names.function(CRITERIA, self.criterion, "mask criterion", OFFERS),
            names.function(MASK1, self.mask1, "mask-1 action", MASK1_OFFERS),
            names.function(MASK0, self.mask0, "mask-0 action", MASK0_OFFERS),
        )

    @property
    def name(self) -> str:
        """The treatment's folder: the three names joined; no name of a Python function holds a hyphen."""
        return f"{self.criterion}-{self.mask1}-{self.mask0}".replace(":", "+")

    @property
    def wants_gradient(self) -> bool:
        """Whether the criterion asks for the gradient at the round's starting weights."""
        return names.asks_for(self.functions()[0], "gradient")


@dataclasses.dataclass(frozen=True)
class Ticket:
    """What a round trains: starting values of every weight (pruned ones at their frozen values) and the mask."""

    start: State
    mask: Mask


def next_ticket(
    treatment: Treatment,
    trained: Ticket,
    final: State,
    initial: State,
    pruned_fraction: Mapping[str, float],
    draw: Mapping[str, Callable[[np.random.Generator], np.ndarray]],
    seed: int,
    level: int,
    gradient: State | None = None,
) -> Ticket:
    """Scores, masks and acts: from a trained round to the ticket of the next (steps 2 to 4).

    Args:
      treatment: the criterion and actions.
      trained: the ticket that the round trained.
      final: every weight at the end of that training.
      initial: every weight of the untrained network, before the first round.
      pruned_fraction: for each kernel the share of its unmasked weights to prune.
      draw: for each kernel a function of a generator that draws it anew from its initial distribution.
      seed: the run's seed.
      level: the level of the ticket that is made, at least 1.
      gradient: for each kernel the loss gradient of one batch at the round's start, where the criterion wants it.

    Returns:
      The next ticket. Weights that are no maskable kernel (biases, batch norm) go back to their initial values.

    Raises:
      InputError: a criterion or action returned something that cannot be used.
    """
    mask, start = {}, dict(initial)
    for name, kept_before in trained.mask.items():
        scores = names.call(
            treatment.functions()[0],
            w_i=trained.start[name][kept_before],
            w_f=final[name][kept_before],
            gradient=None if gradient is None else gradient[name][kept_before],
        )
        ties = generator(seed, "ties", level, name)
        mask[name] = prune_layer(kept_before, scores, pruned_fraction[name], ties)
        start[name] = _act(
            treatment, name, initial[name], final[name], kept_before, mask[name], draw[name], seed, level
        )
    check(mask)
    return Ticket(start, mask)


def _act(treatment, name, w_i, w_f, kept_before, kept, draw, seed, level) -> np.ndarray:
    """One layer's starting values: mask-1 action, mask-0 action, and the values frozen in earlier rounds."""
    _, mask1, mask0 = treatment.functions()
    seen = {"w_i": w_i, "w_f": w_f, "kept": kept, "pruned": kept_before & ~kept}
    kept_start = names.call(mask1, **seen, draw=draw, rng=generator(seed, "mask-1 action", level, name))
    start = np.where(kept, _checked(treatment.mask1, kept_start, w_i), w_i)
    start = names.call(mask0, **seen, start=start, rng=generator(seed, "mask-0 action", level, name))
    return np.where(kept_before, _checked(treatment.mask0, start, w_i), w_f)


def _checked(action: str, values: np.ndarray, w_i: np.ndarray) -> np.ndarray:
    """The values an action returned, in the kernel's type; refuses another shape or values that are not finite."""
    values = np.asarray(values)
    if values.shape != w_i.shape:
        raise InputError(f"The action {action!r} returned shape {values.shape} for a layer of shape {w_i.shape}.")
    if not np.isfinite(values).all():
        raise InputError(f"The action {action!r} returned values that are not finite numbers.")
    return values.astype(w_i.dtype)
