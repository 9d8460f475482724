"""The lottery-ticket experiment: train, score, mask, act, rewind, train again (Zhou et al., steps 0 to 5)."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import importlib.metadata
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import keras
import numpy as np

from lottery_tf import events, masks, networks
from lottery_tf.controls import CONTROLS, check, control_place, control_ticket, order_seed
from lottery_tf.data import Dataset
from lottery_tf.errors import InputError
from lottery_tf.files import finite
from lottery_tf.randomness import generator
from lottery_tf.settings import PruningSettings, RunSettings, TrainingSettings
from lottery_tf.store import (
    DENSE,
    MemoryResults,
    Result,
    ResultsFolder,
    Snapshot,
    fingerprint,
    level_place,
    rewind_place,
)
from lottery_tf.training import Stretch, Trained, Trainer
from lottery_tf.treatments import State, Ticket, Treatment, next_ticket

PACKAGES = ("tensorflow", "keras", "numpy")
NO_TREATMENT = {  # what the metrics of a dense network have in place of a treatment
    field.name: None if field.default is None else type(field.default)() for field in dataclasses.fields(Treatment)
} | {"criterion": DENSE}


class Experiment:
    """Iterative and one-shot pruning of one model on one data set, for any seeds and treatments.

    Each seed's dense network is trained once and shared by all its treatments. Every step asks first whether its result
    is there already, which is all that resuming takes.

    Args:
      model: a built Keras model, masked or not; the experiment works on a masked copy of it.
      dataset: the images.
      training: how each network is trained.
      pruning: how much each round prunes; None prunes what most of Table S1 does (10% conv, 20% dense, 10% output).
      results: where levels are kept; None keeps them in memory.
      keep_weights: whether the levels that are trained keep their weights when they are finished (those that were
        dropped are trained again); False keeps the dense network's and those of the latest level of each treatment,
        which is all that going on needs.
      labels: what the metrics say of the run besides (network, dataset, schedule).
      snapshot_seconds: the least time between two snapshots of a training that results on disk can take up again.
      from_logits: whether the model's outputs are logits or probabilities.
      initial: a function from a seed to the untrained weights; None draws each maskable kernel anew.
      on_steps: called with the number of training steps just done.

    >>> import lottery_tf as lt
    >>> experiment = lt.Experiment(lt.build("fc"), lt.load("digits"), lt.TrainingSettings(iterations=20))
    >>> [round(level.metrics["kept_fraction"], 2) for level in experiment.levels(lt.Treatment(), seed=0, levels=2)]
    [1.0, 0.8, 0.64]
    """

    def __init__(
        self,
        model: keras.Model,
        dataset: Dataset,
        training: TrainingSettings,
        pruning: PruningSettings | None = None,
        *,
        results: MemoryResults | ResultsFolder | None = None,
        keep_weights: bool = True,
        labels: dict[str, str] | None = None,
        snapshot_seconds: float = 30,
        from_logits: bool = True,
        initial: Callable[[int], State] | None = None,
        on_steps: Callable[[int], None] = lambda count: None,
    ):
        self.model = model = networks.masked(model)
        self.trainer = Trainer(model, dataset, training, from_logits=from_logits)
        self.results = MemoryResults() if results is None else results
        pruning = pruning or PruningSettings()
        self._initial = initial or functools.partial(networks.initial_state, model, networks.get_state(model))
        self.pruned_fraction = masks.pruned_fraction_by_layer(
            networks.kernels(model), pruning.conv, pruning.dense, pruning.output, pruning.downsample
        )
        if not any(self.pruned_fraction.values()):
            raise InputError("Every layer stays whole with these pruned fractions: there is nothing to prune.")
        self._keep_weights = keep_weights
        self._labels = labels or {}
        self._snapshot_seconds = snapshot_seconds
        self._on_steps = on_steps
        self.trained = 0  # trainings done, not found

    def levels(self, treatment: Treatment, seed: int, levels: int = 24) -> Iterator[Result]:
        """Trains, or finds already trained, the dense network and the levels 1 to `levels` of a treatment.

        Each level is locked while it is at work, and nothing while it is yielded: between two levels, others may train
        the next one, which is then found.

        Yields:
          Each level as it is finished, the dense network first; its weights may have been dropped. Nothing is made
          from a level whose training diverged.

        Raises:
          InputError: fewer than one level, a rewind point beyond the training, or a criterion or action that returns
            what cannot be used.
        """
        if levels < 1:
            raise InputError(
                f"levels is {levels}; it must be at least 1 (the dense network is level 0 and always there)."
            )
        self._check(treatment)
        levels, level = treatment.last_level(levels), self.dense(seed)
        finished = [level.metrics]
        yield level
        for number in range(1, levels + 1):
            parent = finished[treatment.parent(number)]
            if parent["status"] != "finished":
                return
            with self._lock(treatment, seed):
                trained_before = self.trained
                level = self._next(treatment, seed, number, parent["fingerprint"])
                finished.append(level.metrics)
                if self.trained > trained_before or number == levels:
                    self._show(treatment, seed, finished)
            yield level

    def dense(self, seed: int, weights: bool = False) -> Result:
        """The dense network of a seed, trained if it is not there; with its weights if they are asked for."""
        place = level_place(seed, DENSE, 0)
        with self.results.lock(place):
            return self._found(place, weights) or self._trained(place, self._dense_ticket(seed), seed, 0)

    def rewind_point(self, seed: int, iteration: int) -> Result:
        """The dense network of a seed as its training passes through an iteration; its final weights are those there.

        Raises:
          InputError: an iteration that the training does not pass through, or a training that diverges before it.
        """
        self._check(Treatment(rewind_to=iteration))
        place = rewind_place(seed, iteration)
        with self.results.lock(place):
            found = self._found(place, weights=True) or self._trained(
                place, self._dense_ticket(seed), seed, 0, {"kind": "rewind"}, Stretch(last=iteration)
            )
        if found.metrics["status"] != "finished":
            raise InputError(f"The dense training of seed {seed} diverged before iteration {iteration}.")
        return found

    def level(
        self,
        treatment: Treatment,
        seed: int,
        number: int,
        parent: str | None = None,
        earlier: Sequence[dict] | None = None,
    ) -> Result:
        """One level, found or trained from the one before it; what is missing of that one is trained first.

        Its weights are there where all are kept, and where it was just trained; `load` gives them in any case.

        Args:
          treatment: the treatment.
          seed: the seed.
          number: the level; 0 is the dense network.
          parent: the fingerprint of the level that it has to be made from; what is found of another one is trained
            again. None takes what is there.
          earlier: the metrics of the levels before it, the dense network's first. Where they are given, the treatment's
            page for TensorBoard is written of them and this one.

        Raises:
          InputError: the level before diverged, a level that the treatment does not have, a rewind point beyond the
            training, or a criterion or action that returns what cannot be used.
        """
        self._check(treatment, number)
        if number == 0:
            return self.dense(seed)
        with self._lock(treatment, seed):
            found = self._next(treatment, seed, number, parent)
            if earlier is not None:
                self._show(treatment, seed, [*earlier, found.metrics])
            return found

    def control(self, treatment: Treatment, seed: int, number: int, control: str, draw: int = 1) -> Result:
        """A control of a level, found or trained; the level is trained first where it is missing.

        Args:
          treatment: the treatment, with the mask-0 action `zero` unless the control is `reorder`.
          seed: the seed.
          number: the level; 0, the dense network, has the control `reorder` only, from the treatment's rewind point.
          control: a name in `controls.CONTROLS`.
          draw: which of several controls of one kind, from 1.

        Returns:
          A result whose metrics are those of a level, with "kind" `control`, "control" and "draw"; its "parent" is the
          level. Its weights are kept where all are.

        Raises:
          InputError: a control that cannot be, or what `level` raises.
        """
        check(treatment, number, control, draw)
        # A level that is there is read without the lock of its treatment, which later levels may hold for long.
        there = self.results.peek(level_place(seed, treatment.name, number), weights=False)
        level = there or self.level(treatment, seed, number)
        place, parent = control_place(seed, treatment.name, number, control, draw), level.metrics["fingerprint"]
        with self.results.lock(place):
            if found := self._found(place, self._keep_weights, parent):
                return found
            ticket, stretch = self._control_ticket(treatment, seed, number, level, control, draw)
            identity = dataclasses.asdict(treatment)
            identity |= {"kind": "control", "control": control, "draw": draw, "parent": parent}
            keep, other = self._keep_weights, order_seed(control, seed, draw)
            return self._trained(place, ticket, seed, number, identity, stretch, other, keep)

    def controls(self, treatment: Treatment, seed: int, levels: int, control: str, draw: int = 1) -> Iterator[Result]:
        """The controls of one kind of a treatment's levels 1 to `levels`, but of those whose training diverged."""
        found = [level.metrics for level in self.levels(treatment, seed, levels)]
        for metrics in found[1:]:
            if metrics["status"] == "finished":
                yield self.control(treatment, seed, metrics["level"], control, draw)

    def load(self, treatment: Treatment, seed: int, level: int) -> keras.Model:
        """The experiment's model with a level's final weights and mask; what is missing of it is trained first.

        Raises:
          InputError: what `level` raises.
        """
        self._check(treatment, level)
        with self._lock(treatment, seed):
            found = self._level(treatment, seed, level, weights=True)
        networks.set_state(self.model, found.final, found.mask)
        return self.model

    def weights_bytes(self, treatment: Treatment, levels: int) -> int:
        """About how many bytes the weights of a treatment's levels take on disk if all are kept.

        Starting and final values are float32; where pruned weights are frozen at zero they compress to next to nothing.
        """
        kernels = networks.kernels(self.model)
        kept = masks.ladder(kernels, self.pruned_fraction, levels)
        if treatment.chosen_kept_fraction is not None:
            kept = [kept[0], treatment.chosen_kept_fraction]
        stored = sum(kept) if treatment.mask0 == "zero" else len(kept)
        return int(2 * 4 * stored * sum(kernel.size for kernel in kernels.values()))

    def _lock(self, treatment: Treatment, seed: int) -> contextlib.AbstractContextManager[None]:
        """Holds all levels of a treatment."""
        return self.results.lock(f"seed-{seed}/{treatment.name}")

    def _check(self, treatment: Treatment, level: int = 0) -> None:
        """Raises InputError, before anything is trained, for a treatment that this network, or a level that it cannot have."""
        if level < 0:
            raise InputError(f"Levels begin with 0, the dense network; level {level} is asked for.")
        if level > treatment.last_level(level):
            raise InputError(f"The treatment {treatment.name} has level 1 alone; level {level} is asked for.")
        treatment.check_length(self.trainer.settings.iterations)
        if treatment.chosen_kept_fraction is not None:
            sizes = {name: kernel.size for name, kernel in networks.kernels(self.model).items()}
            masks.counts_for(sizes, self.pruned_fraction, treatment.chosen_kept_fraction)

    def _next(self, treatment: Treatment, seed: int, number: int, parent: str | None = None) -> Result:
        """A level, after which the weights it was made from are dropped, unless they are to be kept."""
        trained_before = self.trained
        level = self._level(treatment, seed, number, parent, weights=self._keep_weights)
        # More than one training for one level: earlier weights had to be made again for it.
        for earlier in range(number - 1, max(0, number - 1 - max(1, self.trained - trained_before)), -1):
            place = level_place(seed, treatment.name, earlier)
            found = self.results.read(place, weights=False)
            if found is not None and not found.metrics["keep_weights"]:
                self.results.drop_weights(place)
        return level

    def _level(self, treatment: Treatment, seed: int, number: int, parent: str | None = None, weights=False) -> Result:
        """A level from the results or, where it is missing there, trained from the one before."""
        if number == 0:
            return self.dense(seed, weights)
        found = self._found(level_place(seed, treatment.name, number), weights, parent)
        if found is not None:
            return found
        earlier = treatment.parent(number)
        before = self._level(treatment, seed, earlier, weights=True)
        if before.metrics["status"] != "finished":
            raise InputError(f"Level {earlier} of {treatment.name}, seed {seed}, diverged: nothing follows it.")
        ticket = self._next_ticket(treatment, seed, number, before)
        identity = dataclasses.asdict(treatment) | {"parent": before.metrics["fingerprint"]}
        place = level_place(seed, treatment.name, number)
        return self._trained(place, ticket, seed, number, identity, self._stretch(treatment))

    def _found(self, place: str, weights: bool, parent: str | None = None) -> Result | None:
        """What the results hold at a place, unless it is the child of another parent than the one there is now."""
        found = self.results.read(place, weights)
        return found if found and parent in (None, found.metrics["parent"]) else None

    def _dense_ticket(self, seed: int) -> Ticket:
        initial = self._initial(seed)
        return Ticket(initial, masks.full({name: initial[name] for name in self.pruned_fraction}))

    def saliency_gradient(self, before: Result, number: int) -> State:
        """The gradient of one batch at a level's starting weights, for the criteria that make level `number` from it."""
        return self._saliency(before.ticket, before.metrics["seed"], number)

    def _saliency(self, ticket: Ticket, seed: int, number: int) -> State:
        train, batch_size = self.trainer.dataset.train, self.trainer.settings.batch_size
        rng = generator(seed, "saliency batch", number)
        return self.trainer.gradient(ticket, rng.choice(len(train), batch_size, replace=False))

    def _next_ticket(self, treatment: Treatment, seed: int, number: int, before: Result) -> Ticket:
        initial, pruned = self._initial(seed), self.pruned_fraction
        rewound, began = None, before.ticket
        if treatment.rewind_to:
            rewound = self.rewind_point(seed, treatment.rewind_to).final
            began = _with_kept(initial, before.ticket)
        gradient = self._saliency(began, seed, number) if treatment.wants_gradient else None
        return next_ticket(
            treatment, began, before.final, initial, pruned, self._draw(), seed, number, gradient, rewound
        )

    def _control_ticket(
        self, treatment: Treatment, seed: int, number: int, level: Result, control: str, draw: int
    ) -> tuple[Ticket, Stretch]:
        """What a control trains, and which iterations."""
        begins, stretch = CONTROLS[control].begins, self._stretch(treatment)
        if begins == "ticket" and number:
            with self._lock(treatment, seed):
                state = self._level(treatment, seed, number, weights=True).start
        elif begins == "beginning" or not treatment.rewind_to:
            state, stretch = self._initial(seed), Stretch()
        else:
            state = self.rewind_point(seed, treatment.rewind_to).final
        return control_ticket(control, level.mask, state, self._draw(), seed, number, draw), stretch

    def _stretch(self, treatment: Treatment) -> Stretch:
        """The iterations of a treatment's levels; a network that goes on keeps the learning rate of its end."""
        return Stretch(treatment.rewind_to, rate_from=self.trainer.settings.iterations if treatment.goes_on else None)

    def _draw(self) -> dict[str, Callable[[np.random.Generator], np.ndarray]]:
        """For each kernel a function of a generator that draws it anew."""
        layers = networks.masked_layers(self.model)
        return {name: functools.partial(networks.draw_kernel, layer) for name, layer in layers.items()}

    def _trained(
        self,
        place: str,
        ticket: Ticket,
        seed: int,
        number: int,
        identity: dict | None = None,
        stretch: Stretch | None = None,
        other_order: int | None = None,
        keep_weights: bool = True,
    ) -> Result:
        """Trains a ticket and stores what becomes of it, a level unless its identity says otherwise."""
        partial: Path | None = self.results.partial(place)
        snapshot = None if partial is None else Snapshot(partial, self._snapshot_seconds)
        with events.TrainingEvents(partial) as board:
            trained = self.trainer.train(
                ticket,
                seed,
                number,
                stretch=stretch,
                order_seed=other_order,
                snapshot=snapshot,
                on_history=board.history,
                on_steps=self._on_steps,
            )
            identity = NO_TREATMENT | {"parent": ""} | (identity or {}) | {"seed": seed, "level": number}
            result = Result(
                ticket.mask, self._metrics(ticket, trained, identity), trained.history, ticket.start, trained.final
            )
            board.level(result)
        result = result if keep_weights else result.without_weights()
        self.results.write(place, result)
        self.trained += 1
        return result

    def _show(self, treatment: Treatment, seed: int, finished: list[dict]) -> None:
        """Writes the treatment's page for TensorBoard; the treatment has to be locked."""
        folder = self.results.folder(f"seed-{seed}/{treatment.name}")
        if folder is not None:
            training = dataclasses.asdict(self.trainer.settings)
            described = {**self._labels, **dataclasses.asdict(treatment), "seed": seed, **training}
            shown = {
                name: str(value) if isinstance(value, tuple) else value
                for name, value in described.items()
                if value is not None
            }
            events.write_treatment(folder, shown, finished)

    def _metrics(self, ticket: Ticket, trained: Trained, identity: dict) -> dict:
        return {
            "kind": "level",
            **self._labels,
            **identity,
            "status": "diverged" if trained.diverged else "finished",
            "kept_fraction": masks.kept_fraction(ticket.mask),
            "early_stop_iteration": trained.early_stop_iteration,
            "early_stop_val_loss": finite(trained.early_stop_val_loss),
            "test_accuracy": finite(trained.test_accuracy),
            "final_test_accuracy": finite(trained.final_test_accuracy),
            "iterations": int(trained.history[-1, 0]),
            "seconds": round(trained.seconds, 3),
            "kept_fraction_by_layer": masks.kept_fraction_by_layer(ticket.mask),
            "fingerprint": fingerprint(trained.final, ticket.mask),
            "keep_weights": self._keep_weights,
            "versions": versions(),
        }


def _with_kept(initial: State, ticket: Ticket) -> Ticket:
    """A ticket's mask with kept weights at their initial values: what criteria see as w_i where a rewind point is later."""
    start = {name: np.where(kept, initial[name], ticket.start[name]) for name, kept in ticket.mask.items()}
    return Ticket(initial | start, ticket.mask)


def versions() -> dict[str, str]:
    """The versions of what the numbers depend on."""
    return {name: importlib.metadata.version(name) for name in PACKAGES}


def paper_experiment(settings: RunSettings, dataset: Dataset, results_dir: str | Path, **options) -> Experiment:
    """The experiment of one of the paper's networks, with a results folder.

    Args:
      settings: the network and all that its runs have in common.
      dataset: the images.
      results_dir: the folder that holds the results of all networks.
      **options: further arguments of `Experiment`.
    """
    image_shape = dataset.train.images.shape[1:]
    return Experiment(
        networks.build(settings.network, image_shape, dropout=settings.dropout),
        dataset,
        settings.training,
        settings.pruning,
        results=ResultsFolder(
            Path(results_dir) / settings.folder, dataclasses.asdict(settings) | {"data": dataset.fingerprint}
        ),
        labels={"network": settings.network, "dataset": settings.dataset, "schedule": settings.schedule},
        **options,
    )
