"""Treatments (what happens between two trainings) and tickets (what is trained), as plain arrays."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Protocol, TypeVar

import numpy as np

from lottery_tf import registry
from lottery_tf.errors import InputError
from lottery_tf.pruning.criteria import CRITERIA, CRITERION_ARGUMENTS
from lottery_tf.pruning.kept_counts import counts_after, counts_for
from lottery_tf.pruning.mask0_actions import MASK0, MASK0_ARGUMENTS
from lottery_tf.pruning.mask1_actions import CONTINUE_TRAINING, MASK1, MASK1_ARGUMENTS
from lottery_tf.pruning.masks import Mask, check
from lottery_tf.pruning.ranking import keep_highest, keep_highest_overall
from lottery_tf.seeds import generator
from lottery_tf.validation import FRACTION, INDEX, check_fields

Weights = dict[str, np.ndarray]
Draw = Callable[[np.random.Generator], np.ndarray]

ROUNDS = {  # name -> function from a level to the level that it is made from
    "iterative": lambda level: level - 1,
    "oneshot": lambda level: 0,
}


@dataclasses.dataclass(frozen=True)
class Treatment:
    """What happens between two trainings: a mask criterion, a mask-1 action, a mask-0 action and how to apply them.

    Attributes:
      criterion: the mask criterion, which scores weights: a name in `CRITERIA`, or `package.module:function`.
      mask1: the mask-1 action, which sets where kept weights start: a name in `MASK1`, or `package.module:function`.
      mask0: the mask-0 action, which freezes pruned weights: a name in `MASK0`, or `package.module:function`.
      scope: a name in `SCOPES`. "layer" ranks the weights of each layer; "global" ranks those of all layers together.
      rewind_to: the iteration of the dense training to which kept weights are rewound; 0: the initial weights.
      rounds: a name in `ROUNDS`. "iterative" makes each level from the one before; "oneshot" makes each level directly
        from the dense network, at the same kept fraction.
      chosen_kept_fraction: fraction of all weights to keep, in (0, 1); for oneshot only, which then has level 1 only.

    Raises:
      InputError: for an unknown name, or values that do not go together.

    >>> Treatment("magnitude_increase", mask0="hybrid").name
    'magnitude_increase-rewind-hybrid'
    >>> Treatment(scope="global", rewind_to=500, rounds="oneshot", chosen_kept_fraction=0.2).name
    'large_final-rewind-zero-global-rewind500-oneshot-kept0.2'
    """

    criterion: str = "large_final"
    mask1: str = "rewind"
    mask0: str = "zero"
    scope: str = "layer"
    rewind_to: Annotated[int, INDEX] = 0
    rounds: str = "iterative"
    chosen_kept_fraction: float | None = None

    def __post_init__(self):
        self.functions()
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

    def functions(self) -> tuple[Callable, Callable, Callable]:
        """Returns the criterion, the mask-1 action and the mask-0 action; raises InputError for an unknown name."""
        return (
            registry.find_function(CRITERIA, self.criterion, "mask criterion", CRITERION_ARGUMENTS),
            registry.find_function(MASK1, self.mask1, "mask-1 action", MASK1_ARGUMENTS),
            registry.find_function(MASK0, self.mask0, "mask-0 action", MASK0_ARGUMENTS),
        )

    @property
    def name(self) -> str:
        """The name of the treatment's folder: the three names, and every other field that differs from its default.

        The parts are joined by hyphens. The name is unique, because names in Python contain no hyphens.
        """
        parts = [self.criterion, self.mask1, self.mask0]
        parts += [self.scope] if self.scope != "layer" else []
        parts += [f"rewind{self.rewind_to}"] if self.rewind_to else []
        parts += [self.rounds] if self.rounds != "iterative" else []
        parts += [f"kept{self.chosen_kept_fraction}"] if self.chosen_kept_fraction is not None else []
        return "-".join(parts).replace(":", "+")

    @property
    def wants_gradient(self) -> bool:
        """Whether the criterion needs the gradient at the round's starting weights."""
        return registry.asks_for(self.functions()[0], "gradient")

    @property
    def continues_training(self) -> bool:
        """Whether a level continues the training of the level before, without rewinding."""
        return self.mask1 in CONTINUE_TRAINING

    @property
    def iterative(self) -> bool:
        """Whether each level is made from the one before it; one-shot levels are made from the dense network."""
        return self.rounds == "iterative"

    def act_on_kept(self, **offered: Any) -> np.ndarray:
        """Returns the starting values of one layer by the mask-1 action; raises InputError for unusable values.

        `offered` holds the arguments named in `MASK1_ARGUMENTS`.
        """
        return _checked(self.mask1, _called(self.functions()[1], offered), offered["w_i"])

    def act_on_pruned(self, **offered: Any) -> np.ndarray:
        """Returns the starting values of one layer by the mask-0 action; raises InputError for unusable values.

        `offered` holds the arguments named in `MASK0_ARGUMENTS`.
        """
        return _checked(self.mask0, _called(self.functions()[2], offered), offered["w_i"])

    def last_level(self, wanted: int) -> int:
        """The last level of this treatment if `wanted` levels are asked for: at most 1 with a chosen kept fraction."""
        return wanted if self.chosen_kept_fraction is None else min(wanted, 1)

    def parent(self, level: int) -> int:
        """The level that a level of at least 1 is made from.

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
        """Whether metrics belong to a level of this treatment. A missing field (in old metrics) has its default."""
        fields = dataclasses.fields(self)
        return all(metrics.get(field.name, field.default) == getattr(self, field.name) for field in fields)


@dataclasses.dataclass(frozen=True)
class Ticket:
    """What a round trains: a mask, and the starting value of every weight (the frozen value of a pruned weight)."""

    start: Weights
    mask: Mask

    def with_kept(self, weights: Weights) -> Ticket:
        """Returns the ticket with other values for kept weights and for all weights without a mask."""
        start = {name: np.where(kept, weights[name], self.start[name]) for name, kept in self.mask.items()}
        return Ticket(weights | start, self.mask)


class TrainedTicket(Protocol):
    """A ticket after its training."""

    @property
    def ticket(self) -> Ticket:
        """The ticket that was trained."""

    @property
    def final(self) -> Weights:
        """Every weight at the end of training."""


TrainedT = TypeVar("TrainedT", bound=TrainedTicket)


def next_mask(
    treatment: Treatment,
    trained: Ticket,
    final: Weights,
    gradient: Weights | None,
    pruned_fraction: Mapping[str, float],
    seed: int,
    level: int,
) -> Mask:
    """Scores the unmasked weights of a trained ticket and keeps those with the highest scores (step 2).

    Layers with a pruned fraction of 0 keep their mask. Every other layer keeps the number of weights that `level`
    rounds of layer-wise pruning leave, or that the treatment's chosen kept fraction gives. With global pruning, these
    layers together keep the sum of those numbers.

    Raises:
      InputError: a criterion returned scores that cannot be ranked, or a layer would keep no weight.
    """
    prunable = {name: kept for name, kept in trained.mask.items() if pruned_fraction[name]}

    def scores(layers: list[str]) -> np.ndarray:
        """The criterion's scores of the unmasked weights of some layers, layer after layer."""

        def unmasked(state: Weights | None) -> np.ndarray | None:
            return None if state is None else np.concatenate([state[name][prunable[name]] for name in layers])

        offered = {"w_i": unmasked(trained.start), "w_f": unmasked(final), "gradient": unmasked(gradient)}
        return registry.call_by_parameter_names(treatment.functions()[0], **offered)

    sizes = {name: kept.size for name, kept in trained.mask.items()}
    if treatment.chosen_kept_fraction is None:
        counts = counts_after(sizes, pruned_fraction, level)
    else:
        counts = counts_for(sizes, pruned_fraction, treatment.chosen_kept_fraction)
    mask = trained.mask | SCOPES[treatment.scope](prunable, scores, counts, seed, level)
    check(mask)
    return mask


def _layer_by_layer(mask: Mask, scores: Callable, counts: Mapping[str, int], seed: int, level: int) -> Mask:
    return {
        name: keep_highest(kept, scores([name]), counts[name], generator(seed, "ties", level, name))
        for name, kept in mask.items()
    }


def _all_together(mask: Mask, scores: Callable, counts: Mapping[str, int], seed: int, level: int) -> Mask:
    count = sum(counts[name] for name in mask)
    return keep_highest_overall(mask, scores(list(mask)), count, generator(seed, "ties", level))


SCOPES = {"layer": _layer_by_layer, "global": _all_together}  # name -> function that ranks the scores


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
