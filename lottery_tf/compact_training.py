"""Training a ticket without the hidden units that nobody hears: the same answer with less arithmetic.

A unit whose outgoing weights are all pruned at zero changes no output, and no gradient reaches what leads into it: it
can be left out of training, and its weights and bias are at the end where they were at the start. That holds for plain
stacks of masked dense layers without dropout or regularization; all others are trained whole, as are tickets of which
too little can be left out. The numbers differ from those of a whole training by rounding only.

TensorFlow never forgets what it compiled. So layers shrink to a few widths only, a trainer is kept for each shape that
came up, and all of them share the images of the whole network's trainer: pixels are not left out.
"""

from __future__ import annotations

import dataclasses
import itertools
import math

import keras
import numpy as np

from lottery_tf.compaction import ELEMENTWISE
from lottery_tf.layers import MaskedDense
from lottery_tf.settings import TrainingSettings
from lottery_tf.store import Snapshot, fingerprint
from lottery_tf.training import Stretch, Trained, Trainer
from lottery_tf.treatments import State, Ticket

# The multiplications that a training has to save before it is worth compiling a program. Compiling one took 1.5 to 3.3 s
# and a step of fc at batch 60, of 33.8 million multiplications, 1.3 ms: as long as 1,150 to 2,500 such steps. This is
# 3,000 of them.
COMPILATION = 1.0e11

WIDTHS = 8  # a layer's possible widths, in equal parts of its whole one

REGULARIZERS = (
    "kernel_regularizer", "bias_regularizer", "activity_regularizer", "kernel_constraint", "bias_constraint",
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Parts:
    """The units of a stack of dense layers that a smaller network has.

    Attributes:
      layers: the layers' names, input to output.
      units: for the input and each layer, the indices of the units, rising; all of the input's and the output's.
    """

    layers: tuple[str, ...]
    units: tuple[np.ndarray, ...]

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many units there are of each."""
        return tuple(map(len, self.units))

    def _places(self, name: str) -> tuple[np.ndarray, ...]:
        """Where a variable of the smaller network lies in that of the whole one."""
        layer, variable = name.rsplit("/", 1)
        after = self.layers.index(layer) + 1
        return np.ix_(*self.units[after - 1 : after + 1]) if variable == "kernel" else (self.units[after],)

    def of(self, state: State) -> State:
        """The smaller network's part of the whole one's weights or masks."""
        return {name: value[self._places(name)] for name, value in state.items()}

    def put_back(self, part: State, whole: State) -> State:
        """The whole network's weights, those of the smaller one taken from `part` and all others from `whole`."""
        result = {name: value.copy() for name, value in whole.items()}
        for name, value in part.items():
            result[name][self._places(name)] = value
        return result


def dense_stack(model: keras.Model) -> list[MaskedDense]:
    """The layers of a model that is nothing but a stack of masked dense layers after flattening; else an empty list.

    What would act on a weight without a gradient, or on units together, makes it another model: regularizers,
    constraints, activations such as softmax between layers.
    """
    if type(model) is not keras.Sequential or len(model.output_shape) != 2:
        return []
    layers = list(itertools.dropwhile(lambda layer: type(layer) is keras.layers.Flatten, model.layers))
    plain = all(type(layer) is MaskedDense and _is_plain(layer) for layer in layers)
    elementwise = plain and all(layer.activation in ELEMENTWISE for layer in layers[:-1])
    return layers if elementwise else []


def _is_plain(layer: MaskedDense) -> bool:
    variables = {"kernel", "kernel_mask", "frozen_values"} | ({"bias"} if layer.use_bias else set())
    return {variable.name for variable in layer.weights} == variables and not any(
        getattr(layer, name) is not None for name in REGULARIZERS
    )


def parts_of(layers: list[MaskedDense], ticket: Ticket) -> Parts:
    """The units that training a ticket takes, rounded up to the next width with units that it does not take.

    A connection is a kept weight, or one that is pruned and frozen at a value other than zero. A unit is needed if a
    connection leads from it to a needed one; all units of the output are.

    >>> layers = [MaskedDense(16, name="a"), MaskedDense(2, name="b")]
    >>> kernels = {"a/kernel": np.ones((3, 16)), "b/kernel": np.ones((16, 2)) * (np.arange(16)[:, None] == 5)}
    >>> parts_of(layers, Ticket(kernels, {name: kernel != 0 for name, kernel in kernels.items()})).units[1]
    array([0, 5])
    """
    names = tuple(layer.name for layer in layers)
    needed = [np.arange(layers[-1].units)]
    for name in reversed(names):
        kernel = f"{name}/kernel"
        connected = (ticket.mask[kernel] | (ticket.start[kernel] != 0))[:, needed[0]].any(axis=1)
        needed.insert(0, _to_width(connected) if name != names[0] else np.arange(len(connected)))
    return Parts(names, tuple(needed))


def _to_width(needed: np.ndarray) -> np.ndarray:
    """The indices of the units that are needed and of as many others, the first, as the next width has room for."""
    steps = math.ceil(WIDTHS * max(1, needed.sum()) / needed.size)
    width = math.ceil(needed.size * steps / WIDTHS)
    return np.sort(np.argsort(~needed, kind="stable")[:width])


def multiplications(sizes: tuple[int, ...]) -> int:
    """Those of a training step for one image: forwards, for the kernels' gradients, and for those of their inputs.

    >>> multiplications((784, 300, 100, 10))
    563400
    """
    pairs = list(itertools.pairwise(sizes))
    return 3 * sum(a * b for a, b in pairs) - math.prod(pairs[0])


def saved(whole: tuple[int, ...], smaller: tuple[int, ...], iterations: int, batch_size: int) -> int:
    """The multiplications that a training on a smaller network saves.

    Args:
      whole: units of the input and each layer.
      smaller: the same of the smaller network.
      iterations: training steps.
      batch_size: images a step.
    """
    return (multiplications(whole) - multiplications(smaller)) * iterations * batch_size


class CompactTraining:
    """Trains tickets as a trainer does, on a smaller network where that outweighs compiling one.

    Which it is depends on the network, the settings and the ticket alone, so the same call gives the same bits.

    Args:
      trainer: trains what is not worth it, and gives all others their settings and images.
      compilation: how many multiplications a training has to save.
    """

    def __init__(self, trainer: Trainer, compilation: float = COMPILATION):
        self._trainer = trainer
        self._compilation = compilation
        self._layers = _trained_alone(trainer.model, trainer.settings)
        self._smaller: dict[tuple[int, ...], Trainer] = {}

    def train(
        self,
        ticket: Ticket,
        seed: int,
        level: int,
        *,
        stretch: Stretch | None = None,
        snapshot: Snapshot | None = None,
        **options,
    ) -> Trained:
        """What `Trainer.train` does, with its arguments; weights that were left out come back as they started."""
        parts = self.parts(ticket, stretch or Stretch())
        if parts is None:
            return self._trainer.train(ticket, seed, level, stretch=stretch, snapshot=snapshot, **options)
        own = snapshot and _OwnSnapshot(snapshot, fingerprint(ticket.start, ticket.mask))
        part = Ticket(parts.of(ticket.start), parts.of(ticket.mask))
        trained = self._trainer_of(parts.sizes).train(part, seed, level, stretch=stretch, snapshot=own, **options)
        final, best = (parts.put_back(state, ticket.start) for state in (trained.final, trained.best))
        return dataclasses.replace(trained, final=final, best=best)

    def parts(self, ticket: Ticket, stretch: Stretch) -> Parts | None:
        """What of the network is trained; None: all of it."""
        if not self._layers:
            return None
        parts = parts_of(self._layers, ticket)
        last = self._trainer.settings.iterations if stretch.last is None else stretch.last
        whole = (len(parts.units[0]), *(layer.units for layer in self._layers))
        gain = saved(whole, parts.sizes, last - stretch.first, self._trainer.settings.batch_size)
        # Where kept weights all lead to units that nobody hears, a layer of the smaller network could have none.
        each = all(kept.any() for kept in parts.of(ticket.mask).values())
        return parts if gain > self._compilation and each else None

    def _trainer_of(self, sizes: tuple[int, ...]) -> Trainer:
        if sizes not in self._smaller:
            self._smaller[sizes] = self._trainer.of(_network(self._trainer.model, sizes))
        return self._smaller[sizes]


def _trained_alone(model: keras.Model, settings: TrainingSettings) -> list[MaskedDense]:
    """A stack's layers where nothing but its gradient moves a weight; else an empty list."""
    return [] if settings.weight_decay or settings.augmentation else dense_stack(model)


def _network(model: keras.Model, sizes: tuple[int, ...]) -> keras.Model:
    """The same stack with other numbers of units."""
    zeros = {"kernel_initializer": "zeros", "bias_initializer": "zeros"}  # the model's own may be made for a shape
    units = iter(sizes[1:])
    layers = [
        type(layer).from_config(
            layer.get_config() | ({"units": next(units)} | zeros if isinstance(layer, MaskedDense) else {})
        )
        for layer in model.layers
    ]
    return keras.Sequential([keras.Input(model.input_shape[1:]), *layers], name=model.name)


@dataclasses.dataclass(frozen=True)
class _OwnSnapshot:
    """A snapshot that only the smaller network of the same ticket takes up."""

    snapshot: Snapshot
    ticket: str

    def _name(self, what: str) -> str:
        return f"{what} compacted from {self.ticket}"

    def load(self, what: str) -> dict[str, np.ndarray] | None:
        return self.snapshot.load(self._name(what))

    def save_if_due(self, what: str, arrays) -> None:
        self.snapshot.save_if_due(self._name(what), arrays)
