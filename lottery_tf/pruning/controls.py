"""Controls of a ticket: trainings of a network with another mask, other weights or another order of images.

References: Frankle & Carbin (random reinitialization, and random masks of the same size); Frankle et al., "Linear Mode
Connectivity" (the same ticket with another order of images). A control is a function that returns the mask and the
starting values of one layer. It may have any of these parameters, and gets the arguments it names:

  kept    boolean: the ticket's mask
  w_i     the layer's weights at the start of the control's training
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
from lottery_tf.argument_checks.validation import COUNT
from lottery_tf.errors import InputError
from lottery_tf.pruning.masks import Mask
from lottery_tf.pruning.treatments import Ticket, Treatment, Weights
from lottery_tf.seeds import draw_seed, generator


def reinit(kept, draw, rng):
    """Keeps the ticket's mask, and draws the kept weights anew from the layer's initial distribution."""
    return kept, np.where(kept, draw(rng), 0)


def random(kept, w_i, rng):
    """Keeps the same number of weights of the layer as the ticket, at random positions, with the values in `w_i`."""
    mask = rng.permutation(kept.ravel()).reshape(kept.shape)
    return mask, np.where(mask, w_i, 0)


def reorder(kept, w_i):
    """Keeps the ticket unchanged; it is trained with another order of images, other augmentation and dropout."""
    return kept, w_i


@dataclasses.dataclass(frozen=True)
class Control:
    """A kind of control.

    Attributes:
      layer: the function that makes a layer of the control.
      begins: the start of its training: the "beginning" of a new network's training, the "rewind point" of the ticket's
        network, or the "ticket" itself.
      reordered: whether images come in another order than in the ticket's training.
    """

    layer: Callable[..., tuple[np.ndarray, np.ndarray]]
    begins: str
    reordered: bool = False


CONTROLS: dict[str, Control] = {
    "reinit": Control(reinit, "beginning"),
    "random": Control(random, "rewind point"),
    "reorder": Control(reorder, "ticket", reordered=True),
}


def check_control(treatment: Treatment, level: int, control: str, draw: int) -> None:
    """Raises InputError if a level of a treatment cannot have the control."""
    registry.choose(CONTROLS, control, "control")
    COUNT("The draw of a control", draw)
    if CONTROLS[control].reordered:
        return
    if level < 1:
        raise InputError(f"The control {control!r} needs a level of at least 1; level {level} is the dense network.")
    if treatment.mask0 != "zero":
        raise InputError(
            f"The control {control!r} freezes pruned weights at zero; it cannot be compared with tickets of the "
            f"mask-0 action {treatment.mask0!r}."
        )


def control_ticket(
    control: str,
    mask: Mask,
    weights: Weights,
    draw_kernel: Mapping[str, Callable[[np.random.Generator], np.ndarray]],
    seed: int,
    level: int,
    number: int,
) -> Ticket:
    """Returns the ticket of a control.

    Mask, seed and level are those of the original ticket; `weights` is every weight at the start of the control's
    training, and `number` tells the controls of one kind apart.
    """
    layer, controlled, start = CONTROLS[control].layer, {}, dict(weights)
    for name, kept in mask.items():
        rng = generator(seed, f"control {control}", number, level, name)
        controlled[name], values = registry.call_by_parameter_names(
            layer, kept=kept, w_i=weights[name], draw=draw_kernel[name], rng=rng
        )
        start[name] = values.astype(weights[name].dtype)
    return Ticket(start, controlled)


def order_seed(control: str, seed: int, draw: int) -> int | None:
    """Returns the seed of a control's order of images; None for the order of the original ticket."""
    return draw_seed(generator(seed, "other order", draw)) if CONTROLS[control].reordered else None
