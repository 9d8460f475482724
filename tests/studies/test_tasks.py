"""Tasks: where their results are, what they come after, and how much work they are."""

import dataclasses

import pytest

from lottery_tf.models.settings import experiment_settings
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.studies.planning import Request, mask_training, plan
from lottery_tf.studies.tasks import ControlTask, HeuristicMasksTask, LearnedMaskTask, LevelTask, RewindPointTask
from lottery_tf.supermasks.mask_settings import MaskSettings
from lottery_tf.supermasks.mask_sources import UNTRAINED, MaskSource

SETTINGS = experiment_settings("fc", "digits", "100", batch_size=20)
RUN = "fc-digits/100"


def test_levels_follow_one_another_from_the_dense_network():
    tasks = plan(Request(("figure5",), ("fc",), (0,), levels=3)).tasks
    chain = "fc-mnist/paper/seed-0/large_final-rewind-hybrid"
    assert tasks["fc-mnist/paper/seed-0/dense"].prerequisites == ()
    assert tasks[f"{chain}/level-01"].prerequisites == ("fc-mnist/paper/seed-0/dense",)
    assert tasks[f"{chain}/level-03"].prerequisites == (f"{chain}/level-02",)
    assert f"{chain}/level-04" not in tasks


def test_rewind_points_and_tickets_come_before_what_starts_from_them():
    tasks = plan(Request(("unmasking", "lottery"), ("fc",), (0,), levels=2)).tasks
    run = "fc-mnist/paper/seed-0"
    assert tasks[f"{run}/large_final-rewind-zero-rewind500/level-01"].prerequisites == (
        f"{run}/dense",
        f"{run}/rewind-500",
    )
    # One-shot levels are made from the dense network; that one follows the other is for order's sake.
    second = tasks[f"{run}/large_final-rewind-zero-oneshot/level-02"]
    assert second.made_from.key == f"{run}/dense"
    assert second.prerequisites == (f"{run}/dense", f"{run}/large_final-rewind-zero-oneshot/level-01")
    ticket = f"{run}/large_final-rewind-zero/level-02"
    assert tasks[f"{ticket}-reinit-3"].prerequisites == (ticket,)
    assert tasks[f"{run}/random-rewind-zero-rewind2000/level-02"].iterations == 50_380 - 2000


def test_the_untrained_baseline_is_one_mask_however_many_levels_there_are():
    tasks = plan(Request(("figure7",), ("fc",), (0,), 5, "digits", "100")).tasks.values()
    amounts = {task.mask_source.source: task.amount for task in tasks if isinstance(task, HeuristicMasksTask)}
    assert amounts == {"baseline": 2, "oneshot": 2 * 5}


REWINDS = Treatment("movement", rewind_to=30)
MASK = LearnedMaskTask("fc", "digits", MaskSettings(), mask_training(SETTINGS), 4)


@pytest.mark.parametrize(
    ("task", "key", "log", "iterations"),
    [
        (LevelTask(SETTINGS, 4), "seed-4/dense", "seed-4/dense", 100),
        (LevelTask(SETTINGS, 4, 2, REWINDS), "seed-4/movement-rewind-zero-rewind30/level-02",
         "seed-4/movement-rewind-zero-rewind30", 70),
        (RewindPointTask(SETTINGS, 4, 30), "seed-4/rewind-30", "seed-4/rewind-30", 30),
        (ControlTask(SETTINGS, 4, 2, REWINDS, "reinit", 3), "seed-4/movement-rewind-zero-rewind30/level-02-reinit-3",
         "seed-4/movement-rewind-zero-rewind30-reinit-3", 100),
        (HeuristicMasksTask(SETTINGS, 4, MaskSource("oneshot", "movement"), 3), "seed-4/supermask/oneshot-movement",
         "seed-4/supermask/oneshot-movement", 0),
    ],
)  # fmt: skip
def test_every_task_has_a_place_a_log_and_a_length(task, key, log, iterations):
    assert (task.key, task.log_name, task.iterations) == (f"{RUN}/{key}", log, iterations)
    assert (task.network, task.dataset, task.seed) == ("fc", "digits", 4)
    assert task.settings_on_disk == dataclasses.asdict(SETTINGS)
    if iterations:
        assert (task.kind, task.amount) == ("training", 20 * iterations)


def test_a_learned_mask_stands_with_others_and_waits_for_nothing():
    assert MASK.key.startswith("fc-digits/learned_masks/seed-4/") and MASK.prerequisites == ()
    longer = dataclasses.replace(MASK, training=dataclasses.replace(MASK.training, iterations=7))
    assert longer.folder == MASK.folder and longer.settings_on_disk == MASK.settings_on_disk
    assert longer.result_path != MASK.result_path
    assert longer.amount == 7 * MASK.training.batch_size


def test_sets_of_masks_write_the_best_of_each_kind_before_themselves():
    task = HeuristicMasksTask(SETTINGS, 4, UNTRAINED, 3)
    *best, own = task.keys
    assert best == [f"{own}-best-initial", f"{own}-best-signed_constant"]
    assert task.prerequisites == (f"{RUN}/seed-4/dense",)


def test_levels_of_a_treatment_lead_to_the_dense_network():
    third = LevelTask(SETTINGS, 4, 3, REWINDS)
    assert third.other_level(2) == LevelTask(SETTINGS, 4, 2, REWINDS)
    assert third.other_level(0) == LevelTask(SETTINGS, 4)
    assert third.made_from.made_from.made_from == LevelTask(SETTINGS, 4)
    assert third.rewinds_to == RewindPointTask(SETTINGS, 4, 30)
    control = ControlTask(SETTINGS, 4, 3, REWINDS, "reinit", 1)
    assert (control.made_from, control.rewinds_to, control.follows) == (third, third.rewinds_to, None)
