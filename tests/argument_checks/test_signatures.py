"""Public functions and classes answer arguments of wrong types with an InputError, never with an error from inside."""

import dataclasses
import inspect
import types

import numpy as np
import pytest

import lottery_tf as lt
from lottery_tf.argument_checks.signatures import checked
from lottery_tf.errors import DamagedFile, InputError
from lottery_tf.landscape.interpolation import LossAndError
from lottery_tf.pruning import masks
from lottery_tf.pruning.masks import pack_mask
from lottery_tf.training.training_variables import TrainingVariables

NAN = float("nan")
WRONG = [
    None,
    5,
    -1,
    2.5,
    NAN,
    True,
    "a",
    b"a",
    [object()],
    object(),
    {"a": NAN},
    {1: 2},
    np.array(["a"]),
    {},
]
TAKE_ANYTHING = {  # what takes whatever it is given, and why
    "MaskedDense", "MaskedConv1D", "MaskedConv2D", "MaskedConv3D",  # layers of Keras, with Keras's arguments
    "MaskedLayer", "DamagedFile", "InputError",
}  # fmt: skip
STORED = {"metrics", "start", "final", "w_i", "loss", "loss_weights", "optimizer", "parent"}  # which may be any object
KERAS_OWN = {
    "call",
    "train_step",
    "test_step",
    "get_config",
    "from_config",
    "load_own_variables",
}  # methods that Keras calls


@pytest.fixture(scope="module")
def valid(tmp_path_factory):
    """For each public name arguments that it takes, and an instance of each class with methods."""
    rng = np.random.default_rng(0)
    images, labels = rng.random((20, 2, 2, 1), np.float32), np.arange(20) % 10
    split = lt.Split(images, labels)
    dataset = lt.Dataset(split, split, split)
    model, settings = lt.build("fc", (2, 2, 1)), lt.TrainingSettings(2, batch_size=10)
    weights = lt.get_weights(model)
    names = [name for name in weights if name.endswith("kernel")]
    mask = masks.full({name: weights[name] for name in names})
    fractions = dict.fromkeys(names, 0.2)
    draw = {name: lambda rng, name=name: weights[name] for name in names}
    seeded = lt.SeededNetwork(weights, fractions, draw, 0)
    trainer = lt.Trainer(model, dataset, settings)
    experiment = lt.Experiment(model, dataset, settings)
    dense = experiment.dense(0, weights=True)
    ticket = lt.Ticket(weights, mask)
    content = lt.pack_supermask(model, mask, 0)
    results = tmp_path_factory.mktemp("results")
    arguments = {
        "Curvature": {"model": model, "images": split},
        "Dataset": {"train": split, "validation": split, "test": split},
        "Evaluator": {"trainer": trainer},
        "Example": dataclasses.asdict(lt.examples()["fc-mnist-supermask"]),
        "Experiment": {"model": model, "dataset": dataset, "training": settings},
        "HeuristicSupermasks": {"experiment": experiment},
        "IterationRange": {},
        "MaskLearner": {"network": model, "dataset": dataset, "settings": lt.MaskSettings(), "training": settings},
        "MaskSettings": {},
        "MaskSource": {"source": "oneshot", "criterion": "movement"},
        "MaskSummary": vars(lt.mask_summary(model)),
        "MaskedModel": {"network": model},
        "MemoryResults": {},
        "ObjectiveSettings": {},
        "OneShot": {"kept": mask, "scores": weights, "pruned_fraction": fractions},
        "PackedTicket": {"architecture": {}, "seed": 0, "weights": "initial", "rescale": False}
        | {"mask": mask, "others": {}},
        "PruningSettings": {},
        "ResultsFolder": {"path": results / "own", "settings": {}},
        "ExperimentSettings": vars(lt.experiment_settings()),
        "SeededNetwork": vars(seeded),
        "Split": {"images": images, "labels": labels},
        "StoredResult": {"mask": mask, "metrics": {}},
        "Ticket": {"start": weights, "mask": mask},
        "Trainer": {"model": model, "dataset": dataset, "settings": settings},
        "TrainingSettings": {"iterations": 3},
        "Treatment": {},
        "barrier": {"values": [1.0, 2.0]},
        "below_threshold": {"before": weights, "after": weights, "kept": mask}
        | {"next_counts": {name: 3 for name in names}},
        "build": {"name": "fc", "image_shape": (2, 2, 1)},
        "compact": {"model": model},
        "example": {"name": "fc-mnist-supermask"},
        "examples": {},
        "finished": {"root": results},
        "get_weights": {"model": model},
        "instability": {"evaluate": lambda weights: LossAndError(1.0, 0.5), "ends": [weights] * 2, "points": 2},
        "line": {"evaluate": lambda weights: LossAndError(1.0, 0.5), "first": weights, "second": weights, "points": 2},
        "load": {"name": "digits", "image_shape": (8, 8, 1)},
        "lottery_tickets": {"train": lambda ticket, level: dense, "treatment": lt.Treatment(), "network": seeded}
        | {"levels": []},
        "mask_summary": {"model": model},
        "masked": {"model": model},
        "next_ticket": {"treatment": lt.Treatment(), "network": seeded, "before": ticket, "final": weights}
        | {"level": 1},
        "pack_supermask": {"model": model, "mask": mask, "seed": 0},
        "pack_trained": {"model": model, "seed": 0},
        "paper_experiment": {
            "settings": lt.experiment_settings(),
            "dataset": lt.load("digits"),
            "results_dir": results,
        },
        "rebuild": {"packed": content},
        "rewind": {"model": model, "weights": weights},
        "robustness": {"train": lambda ticket: weights, "evaluate": lambda weights: LossAndError(1.0, 0.5)}
        | {"ticket": ticket, "unperturbed": weights, "before": weights, "projection": 1.0, "seed": 0, "level": 1}
        | {"points": 2},
        "experiment_settings": {},
        "set_weights": {"model": model, "state": weights},
        "successive": {"evaluate": lambda weights: LossAndError(1.0, 0.5), "ends": [weights] * 2, "dense_error": 0.5}
        | {"points": 2},
        "unmasked": {"model": model},
        "unpack_mask": {"arrays": pack_mask(mask)},
    }
    own = {"treatment": lt.Treatment(), "seed": 0, "levels": 1, "number": 0, "level": 0, "control": "reinit"}
    own |= {"weights": False, "iteration": 1, "draw": 1, "before": dense, "settings": settings, "model": model}
    own |= {"finished": [dense.metrics]}
    methods = {  # class -> an instance, and arguments by the names of its methods' parameters
        "Curvature": (lt.Curvature(model, split), {"weights": weights, "mask": mask, "direction": weights}),
        "Evaluator": (lt.Evaluator(trainer, batch_norm_images=0), {"weights": weights}),
        "Experiment": (experiment, own),
        "HeuristicSupermasks": (
            lt.HeuristicSupermasks(experiment),
            {"dense": dense, "mask_source": lt.MaskSource("oneshot", "movement"), "levels": 1},
        ),
        "MaskedModel": (lt.MaskedModel(model), {"seed": 0}),
        "MemoryResults": (
            lt.MemoryResults(),
            {"name": "a", "wanted": {}, "result_path": "a", "weights": False, "result": dense},
        ),
        "OneShot": (lt.OneShot(mask, weights, fractions), {"fraction": 0.5}),
        "ResultsFolder": (
            lt.ResultsFolder(results / "other", {}),
            {"name": "a.json", "wanted": {}, "result_path": "a", "weights": False, "result": dense},
        ),
        "Split": (split, {"indices": np.arange(3)}),
        "Ticket": (ticket, {"weights": weights}),
        "Trainer": (
            trainer,
            {"split": "test", "ticket": ticket, "seed": 0, "level": 0, "indices": np.arange(3), "model": model},
        ),
        "Treatment": (lt.Treatment(), {"wanted": 1, "level": 1, "iterations": 5, "metrics": {}}),
    }
    return arguments, methods


def functions_of(valid):
    """Every public function and class, and every method of public classes, with valid arguments."""
    arguments, methods = valid
    for name in sorted(set(lt.__all__) - TAKE_ANYTHING):
        if callable(found := getattr(lt, name)):
            yield name, found, arguments[name]
        if name not in methods:
            continue
        instance, offered = methods[name]
        for own, method in inspect.getmembers(type(instance), inspect.isfunction):
            public = not own.startswith("_") or (own == "__call__" and "__call__" in vars(type(instance)))
            if public and own in vars(type(instance)) and own not in KERAS_OWN and not own.startswith("act_on"):
                parameters = list(inspect.signature(method).parameters.values())[1:]
                given = {p.name: offered[p.name] for p in parameters if p.default is p.empty and p.name in offered}
                yield f"{name}.{own}", types.MethodType(method, instance), given


def begin_training(*of):
    """Stands for the beginning of a training: the arguments were taken."""
    raise InputError("A training would have begun.")


def finish(made):
    """Runs what is computed only when it is asked for; one step of it."""
    if inspect.isgenerator(made):
        next(made, None)


@pytest.mark.slow
def test_no_argument_ends_in_an_error_from_the_depth(valid, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)  # a path such as "a" is taken
    monkeypatch.setattr(TrainingVariables, "begin", begin_training)
    depth, taken = [], []
    count = 0
    for name, function, arguments in functions_of(valid):
        for parameter in inspect.signature(function).parameters.values():
            if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
                continue
            for wrong in WRONG:
                count += 1
                try:
                    finish(function(**arguments | {parameter.name: wrong}))
                    if type(wrong) is object and parameter.name not in STORED:
                        taken.append(f"{name}({parameter.name}={wrong!r})")
                except (InputError, DamagedFile, OSError) as error:
                    assert len(str(error)) > 15 and "object has no attribute" not in str(error), (
                        name,
                        parameter,
                        error,
                    )
                except Exception as error:  # noqa: BLE001, all of them are told together
                    depth.append(f"{name}({parameter.name}={wrong!r:.30}): {type(error).__name__} {error!s:.100}")
    assert not depth, "\n".join(depth)
    assert not taken, "\n".join(taken)
    assert count > 1500


@pytest.mark.slow
@pytest.mark.parametrize("field", ["loss", "metrics", "optimizer"])
def test_what_keras_makes_no_loss_or_optimizer_of(field, valid):
    arguments = valid[0]["Trainer"] | ({} if field == "loss" else {"loss": "mse"})
    for wrong in (5, object(), [object()], NAN, {1: 2}):
        with pytest.raises(InputError, match="Keras|metrics|loss"):
            lt.Trainer(**arguments | {field: wrong})


@pytest.mark.parametrize(
    ("called", "word", "near"),
    [
        (lt.Experiment, "los", "loss"),
        (lt.Experiment, "keep_weight", "keep_weights"),
        (lt.MaskLearner, "metric", "metrics"),
        (lt.MaskLearner, "snapshot_second", "snapshot_seconds"),
        (lt.Trainer, "optimiser", "optimizer"),
        (lt.Trainer, "from_logit", "from_logits"),
        (lt.masked, "onyl", "only"),
        (lt.Split, "divideby", "divide_by"),
    ],
)
def test_unknown_keywords_name_the_class_that_was_called_and_the_nearest(called, word, near):
    with pytest.raises(TypeError, match=rf"^{called.__name__}\(\) has no argument '{word}'; did you mean '{near}'\?$"):
        called(**{word: 1})
    with pytest.raises(TypeError, match=r"has no argument 'zzz'\.$"):
        called(zzz=1)


def test_functions_stay_what_they_are():
    @checked
    def given(a: int, /, b: "str" = "x", *rest: int, c: float | None = None) -> tuple:
        """Returns what it was given."""
        return a, b, rest, c

    assert given(1) == (1, "x", (), None) and given(1, "y", 2, 3, c=0.5) == (1, "y", (2, 3), 0.5)
    assert given.__doc__ == "Returns what it was given." and str(inspect.signature(given)).startswith("(a: int, /")
    for wrong in ((), (1, "y", 2, {"d": 1})):
        with pytest.raises((TypeError, InputError)):
            given(*wrong) if not wrong else given(*wrong[:3], **wrong[3])
    with pytest.raises(InputError, match="^c is 'a'; it must be a number.$"):
        given(1, c="a")
