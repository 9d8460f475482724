"""Names as they were before a change still work, and warn."""

import inspect

import numpy as np
import pytest
from tiny_experiments import on_disk

import lottery_tf as lt
from lottery_tf.landscape.curvature import Hessian
from lottery_tf.pruning.kept_counts import counts_for
from lottery_tf.training.checkpoint import Checkpoint

OLD_NAMES = {  # class -> its old names and what they are called now, as the CHANGELOG lists them
    lt.Treatment: {"made": "matches", "goes_on": "continues_training", "check_length": "check_training"},
    lt.Experiment: {"trained": "trainings"},
    lt.HeuristicSupermasks: {"ladder": "evaluate"},
    lt.Trainer: {"of": "with_model"},
    lt.MaskLearner: {"of": "with_settings"},
    lt.MaskedModel: {"drawn": "draw_network", "scatter_scores": "draw_scores"},
    lt.MaskSummary: {"left_whole": "without_mask"},
}
OF_RESULTS = {"place": ("result_path", {"lock", "read", "peek", "write", "drop_weights", "folder", "partial"})}
OLD_ARGUMENTS = {  # class -> the old names of arguments, what they are called now, and the methods that have them
    lt.Curvature: {"state": ("weights", {"at", "loss", "gradient", "product"})},
    lt.HeuristicSupermasks: {"ladder": ("mask_source", {"evaluate"})},
    lt.MemoryResults: OF_RESULTS,
    lt.ResultsFolder: OF_RESULTS,
    lt.Trainer: {
        "jit_compile": ("compiler", {"__init__"}),
        "stretch": ("iteration_range", {"train"}),
        "snapshot": ("checkpoint", {"train"}),
    },
}
CALLS = [
    (getattr(owner, method), owner.__name__ if method == "__init__" else f"{owner.__name__}.{method}", old, new)
    for owner, arguments in OLD_ARGUMENTS.items()
    for old, (new, methods) in arguments.items()
    for method in sorted(methods)
]


def test_methods_and_properties_do_what_their_new_names_do():
    treatment, summary = lt.Treatment(mask1="finetune"), lt.MaskSummary(10, 8, {"last": 2})
    with pytest.warns(DeprecationWarning, match=r"^Treatment.made is now called Treatment.matches\.$") as warned:
        assert treatment.made({"criterion": "large_final", "mask1": "finetune"})
    assert warned[0].filename == __file__, "Python shows such warnings only for the caller's own code"
    with pytest.warns(DeprecationWarning, match="continues_training"):
        assert treatment.goes_on
    with pytest.warns(DeprecationWarning, match="check_training"), pytest.raises(lt.InputError, match="rewind_to is 5"):
        lt.Treatment(rewind_to=5).check_length(iterations=5)
    with pytest.warns(DeprecationWarning, match="without_mask"):
        assert summary.left_whole == {"last": 2}


def test_a_property_that_became_a_function_does_what_it_does():
    settings = lt.experiment_settings("fc", "mnist", precision="mixed_bfloat16")
    with pytest.warns(DeprecationWarning, match="is now called lottery_tf.results.paths.experiment_folder") as warned:
        assert settings.folder == "fc-mnist/paper-mixed_bfloat16"
    assert warned[0].filename == __file__


def test_a_function_takes_an_argument_by_its_old_name():
    sizes, fractions = {"hidden": 1000, "output": 100}, {"hidden": 0.2, "output": 0.1}
    with pytest.warns(DeprecationWarning, match="argument kept of counts_for is now called kept_fraction") as warned:
        assert counts_for(sizes, fractions, kept=0.5) == counts_for(sizes, fractions, kept_fraction=0.5)
    assert warned[0].filename == __file__
    with pytest.raises(TypeError, match="got the argument 'kept_fraction' under its old name 'kept' too"):
        counts_for(sizes, fractions, kept=0.5, kept_fraction=0.5)


def test_masked_models_draw_under_the_old_name_too():
    masked = lt.MaskedModel(lt.build("fc", (2, 2, 1)), g="edge_popup", kept_fraction=0.5)
    logits = [mask.logits.numpy() for mask in masked.masks]
    with pytest.warns(DeprecationWarning, match="draw_scores"):
        masked.scatter_scores(1)
    changed = [mask.logits.numpy() for mask in masked.masks]
    masked.draw_scores(1)
    for before, drawn, again in zip(logits, changed, masked.masks, strict=True):
        assert (before != drawn).any()
        np.testing.assert_array_equal(drawn, again.logits.numpy())


@pytest.mark.parametrize("owner", OLD_NAMES)
def test_every_old_name_is_there_and_its_new_one_too(owner):
    for old, new in OLD_NAMES[owner].items():
        assert old in vars(owner)
        assert new in vars(owner) or new in owner.__dataclass_fields__


@pytest.mark.parametrize("method, name, old, new", CALLS)
def test_every_old_argument_is_known_and_given_once(method, name, old, new):
    assert new in inspect.signature(method).parameters
    text, twice = rf"^The argument {old} of {name} is now called {new}\.$", f"{new}' under its old name '{old}' too"
    with pytest.warns(DeprecationWarning, match=text) as warned, pytest.raises(TypeError, match=twice):
        method(None, **{old: 1, new: 1})
    assert warned[0].filename == __file__


@pytest.mark.parametrize("kind", [lt.MemoryResults, lambda: lt.ResultsFolder("results", {})])
def test_results_are_written_and_read_at_a_place(kind, experiment, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    results, dense = kind(), experiment.dense(0, weights=True)
    with pytest.warns(DeprecationWarning), results.lock(place="seed-0/dense"):
        results.write(place="seed-0/dense", result=dense)
        assert results.read(place="seed-0/dense", weights=True).metrics == dense.metrics
        results.drop_weights(place="seed-0/dense")
    assert results.read("seed-0/dense", weights=True) is None
    assert results.read("seed-0/dense", weights=False).final is None


def test_curvature_at_a_state(tiny_model, tiny_dataset):
    curvature, weights = lt.Curvature(tiny_model, tiny_dataset.train), lt.get_weights(tiny_model)
    with pytest.warns(DeprecationWarning):
        loss = curvature.loss(state=weights)
        hessian = curvature.at(state=weights, mask={})
        assert hessian.state is weights
    assert loss == curvature.loss(weights) and isinstance(hessian, Hessian)
    with pytest.warns(DeprecationWarning), pytest.raises(lt.InputError, match="weights is 5"):
        curvature.loss(state=5)


@pytest.mark.parametrize("jit_compile, compiler", [(True, "xla"), (False, "graph"), (None, "xla")])
def test_trainers_that_are_compiled_or_not(tiny_model, tiny_dataset, jit_compile, compiler):
    with pytest.warns(DeprecationWarning, match="now called compiler"):
        trainer = lt.Trainer(tiny_model, tiny_dataset, lt.TrainingSettings(2), jit_compile=jit_compile)
    assert trainer.compiler == compiler


def test_a_stretch_of_a_training_with_snapshots(trainer, tmp_path):
    ticket = lt.Ticket(lt.get_weights(trainer.model), {})
    with pytest.warns(DeprecationWarning, match="now called (iteration_range|checkpoint)"):
        trained = trainer.train(ticket, 0, 0, stretch=lt.IterationRange(last=5), snapshot=Checkpoint(tmp_path, 0))
    assert trained.history[-1, 0] == 5 and list(tmp_path.iterdir())


def test_mask_sources_that_are_given_as_ladders(experiment):
    dense = experiment.dense(0, weights=True)
    with pytest.warns(DeprecationWarning) as warned:
        result = lt.HeuristicSupermasks(experiment).ladder(dense, ladder=lt.Ladder("oneshot", "movement"), levels=1)
    assert {warning.filename for warning in warned} == {__file__}
    assert len(result.metrics["rows"]) == 2


def test_the_page_of_a_treatment_is_shown(trainer, tmp_path):
    experiment, treatment = on_disk(trainer, tmp_path), lt.Treatment()
    level = experiment.level(treatment, 0, 1)
    folder = experiment.results.folder(f"seed-0/{treatment.name}")
    assert not list(folder.glob("events*"))
    with pytest.warns(DeprecationWarning, match=r"^Experiment\.show.* is now called Experiment\.level\(.*earlier"):
        experiment.show(treatment, 0, [experiment.dense(0).metrics, level.metrics])
    assert list(folder.glob("events*"))
