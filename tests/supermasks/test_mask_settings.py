"""Settings of learned masks: their names, and invalid ones."""

import dataclasses

import pytest

from lottery_tf.errors import InputError
from lottery_tf.models.settings import TrainingSettings
from lottery_tf.results.paths import learned_mask_path
from lottery_tf.supermasks.mask_settings import MaskSettings

pytestmark = pytest.mark.slow  # masks are learned

TRAINING = TrainingSettings(iterations=40, learning_rate=100.0, optimizer="momentum", batch_size=50, eval_interval=10)


def test_names_say_all_that_a_mask_depends_on():
    settings = MaskSettings("signed_constant", initial_logit=(("a/kernel", -1.0), ("b/kernel", 2.5)), l1=1e-5)
    assert learned_mask_path(settings.name, TRAINING, 4) == (
        "seed-4/signed_constant-bernoulli-ma=-1+b=2.5-l1_1e-05-momentum100-batch50-40"
    )


def test_what_came_later_is_in_the_name_where_it_is_not_as_before():
    usual = TrainingSettings(50, 0.1, "adam")
    names = {
        learned_mask_path(MaskSettings().name, dataclasses.replace(usual, **changes), 0)
        for changes in ({}, {"decay": "cosine"}, {"precision": "mixed_bfloat16"})
    }
    stem = "seed-0/initial-bernoulli-m0-adam0.1-batch60-50"
    assert names == {stem, f"{stem}-cosine", f"{stem}-mixed_bfloat16"}
    assert MaskSettings("signed_constant", weight_multiplier=0.5).name == "signed_constant-x0.5-bernoulli-m0"


def test_impossible_settings():
    with pytest.raises(InputError, match="kept_fraction is 0"):
        MaskSettings(g="edge_popup", kept_fraction=0.0)


def test_every_field_that_differs_is_in_the_name():
    """Masks are found by the name; a field that it lacks would be taken for its default."""
    other = {"weights": "signed_constant", "g": "rounded", "rescale": True, "initial_logit": 2.0, "l1": 0.5}
    other |= {"kept_fraction": 0.5, "weight_multiplier": 2.0}
    assert set(other) == {field.name for field in dataclasses.fields(MaskSettings)}
    changed = [
        {name: value} | ({"g": "edge_popup"} if name == "kept_fraction" else {}) for name, value in other.items()
    ]
    assert len({MaskSettings().name, *(MaskSettings(**fields).name for fields in changed)}) == 1 + len(other)

    @dataclasses.dataclass(frozen=True)
    class Wider(MaskSettings):
        temperature: float = 1.0

    assert Wider().name == MaskSettings().name
    assert Wider(temperature=0.5).name == "initial-bernoulli-m0-temperature=0.5"
