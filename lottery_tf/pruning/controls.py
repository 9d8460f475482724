"""Controls of a found ticket: the same training of another network, or of the same network with other batches.

Sources: Frankle & Carbin (random reinitialization, random sparsity of the same size, several of each for every
ticket); Frankle et al., "Linear Mode Connectivity" (the same start in another order). A control is a function whose
parameters name what it wants and which returns one layer's mask and starting values:

  kept    boolean: the ticket's mask
  w_i     the layer's weights where the control's training begins
  draw    a function of a generator that draws the layer anew from its initial distribution
  rng     a NumPy generator of this seed, control, draw, level and layer

>>> import numpy as np
>>> kept = np.array([True, False, False])
>>> mask, start = random(kept, np.array([1.0, 2.0, 3.0]), np.random.default_rng(2))
>>> int(mask.sum()), bool((start[mask] != 0).all())
(1, True)
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np

from lottery_tf import registry
from lottery_tf.errors import InputError
from lottery_tf.pruning.masks import Mask
from lottery_tf.pruning.treatments import Ticket, Treatment, Weights
from lottery_tf.seeds import draw_seed, generator


def reinit(kept, draw, rng):
    """The ticket's mask, its kept weights drawn anew from the layer's initial distribution."""
    return kept, np.where(kept, draw(rng), 0)


def random(kept, w_i, rng):
    """As many weights as the ticket keeps of the layer, at random places; they start as the ticket's network does."""
    mask = rng.permutation(kept.ravel()).reshape(kept.shape)
    return mask, np.where(mask, w_i, 0)


def reorder(kept, w_i):
    """The ticket itself, trained on other batches: other order, augmentation and dropout."""
    return kept, w_i


@dataclasses.dataclass(frozen=True)
class Control:
    """A kind of control.

    Attributes:
      layer: the function that makes a layer of it.
      begins: where its training begins: a new network at its "beginning", the ticket's network at its "rewind point",
        the very "ticket" where that begins.
      reordered: whether it is trained in another order than the ticket.
    """

    layer: Callable[..., tuple[np.ndarray, np.ndarray]]
    begins: str
    reordered: bool = False


CONTROLS: dict[str, Control] = {
    "reinit": Control(reinit, "beginning"),
    "random": Control(random, "rewind point"),
    "reorder": Control(reorder, "ticket", reordered=True),
}


def check(treatment: Treatment, level: int, control: str, draw: int) -> None:
    """Raises InputError for a control that this level or treatment does not have."""
    registry.choose(CONTROLS, control, "control")
    if draw < 1:
        raise InputError(f"The draw of a control is {draw}; it must be at least 1.")
    if CONTROLS[control].reordered:
        return
    if level < 1:
        raise InputError(f"The control {control!r} wants a ticket; level {level} is the dense network.")
    if treatment.mask0 != "zero":
        raise InputError(
            f"The control {control!r} freezes pruned weights at zero; a ticket of the mask-0 action "
            f"{treatment.mask0!r} does not compare with it."
        )


def control_ticket(
    control: str,
    mask: Mask,
    state: Weights,
    draw_kernel: Mapping[str, Callable[[np.random.Generator], np.ndarray]],
    seed: int,
    level: int,
    draw: int,
) -> Ticket:
    """The ticket of a control.

    Args:
      control: a name in `CONTROLS`.
      mask: that of the ticket that it is a control of.
      state: every weight where the control's training begins.
      draw_kernel: for each kernel a function of a generator that draws it anew.
      seed: the ticket's.
      level: the ticket's.
      draw: which of several controls of one kind.
    """
    layer, controlled, start = CONTROLS[control].layer, {}, dict(state)
    for name, kept in mask.items():
        rng = generator(seed, f"control {control}", draw, level, name)
        controlled[name], values = registry.call_by_parameter_names(
            layer, kept=kept, w_i=state[name], draw=draw_kernel[name], rng=rng
        )
        start[name] = values.astype(state[name].dtype)
    return Ticket(start, controlled)


def order_seed(control: str, seed: int, draw: int) -> int | None:
    """The seed of a control's order of images; None: the ticket's own."""
    return draw_seed(generator(seed, "other order", draw)) if CONTROLS[control].reordered else None
