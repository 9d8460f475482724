"""The algorithm alone, with a training that NumPy makes up, against the paper's steps weight by weight."""

from types import SimpleNamespace

import numpy as np
import pytest

from lottery_tf.algorithm import lottery_tickets
from lottery_tf.pruning.treatments import SeededNetwork, Treatment

SIZE, FRACTION = 40, 0.3
DRAW = {"w": lambda rng: rng.normal(size=SIZE).astype(np.float32)}


def initial():
    return {"w": DRAW["w"](np.random.default_rng(1)), "bias": np.array([0.5], np.float32)}


def network(fraction=FRACTION):
    return SeededNetwork(initial(), {"w": fraction}, DRAW, seed=0)


def train(ticket, level):
    """Moves every kept weight by something of its own; pruned ones stay."""
    moved = ticket.start["w"] + np.random.default_rng(100 + level).normal(size=SIZE).astype(np.float32)
    final = {"w": np.where(ticket.mask["w"], moved, ticket.start["w"]), "bias": ticket.start["bias"] + 1}
    return SimpleNamespace(ticket=ticket, final=final, level=level)


def by_hand(treatment, levels, score, frozen):
    """The paper's steps for one layer, one weight at a time, with the mask-1 action `rewind`.

    Args:
      treatment: says whether each level is made from the one before.
      levels: how many.
      score: the mask criterion, of w_i and w_f.
      frozen: the mask-0 action, of the initial value and w_f.

    Yields:
      The mask, the start and the end of each level.
    """
    first = initial()["w"]
    mask, start, kept = [True] * SIZE, list(first), SIZE
    level = 0
    while True:
        ticket = SimpleNamespace(start={"w": np.array(start, np.float32), "bias": 0}, mask={"w": np.array(mask)})
        final = list(train(ticket, level).final["w"])
        yield mask, start, final
        if level == 0 or treatment.rounds == "iterative":
            parent = (mask, start, final)
        level += 1
        if level > levels:
            return
        mask, start = list(parent[0]), list(parent[1])
        kept -= int(kept * FRACTION)
        unmasked = sorted((i for i in range(SIZE) if mask[i]), key=lambda i: score(parent[1][i], parent[2][i]))
        for i in unmasked[: len(unmasked) - kept]:
            mask[i] = False
            start[i] = frozen(first[i], parent[2][i])


@pytest.mark.parametrize("rounds", ["iterative", "oneshot"])
@pytest.mark.parametrize(
    ("criterion", "mask0", "score", "frozen"),
    [
        ("large_final", "zero", lambda w_i, w_f: abs(w_f), lambda first, w_f: 0),
        ("magnitude_increase", "init", lambda w_i, w_f: abs(w_f) - abs(w_i), lambda first, w_f: first),
        (
            "movement",
            "hybrid",
            lambda w_i, w_f: abs(w_f - w_i),
            lambda first, w_f: 0 if abs(w_f) < abs(first) else first,
        ),
    ],
)
def test_levels_are_those_of_the_paper_by_hand(rounds, criterion, mask0, score, frozen):
    treatment = Treatment(criterion, mask0=mask0, rounds=rounds)
    found = list(lottery_tickets(train, treatment, network(), levels=range(1, 5)))
    wanted = list(by_hand(treatment, 4, score, frozen))
    assert [level.level for level in found] == [0, 1, 2, 3, 4]
    for level, (mask, start, final) in zip(found, wanted, strict=True):
        assert level.ticket.mask["w"].tolist() == mask
        assert level.ticket.start["w"].tolist() == start
        assert level.final["w"].tolist() == final
        assert level.ticket.start["bias"] == 0.5


@pytest.mark.parametrize("rounds", ["iterative", "oneshot"])
def test_it_can_be_taken_up_at_any_level(rounds):
    def levels(**options):
        treatment = Treatment("random", "reshuffle", "hybrid_random", rounds=rounds)
        return list(lottery_tickets(train, treatment, network(), **options))

    whole = levels(levels=[1, 2, 3, 4])
    parent = whole[2] if rounds == "iterative" else whole[0]
    for again, wanted in zip(levels(levels=[3, 4], parent=parent), whole[3:], strict=True):
        assert again.level == wanted.level
        assert again.final["w"].tobytes() == wanted.final["w"].tobytes()
        assert again.ticket.mask["w"].tobytes() == wanted.ticket.mask["w"].tobytes()


def test_nothing_is_trained_before_it_is_asked_for():
    trained = []

    def noting(ticket, level):
        trained.append(level)
        return train(ticket, level)

    levels = lottery_tickets(noting, Treatment(), network(), levels=[1, 2])
    assert trained == []
    next(levels)
    next(levels)
    assert trained == [0, 1]


def test_the_gradient_is_asked_for_only_by_criteria_that_want_it():
    asked = []

    def gradient(ticket, level):
        asked.append((level, ticket.mask["w"].sum()))
        return {"w": np.arange(SIZE) - 20.0}

    def levels(criterion):
        return list(lottery_tickets(train, Treatment(criterion), network(0.5), [1, 2], gradient))

    levels("large_final")
    assert asked == []
    _, first, _ = levels("grad")
    assert asked == [(1, 40), (2, 20)]
    assert np.abs(np.arange(SIZE) - 20)[first.ticket.mask["w"]].min() >= 10


def test_late_rewinding_goes_back_to_the_rewind_point_and_scores_the_initial_weights():
    rewound, first, seen = {"w": np.full(SIZE, 7.0, np.float32), "bias": np.array([9.0])}, initial(), []

    def gradient(ticket, level):
        seen.append(ticket.start["w"].copy())
        return {"w": np.ones(SIZE)}

    levels = lottery_tickets(train, Treatment("snip", rewind_to=5), network(0.5), [1, 2], gradient, rewound)
    _, one, two = levels
    magnitudes = np.abs(first["w"])
    for level, before in ((one, None), (two, one)):
        kept = level.ticket.mask["w"]
        np.testing.assert_array_equal(level.ticket.start["w"], np.where(kept, 7, 0))
        assert level.ticket.start["bias"] == 9
        unmasked = before.ticket.mask["w"] if before else np.ones(SIZE, bool)
        assert magnitudes[kept].min() > magnitudes[unmasked & ~kept].max()
    np.testing.assert_array_equal(seen[0], first["w"])
    np.testing.assert_array_equal(seen[1], np.where(one.ticket.mask["w"], first["w"], 0))


def test_it_needs_no_tensorflow(command):
    done = command(None, code="import lottery_tf.algorithm, sys; assert not {'keras', 'tensorflow'} & {*sys.modules}")
    assert done.returncode == 0, done.stderr
