"""Modules and their names as in version 0.1.0 can still be imported, and warn."""

import importlib
import subprocess
import sys
import types

import keras
import pytest
from shared import ROOT

import lottery_tf as lt
from lottery_tf.old_modules import OLD_MODULES, RENAMED

NAMES = {  # module of version 0.1.0 -> the names that it defined, without those that only its own package used
    "actions": "rewind finetune reinit reshuffle constant reinit_init_sign reshuffle_init_sign constant_init_sign zero "
    "init hybrid hybrid_all hybrid_random hybrid_reverse MASK1 MASK0 MASK1_OFFERS MASK0_OFFERS GOES_ON",
    "compaction": "compact",
    "controls": "reinit random reorder Control CONTROLS control_place check control_ticket order_seed",
    "criteria": "large_final small_final large_init small_init large_init_large_final small_init_small_final "
    "magnitude_increase movement random large_final_same_sign large_final_diff_sign magnitude_increase_same_sign "
    "magnitude_increase_diff_sign snip grad LAST OFFERS CRITERIA",
    "data": "Split Dataset load",
    "heuristics": "Ladder UNTRAINED HeuristicSupermasks dense_scores one_shot_masks supermask_place",
    "landscape.paths": "POINTS STABLE MATCHING Measured Path barrier rise between line ray measured_path matching "
    "Connection successive",
    "layers": "mask_gradient MaskedLayer MaskedDense MaskedConv1D MaskedConv2D MaskedConv3D MASKABLE",
    "mask_learning": "compiled MaskLearner paper_learner",
    "mask_settings": "GATES MaskSettings",
    "masks": "Mask full keep_highest keep_highest_overall lowest_first checked_scores kept_counts counts_after "
    "counts_for check kept_fraction kept_fraction_by_layer pruned_fraction_by_layer ladder pack unpack",
    "networks": "build masked unmasked kernels kernel_tensors variables get_state set_state draw_kernel initial_state",
    "pruning": "Experiment paper_experiment",
    "settings": "NetworkSettings NETWORKS DatasetSettings DATASETS OPTIMIZERS AUGMENTATIONS SCHEDULES TrainingSettings "
    "PruningSettings RunSettings run_settings scheduled_iterations",
    "store": "HISTORY_COLUMNS DENSE CHECKSUMS WEIGHTS EVENT_FILES PARTIAL Result level_place rewind_place fingerprint "
    "MemoryResults ResultsFolder write_files drop_weights intact Snapshot finished finished_places read_history",
    "supermask": "straight_through bernoulli rounded edge_popup GATES KeptProbability MaskLogits MaskedModel "
    "logits_by_kernel",
    "tickets": "pack_supermask pack_trained rebuild Size sizes",
    "training": "Trained Stretch Trainer",
    "treatments": "State ROUNDS Treatment Ticket SCOPES",
}
ALL = [(module, name) for module, names in NAMES.items() for name in names.split()]


def warnings_of(statement):
    """The texts of the warnings of a statement that stands in this file."""
    with pytest.warns(DeprecationWarning) as warned:
        exec(compile(statement, __file__, "exec"), {"__name__": __name__})
    assert {warning.filename for warning in warned} == {__file__}
    return [str(warning.message) for warning in warned]


@pytest.mark.parametrize("module, name", ALL)
def test_every_name_of_an_old_module_is_what_the_warning_says(module, name):
    *_, text = warnings_of(f"from lottery_tf.{module} import {name}")
    old, new = text.removesuffix(".").split(" is now called ")
    assert old == f"lottery_tf.{module}.{name}"
    home, _, new_name = new.rpartition(".")
    with pytest.warns(DeprecationWarning):
        found = getattr(importlib.import_module(f"lottery_tf.{module}"), name)
    assert found is getattr(importlib.import_module(home), new_name)
    if home != "lottery_tf" and isinstance(found, types.FunctionType | type):
        assert found.__module__ == home and found.__name__ == new_name, "the module that defines it is named"


def test_the_tables_have_no_other_entries():
    assert {module for module, _ in ALL} == OLD_MODULES.keys() | {"pruning", "tickets", "training"}
    assert RENAMED.keys() <= {f"{module}.{name}" for module, name in ALL}


@pytest.mark.parametrize("module", OLD_MODULES)
def test_importing_an_old_module_names_the_new_ones(module, monkeypatch):
    monkeypatch.delitem(sys.modules, f"lottery_tf.{module}", raising=False)
    homes = ", ".join(f"lottery_tf.{home}" for home in OLD_MODULES[module])
    assert warnings_of(f"import lottery_tf.{module}") == [f"lottery_tf.{module} is now called {homes}."]


def test_an_old_module_is_an_attribute_of_the_package_too():
    with pytest.warns(DeprecationWarning, match="now called lottery_tf.get_weights"):
        assert lt.networks.get_state is lt.get_weights


def test_public_names_are_named_as_such():
    assert warnings_of("from lottery_tf.masks import unpack")[-1].endswith("now called lottery_tf.unpack_mask.")
    assert warnings_of("from lottery_tf.training import Stretch")[-1].endswith("now called lottery_tf.IterationRange.")
    # `lt.rewind` is another function than the action.
    assert warnings_of("from lottery_tf.actions import rewind")[-1].endswith("pruning.mask1_actions.rewind.")


@pytest.mark.parametrize("module", NAMES)
def test_other_names_are_not_there(module):
    with pytest.raises(ImportError, match="nothing_of_the_kind"):
        exec(f"from lottery_tf.{module} import nothing_of_the_kind")


def test_modules_that_never_were_are_not_found():
    with pytest.raises(ModuleNotFoundError, match="nothing_of_the_kind"):
        importlib.import_module("lottery_tf.nothing_of_the_kind")


def test_registered_classes_keep_the_names_in_keras_files():
    registered = [lt.MaskedDense, lt.MaskedConv1D, lt.MaskedConv2D, lt.MaskedConv3D, lt.MaskedModel]
    names = [keras.saving.get_registered_name(each) for each in registered]
    assert names == [f"lottery_tf>{each.__name__}" for each in registered]


@pytest.mark.slow
def test_the_numpy_modules_load_without_tensorflow():
    modules = "actions controls criteria masks mask_settings settings store treatments heuristics data".split()
    imported = ", ".join(f"lottery_tf.{module}" for module in modules)
    code = f"import sys, {imported}; print(*({{'tensorflow', 'keras'}} & {{*sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "\n"
