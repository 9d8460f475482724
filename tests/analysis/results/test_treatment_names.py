"""Names of treatments as the analysis shows them, beside those that `Treatment` gives to folders."""

import dataclasses
import math

import pytest

from analysis.results.treatment_names import scope_of, treatment_name
from lottery_tf.models.table_s1 import NETWORKS
from lottery_tf.pruning.treatments import Treatment


@pytest.mark.parametrize("network", NETWORKS)
def test_a_networks_own_scope_is_not_named(network):
    treatment = Treatment("movement", mask0="init", rewind_to=5, rounds="oneshot", chosen_kept_fraction=0.25)
    fields = dataclasses.asdict(treatment)
    assert treatment_name(network, **fields | {"scope": scope_of(network)}) == treatment.name
    (other,) = {"layer", "global"} - {scope_of(network)}
    name = treatment_name(network, **fields | {"scope": other})
    assert name == dataclasses.replace(treatment, scope="global").name.replace(
        "global", "global" if other == "global" else "layerwise"
    )


def test_only_resnet_and_vgg_are_pruned_globally():
    assert {name for name in NETWORKS if scope_of(name) == "global"} == {"resnet20", "vgg19"}


def test_the_dense_network_has_no_other_name_and_no_function_is_looked_up():
    fields = dataclasses.asdict(Treatment()) | {"chosen_kept_fraction": math.nan}
    assert treatment_name("fc", **fields | {"criterion": "dense"}) == "dense"
    assert treatment_name("fc", **fields | {"criterion": "no_module:f"}) == "no_module+f-rewind-zero"
