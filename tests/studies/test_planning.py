"""Plans: what each request holds, every training once, and prerequisites first."""

import dataclasses

import pytest

from lottery_tf.errors import InputError
from lottery_tf.studies.named_studies import COLLECTIONS, STUDIES
from lottery_tf.studies.planning import Request, plan, treatments_left_out
from lottery_tf.studies.tasks import LearnedMaskTask, LevelTask


def planned(*studies, **options):
    return plan(Request(studies, **({"networks": ("fc",), "seeds": (0,)} | options)))


def test_the_whole_paper_wants_each_training_once():
    whole = plan(Request(("paper",)))
    parts = [set(plan(Request((name,))).tasks) for name in COLLECTIONS["paper"]]
    assert set(whole.tasks) == set().union(*parts)
    assert len(whole.tasks) < sum(map(len, parts))
    # 4 networks x 5 seeds x 24 levels; figures 3, 4, 5 and the supplement share criteria and actions.
    treatments = {t for name in COLLECTIONS["paper"] for t in STUDIES[name].treatments}
    levels = sum(isinstance(task, LevelTask) for task in whole.tasks.values())
    assert levels == 4 * 5 * (1 + 24 * len(treatments))
    assert whole.shared == [key for key in whole.tasks if sum(key in part for part in parts) > 1]


def test_every_unit_comes_after_what_it_needs():
    seen = set()
    for key, task in planned("paper", networks=("fc", "conv2"), seeds=(3, 1)).tasks.items():
        assert seen.issuperset(task.prerequisites)
        seen.add(key)


def test_deeper_networks_are_pruned_as_a_whole():
    scopes = {w.treatment.scope for w in planned("lottery", networks=("resnet20",)).tasks.values() if w.made_from}
    assert scopes == {"global"}


def test_data_sets_seeds_and_schedules():
    tasks = plan(Request(("figure5",), ("fc", "conv4"), (7,), 1, schedule="tenth")).tasks
    assert {(w.network, w.dataset, w.iterations) for w in tasks.values()} == {
        ("fc", "mnist", 5038),
        ("conv4", "cifar10", 2550),
    }
    assert {task.dataset for task in planned("figure5", dataset="digits").tasks.values()} == {"digits"}
    demo = plan(Request(("demo",))).tasks.values()
    assert {(w.network, w.dataset, w.seed, w.iterations) for w in demo if w.iterations} == {
        ("fc", "digits", s, 500) for s in (0, 1, 2)
    }


def test_other_learning_rates_are_for_trainings_alone():
    asked = {"learning_rate": 0.03, "warmup_iterations": 200, "levels": 1}
    tasks = planned("lottery", "table1", networks=("resnet20", "fc"), schedule="tenth", **asked).tasks.values()
    trained = {
        (w.settings.training.learning_rate, w.settings.training.warmup_iterations)
        for w in tasks
        if w.kind == "training"
    }
    assert trained == {(0.03, 200)}
    assert {w.training.learning_rate for w in tasks if isinstance(w, LearnedMaskTask) and w.network == "fc"} == {100.0}


def test_rewind_points_beyond_the_trainings_are_left_out():
    request = Request(("unmasking",), ("fc",), (0,), 1, schedule="300")
    points = {
        task.treatment.rewind_to for task in plan(request).tasks.values() if isinstance(task, LevelTask) and task.level
    }
    assert points == {0, 100, 250}
    assert len(treatments_left_out(request)) == 2 * 3
    assert treatments_left_out(dataclasses.replace(request, schedule="paper")) == []


def test_masks_are_learned_as_section_s3_says():
    masks = [w for w in plan(Request(("table1",), ("conv6",), (0,))).tasks.values() if isinstance(w, LearnedMaskTask)]
    training = {dataclasses.astuple(task.training)[:4] for task in masks}
    assert training == {(800, 20.0, "momentum", 250)}
    assert {task.mask.initial_logit for task in masks} == {-5.0, -2.0, 0.0, 2.0, 5.0}


def test_masks_are_learned_by_a_preset():
    tasks = plan(Request(("table1",), ("conv6",), (0,), mask_preset="adam_cosine")).tasks.values()
    training = {dataclasses.astuple(task.training)[:4] for task in tasks if isinstance(task, LearnedMaskTask)}
    assert training == {(800, 0.1, "adam", 250)}
    assert {task.training.decay for task in tasks if isinstance(task, LearnedMaskTask)} == {"cosine"}
    assert {task.settings.training.decay for task in tasks if isinstance(task, LevelTask)} == {"none"}


@pytest.mark.parametrize(
    ("options", "iterations"),
    [
        ({"schedule": "half"}, {1000, 400}),
        ({"schedule": "600"}, {600}),
        ({"schedule": "half", "mask_iterations": 22_000}, {22_000}),
    ],
)
def test_masks_are_learned_as_long_as_is_asked_for(options, iterations):
    tasks = plan(Request(("table1",), ("fc", "conv6"), (0,), **options)).tasks.values()
    assert {task.training.iterations for task in tasks if isinstance(task, LearnedMaskTask)} == iterations
    assert not any(task.settings.training.iterations in {400, 22_000} for task in tasks if isinstance(task, LevelTask))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"studies": ("figure33",)}, "did you mean 'figure3'"),
        ({"studies": ("demo",), "networks": ("fcc",)}, "did you mean 'fc'"),
        ({"studies": ("demo",), "seeds": (1, 1)}, "seeds gives 1 more than once"),
        ({"studies": ("demo", "demo")}, "studies gives demo more than once"),
        ({"studies": ("demo",), "networks": ()}, "networks is empty"),
        ({"studies": ("demo",), "levels": 0}, "levels is 0"),
        ({"studies": ("demo",), "learning_rate": float("nan")}, "learning_rate is nan"),
        ({"studies": ("demo",), "dataset": "minst"}, "did you mean 'mnist'"),
        ({"studies": ("demo",), "mask_preset": "adam"}, "Unknown preset of mask training 'adam'"),
        ({"studies": ("demo",), "schedule": "hlaf"}, "did you mean 'half'"),
        ({"studies": ("demo",), "schedule": "0"}, "iterations is 0"),
        ({"studies": ("table1",), "mask_iterations": 0}, "iterations is 0"),
    ],
)
def test_what_cannot_be_is_refused(options, message):
    with pytest.raises(InputError, match=message):
        plan(Request(**options))


def test_a_study_takes_further_criteria(light_command, tmp_path):
    """One's own too, in every study that trains treatments."""
    flags = ("--study=demo,figure5,table1", "--networks=fc", "--seeds=0", "--levels=2", "--schedule=100",
                 "--dataset=digits", "--dry_run", f"--results_dir={tmp_path}")  # fmt: skip
    mine = "lottery_tf.pruning.criteria:movement"
    usual, more = (
        plan(Request(("demo", "figure5"), ("fc",), (0,), 2, "digits", "100", criterion=criterion))
        for criterion in ((), (mine,))
    )
    assert {key.split("/")[3] for key in more.tasks.keys() - usual.tasks.keys()} == {
        "lottery_tf.pruning.criteria+movement-rewind-zero"
    }
    counts = [
        light_command("runs.study", *flags, *criterion).stdout.splitlines()[1:4]
        for criterion in ([], [f"--criterion={mine}"])
    ]
    units = [{line.split()[0]: int(line.split()[1]) for line in lines} for lines in counts]
    assert {name: units[1][name] - units[0][name] for name in units[0]} == {"demo": 2, "figure5": 2, "table1": 0}
    refused = light_command("runs.study", *flags, "--criterion=movment")
    assert (refused.returncode, "did you mean 'movement'" in refused.stderr) == (2, True)
