"""Steps 2 to 4 of the algorithm, and functions of a user's own."""

import dataclasses
import pickle

import numpy as np
import pytest
from rounds_by_hand import SHAPES, draw_state, one_step, rounds

from lottery_tf.errors import InputError
from lottery_tf.pruning.criteria import CRITERIA
from lottery_tf.pruning.mask0_actions import MASK0
from lottery_tf.pruning.mask1_actions import MASK1
from lottery_tf.pruning.treatments import Treatment


@pytest.mark.parametrize("mask0", MASK0)
@pytest.mark.parametrize("mask1", MASK1)
def test_frozen_values_never_change_again(mask0, mask1):
    before = None
    for ticket, _ in rounds(Treatment("magnitude_increase", mask1, mask0)):
        for name in SHAPES if before else ():
            pruned = ~before.mask[name]
            assert (pruned <= ~ticket.mask[name]).all()
            assert ticket.start[name][pruned].tobytes() == before.start[name][pruned].tobytes()
        before = ticket


def test_other_weights_go_back_to_their_initial_values():
    for ticket, _ in rounds(Treatment()):
        assert (ticket.start["a/bias"] == 0).all()


def test_actions_start_from_the_true_initial_weights_in_every_round():
    *_, (ticket, _) = rounds(Treatment("large_final", "reshuffle"))
    initial, kept = draw_state(0)["a/kernel"], ticket.mask["a/kernel"]
    np.testing.assert_array_equal(np.sort(ticket.start["a/kernel"][kept]), np.sort(initial[kept]))


def doubles_in_place(w_i, w_f, kept, pruned):
    w_i[kept] *= 2
    w_f[~kept] = 0
    kept[:], pruned[:] = False, True
    return w_i


def zeros_in_place(start, w_f, pruned):
    start[pruned] = 0
    w_f[:] = 0
    return start


def test_actions_that_work_in_place_spoil_nothing():
    here = __name__ + ":"
    initial = draw_state(0)
    before = {name: value.copy() for name, value in initial.items()}
    tickets = list(
        rounds(Treatment("large_final", here + "doubles_in_place", here + "zeros_in_place"), initial=initial)
    )
    assert all((initial[name] == before[name]).all() for name in initial)
    for (ticket, final), (earlier, _) in zip(tickets[1:], tickets, strict=False):
        for name in SHAPES:
            kept, gone = ticket.mask[name], earlier.mask[name] & ~ticket.mask[name]
            np.testing.assert_array_equal(ticket.start[name][kept], 2 * before[name][kept])
            assert (ticket.start[name][gone] == 0).all() and (final[name][gone] != 0).all()


def test_fine_tuning_goes_on_with_the_whole_network():
    _, final, ticket = one_step(Treatment(mask1="finetune"))
    np.testing.assert_array_equal(ticket.start["a/bias"], final["a/bias"])
    for name, kept in ticket.mask.items():
        np.testing.assert_array_equal(ticket.start[name], np.where(kept, final[name], 0))


@pytest.mark.parametrize("mask0", ["zero", "init"])
def test_late_rewinding_goes_back_to_the_rewind_point(mask0):
    """Kept weights and all others; pruned ones are frozen at zero or at the untrained network's values."""
    rewound = draw_state(5)
    initial, _, ticket = one_step(Treatment(mask0=mask0, rewind_to=3), rewound=rewound)
    np.testing.assert_array_equal(ticket.start["a/bias"], rewound["a/bias"])
    for name, kept in ticket.mask.items():
        frozen = initial[name] if mask0 == "init" else 0
        np.testing.assert_array_equal(ticket.start[name], np.where(kept, rewound[name], frozen))


def test_signs_of_a_late_rewind_are_those_of_the_rewind_point():
    rewound = draw_state(5)
    _, _, ticket = one_step(Treatment(mask1="constant_init_sign", rewind_to=3), rewound=rewound)
    for name, kept in ticket.mask.items():
        np.testing.assert_array_equal(np.sign(ticket.start[name][kept]), np.sign(rewound[name][kept]))


def test_names_say_what_is_not_as_in_the_paper():
    names = [
        Treatment(**{field: value}).name
        for field, value in (("scope", "global"), ("rewind_to", 5), ("rounds", "oneshot"))
    ]
    assert names == [f"large_final-rewind-zero-{part}" for part in ("global", "rewind5", "oneshot")]
    assert Treatment().name == "large_final-rewind-zero"


def test_metrics_tell_treatments_apart():
    old = {"criterion": "random", "mask1": "rewind", "mask0": "zero", "level": 3, "kept_fraction": 0.5}
    assert Treatment("random").matches(old)
    assert not Treatment().matches(old)
    late = Treatment("random", rewind_to=5)
    assert late.matches(old | dataclasses.asdict(late))
    assert not late.matches(old)
    assert not Treatment("random").matches(old | dataclasses.asdict(late))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"scope": "globl"}, "Unknown scope of pruning 'globl'; did you mean 'global'"),
        ({"rounds": "one-shot"}, "Unknown kind of rounds 'one-shot'; did you mean 'oneshot'"),
        ({"rewind_to": -1}, "rewind_to is -1; it must be at least 0"),
        ({"rewind_to": 5, "mask1": "finetune"}, "rewind_to is 5, but the mask-1 action 'finetune' does not rewind"),
        ({"chosen_kept_fraction": 0.2}, r"kept_fraction\) is 0.2; it needs one-shot pruning"),
        ({"chosen_kept_fraction": 1.2, "rounds": "oneshot"}, r"kept_fraction\) is 1.2; it must lie between 0 and 1"),
    ],
)
def test_treatments_that_cannot_be_are_refused(fields, message):
    with pytest.raises(InputError, match=message):
        Treatment(**fields)


def my_criterion(w_f, gradient):
    """A criterion of a user's own: keeps weights whose final value and gradient point the same way."""
    return w_f * gradient


def my_action(w_i):
    """A mask-1 action of a user's own."""
    return w_i / 2


def test_own_functions_by_module_and_name():
    treatment = Treatment(f"{__name__}:my_criterion", f"{__name__}:my_action")
    assert treatment.wants_gradient
    assert treatment.name == f"{__name__}+my_criterion-{__name__}+my_action-zero"
    *_, (ticket, final) = rounds(treatment, count=1)
    kept, score = ticket.mask["a/kernel"], final["a/kernel"] * draw_state(9)["a/kernel"]
    assert score[kept].min() > score[~kept].max()
    np.testing.assert_array_equal(ticket.start["a/kernel"][kept], draw_state(0)["a/kernel"][kept] / 2)


def wants_too_much(w_i, hessian):
    """A criterion that asks for something nobody has."""


def returns_a_row(w_i):
    """A mask-1 action that returns the wrong shape."""
    return w_i[0]


def returns_nan(start):
    """A mask-0 action that returns no numbers."""
    return start * np.nan


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("large_finale",), "Unknown mask criterion 'large_finale'; did you mean 'large_final'? Valid: large_final, "),
        (("random", "rewnd"), "Unknown mask-1 action 'rewnd'; did you mean 'rewind'"),
        (("random", "rewind", "hybrids"), "Unknown mask-0 action 'hybrids'; did you mean 'hybrid"),
        (("no.such.module:f",), "cannot import 'no.such.module'"),
        (("math:no_such",), "'math' has no function 'no_such'"),
        (("builtins:max",), "has no readable signature"),
        (("operator:neg",), "has positional-only parameters"),
        (("./module:function",), "cannot import './module'"),
        (
            (my_criterion,),
            "is not a name. Results are stored by name: give 'package.module:function', or '__main__:function'",
        ),
        ((f"{__name__}:wants_too_much",), "has the parameters hessian; it may have w_i, w_f, gradient"),
    ],
)
def test_unknown_names_are_refused(names, message):
    with pytest.raises(InputError) as error:
        Treatment(*names)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("mask1", "mask0", "message"),
    [
        (f"{__name__}:returns_a_row", "zero", r"returned shape \(10,\) for a layer of shape \(20, 10\)"),
        ("rewind", f"{__name__}:returns_nan", "not finite numbers"),
    ],
)
def test_unusable_values_are_refused(mask1, mask0, message):
    with pytest.raises(InputError, match=message):
        list(rounds(Treatment("random", mask1, mask0)))


def test_going_on_with_a_learning_rate_of_zero_is_refused():
    with pytest.raises(InputError, match="'finetune' trains with the last learning rate .* 0 with cosine decay"):
        Treatment(mask1="finetune").check_training(100, decay="cosine")
    Treatment(mask1="finetune").check_training(100)
    Treatment().check_training(100, decay="cosine")


def test_another_process_gets_names_and_finds_the_functions_itself():
    """A function of a script cannot be sent to a process that does not have the script."""
    treatment = Treatment("movement", mask0="init")
    assert treatment.functions == (CRITERIA["movement"], MASK1["rewind"], MASK0["init"])
    sent = pickle.dumps(treatment)
    assert b"lottery_tf.pruning.criteria" not in sent
    assert pickle.loads(sent) == treatment and pickle.loads(sent).functions == treatment.functions


def test_every_field_that_differs_is_in_the_name():
    """Results are found by the name; a field that it lacks would be taken for its default."""
    other = {"criterion": "movement", "mask1": "reinit", "mask0": "init", "scope": "global", "rewind_to": 5}
    other |= {"rounds": "oneshot", "chosen_kept_fraction": 0.5}
    assert set(other) == {field.name for field in dataclasses.fields(Treatment)}
    with_rounds = [{"rounds": "oneshot"} if name == "chosen_kept_fraction" else {} for name in other]
    named = [Treatment(**more | {name: other[name]}).name for name, more in zip(other, with_rounds, strict=True)]
    assert len({Treatment().name, *named}) == 1 + len(other)

    @dataclasses.dataclass(frozen=True)
    class Wider(Treatment):
        temperature: float = 1.0

    assert Wider().name == Treatment().name
    assert Wider(temperature=0.5).name == "large_final-rewind-zero-temperature=0.5"
