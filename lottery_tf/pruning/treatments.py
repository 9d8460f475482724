"""Treatments (what happens between two trainings) and tickets (what is trained), as plain arrays."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np

from lottery_tf import registry
from lottery_tf.argument_checks.annotation_checks import check_fields
from lottery_tf.argument_checks.signatures import checked
from lottery_tf.argument_checks.validation import FRACTION, Index, Name
from lottery_tf.errors import InputError
from lottery_tf.old_names import old_name
from lottery_tf.pruning.criteria import CRITERIA, CRITERION_ARGUMENTS
from lottery_tf.pruning.mask0_actions import MASK0, MASK0_ARGUMENTS
from lottery_tf.pruning.mask1_actions import CONTINUE_TRAINING, MASK1, MASK1_ARGUMENTS
from lottery_tf.pruning.masks import Mask, check_layers, full
from lottery_tf.pruning.ranking import SCOPES

Weights = dict[str, np.ndarray]
Draw = Callable[[np.random.Generator], np.ndarray]

ROUNDS = {  # name -> function from a level to the level that it is made from
    "iterative": lambda level: level - 1,
    "oneshot": lambda level: 0,
}


class TreatmentFunctions(NamedTuple):
    """The functions that a treatment names."""

    criterion: Callable
    mask1: Callable
    mask0: Callable


IN_NAMES = {  # field -> its form in the name of a treatment; any other is written as "field=value"
    "scope": "{}",
    "rewind_to": "rewind{}",
    "rounds": "{}",
    "chosen_kept_fraction": "kept{}",
}


def folder_name(parts: Iterable[str]) -> str:
    """Joins names by hyphens to the name of a folder.

    >>> folder_name(["my_module:mine", "rewind", "zero"])
    'my_module+mine-rewind-zero'
    """
    return "-".join(parts).replace(":", "+")  # not every file system can have a colon in a name


@checked
@dataclasses.dataclass(frozen=True)
class Treatment:
    """What happens between two trainings: a mask criterion, a mask-1 action, a mask-0 action and how to apply them.

    Attributes:
      criterion: the mask criterion, which scores weights: a name in `CRITERIA`, or `package.module:function`.
      mask1: the mask-1 action, which sets where kept weights start: a name in `MASK1`, or `package.module:function`.
      mask0: the mask-0 action, which freezes pruned weights: a name in `MASK0`, or `package.module:function`.
      scope: which weights are ranked together, a name in `SCOPES`. "layer" ranks the weights of each layer; "global"
        ranks those of all layers together.
      rewind_to: the iteration of the dense training to which kept weights are rewound; 0: the initial weights.
      rounds: the kind of rounds, a name in `ROUNDS`. "iterative" makes each level from the one before; "oneshot" makes
        each level directly from the dense network, at the same kept fraction.
      chosen_kept_fraction: fraction of all weights to keep, in (0, 1); for oneshot only, which then has level 1 only.

    Raises:
      InputError: for an unknown name, or values that do not go together.

    >>> Treatment("magnitude_increase", mask0="hybrid").name
    'magnitude_increase-rewind-hybrid'
    >>> Treatment(scope="global", rewind_to=500, rounds="oneshot", chosen_kept_fraction=0.2).name
    'large_final-rewind-zero-global-rewind500-oneshot-kept0.2'
    """

    criterion: Name = "large_final"
    mask1: Name = "rewind"
    mask0: Name = "zero"
    scope: str = "layer"
    rewind_to: Index = 0
    rounds: str = "iterative"
    chosen_kept_fraction: float | None = None

    def __post_init__(self):
        _ = self.functions  # raises InputError for an unknown name
        check_fields(self)
        registry.choose(SCOPES, self.scope, "scope of pruning")
        registry.choose(ROUNDS, self.rounds, "kind of rounds")
        if self.rewind_to and self.continues_training:
            raise InputError(
                f"rewind_to is {self.rewind_to}, but the mask-1 action {self.mask1!r} does not rewind; leave rewind_to "
                "out."
            )
        if self.chosen_kept_fraction is not None:
            FRACTION("chosen_kept_fraction (--kept_fraction)", self.chosen_kept_fraction)
            if self.rounds != "oneshot":
                raise InputError(
                    f"chosen_kept_fraction (--kept_fraction) is {self.chosen_kept_fraction}; it needs one-shot pruning "
                    "(rounds='oneshot')."
                )

    @functools.cached_property
    def functions(self) -> TreatmentFunctions:
        """The criterion, the mask-1 action and the mask-0 action; raises InputError for an unknown name."""
        return TreatmentFunctions(
            registry.find_function(CRITERIA, self.criterion, "mask criterion", CRITERION_ARGUMENTS),
            registry.find_function(MASK1, self.mask1, "mask-1 action", MASK1_ARGUMENTS),
            registry.find_function(MASK0, self.mask0, "mask-0 action", MASK0_ARGUMENTS),
        )

    def __getstate__(self) -> dict[str, Any]:
        """Returns the fields alone: another process finds the functions by their names."""
        return {name: value for name, value in vars(self).items() if name != "functions"}

    @property
    def name(self) -> str:
        """The name of the treatment's folder: the three names, and every other field that differs from its default.

        The parts are joined by hyphens. The name is unique, because names in Python contain no hyphens.
        """
        _, _, _, *others = dataclasses.fields(self)
        changed = [field.name for field in others if getattr(self, field.name) != field.default]
        parts = [self.criterion, self.mask1, self.mask0]
        parts += [IN_NAMES.get(name, f"{name}={{}}").format(getattr(self, name)) for name in changed]
        return folder_name(parts)

    @property
    def wants_gradient(self) -> bool:
        """Whether the criterion needs the gradient at the round's starting weights."""
        return registry.asks_for(self.functions.criterion, "gradient")

    @property
    def continues_training(self) -> bool:
        """Whether a level continues the training of the level before, without rewinding."""
        return self.mask1 in CONTINUE_TRAINING

    def score(self, **offered: np.ndarray | None) -> np.ndarray:
        """Returns the scores of some unmasked weights by the criterion.

        `offered` holds the arguments named in `CRITERION_ARGUMENTS`.
        """
        return registry.call_by_parameter_names(self.functions.criterion, **offered)

    def act_on_kept(self, **offered: Any) -> np.ndarray:
        """Returns the starting values of one layer by the mask-1 action; raises InputError for unusable values.

        `offered` holds the arguments named in `MASK1_ARGUMENTS`.
        """
        return _checked(self.mask1, _called(self.functions.mask1, offered), offered["w_i"])

    def act_on_pruned(self, **offered: Any) -> np.ndarray:
        """Returns the starting values of one layer by the mask-0 action; raises InputError for unusable values.

        `offered` holds the arguments named in `MASK0_ARGUMENTS`.
        """
        return _checked(self.mask0, _called(self.functions.mask0, offered), offered["w_i"])

    def last_level(self, wanted: int) -> int:
        """Returns the last level if `wanted` levels are asked for: at most 1 with a chosen kept fraction."""
        return wanted if self.chosen_kept_fraction is None else min(wanted, 1)

    def parent(self, level: int) -> int:
        """Returns the level that a level of at least 1 is made from.

        >>> Treatment().parent(7), Treatment(rounds="oneshot").parent(7)
        (6, 0)
        """
        return ROUNDS[self.rounds](level)

    def check_training(self, iterations: int, decay: str = "none") -> None:
        """Raises InputError if this treatment does not go with a training.

        Args:
          iterations: the length of the training; the rewind point must lie before its end.
          decay: the decay of the learning rate. A mask-1 action that continues training uses the last learning rate,
            which must not be 0.
        """
        if self.continues_training and decay == "cosine":
            raise InputError(
                f"The mask-1 action {self.mask1!r} trains with the last learning rate of the schedule, which is 0 with "
                "cosine decay."
            )
        if self.rewind_to >= iterations:
            raise InputError(
                f"rewind_to is {self.rewind_to}; it must be below the {iterations} iterations of a training."
            )

    def matches(self, metrics: Mapping) -> bool:
        """Returns whether metrics are of a level of this treatment. A field that old metrics lack has its default."""
        fields = dataclasses.fields(self)
        return all(metrics.get(field.name, field.default) == getattr(self, field.name) for field in fields)

    made = old_name("made", "matches")
    check_length = old_name("check_length", "check_training")
    goes_on = property(old_name("goes_on", "continues_training"))


@checked
@dataclasses.dataclass(frozen=True)
class Ticket:
    """What a round trains: a mask, and the starting value of every weight (the frozen value of a pruned weight)."""

    start: Weights
    mask: Mask

    def with_kept(self, weights: Weights) -> Ticket:
        """Returns the ticket with other values for kept weights and for all weights without a mask."""
        check_layers("weights", weights, self.mask)
        start = {name: np.where(kept, weights[name], self.start[name]) for name, kept in self.mask.items()}
        return Ticket(weights | start, self.mask)


@checked
@dataclasses.dataclass(frozen=True)
class SeededNetwork:
    """The untrained network of a seed.

    Attributes:
      initial: every weight.
      pruned_fraction: for each maskable kernel the fraction of its unmasked weights that a round prunes.
      draw: for each maskable kernel a function of a generator that draws it anew from its initial distribution.
      seed: the seed of all random draws.
    """

    initial: Weights
    pruned_fraction: Mapping[str, float]
    draw: Mapping[str, Draw]
    seed: Index

    def dense_ticket(self) -> Ticket:
        """Returns the ticket of the dense network: the initial weights, and masks that keep all of them (step 0)."""
        check_layers("initial", self.initial, self.pruned_fraction)
        return Ticket(self.initial, full({name: self.initial[name] for name in self.pruned_fraction}))

    def check_layers(self, mask: Mask, **further: Mapping | None) -> None:
        """Raises InputError if one of the network's dictionaries, or of further ones, lacks a layer of a mask."""
        of_network = {"initial": self.initial, "pruned_fraction": self.pruned_fraction, "draw": self.draw}
        for name, by_layer in (of_network | further).items():
            if by_layer is not None:
                check_layers(name, by_layer, mask)


class TrainedTicket(Protocol):
    """A ticket after its training."""

    @property
    def ticket(self) -> Ticket:
        """The ticket that was trained."""

    @property
    def final(self) -> Weights:
        """Every weight at the end of training."""


TrainedT = TypeVar("TrainedT", bound=TrainedTicket)


def _called(action: Callable, offered: Mapping[str, object]) -> np.ndarray:
    """Calls an action with copies of the arrays, so that it may change them in place."""
    return registry.call_by_parameter_names(
        action, **{name: np.copy(o) if isinstance(o, np.ndarray) else o for name, o in offered.items()}
    )


def _checked(action: str, values: np.ndarray, w_i: np.ndarray) -> np.ndarray:
    """Returns an action's values in the kernel's type; refuses another shape or values that are not finite."""
    values = np.asarray(values)
    if values.shape != w_i.shape:
        raise InputError(f"The action {action!r} returned shape {values.shape} for a layer of shape {w_i.shape}.")
    if not np.isfinite(values).all():
        raise InputError(f"The action {action!r} returned values that are not finite numbers.")
    return values.astype(w_i.dtype)
