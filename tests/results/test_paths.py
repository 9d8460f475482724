"""Paths of results: every built path is parsed, and paths of old results folders have not changed."""

import dataclasses

import pytest

from lottery_tf.models.settings import TrainingSettings
from lottery_tf.results import paths
from lottery_tf.results.paths import ParsedPath, parse_result_path
from lottery_tf.supermasks.mask_settings import NOT_FOR_MASKS, MaskSettings

TREATMENT = "large_final-rewind-zero"
TRAINING = TrainingSettings(iterations=400, learning_rate=0.1, optimizer="momentum", batch_size=60)
PATHS = {  # path on disk -> the same as it is built, and what it says
    "seed-3/dense": (paths.level_path(3, TREATMENT, 0), ("", 0, "dense")),
    f"seed-3/{TREATMENT}/level-07": (paths.level_path(3, TREATMENT, 7), (TREATMENT, 7, "level-07")),
    f"seed-3/{TREATMENT}/level-100": (paths.level_path(3, TREATMENT, 100), (TREATMENT, 100, "level-100")),
    "seed-3/rewind-500": (paths.rewind_point_path(3, 500), ("", None, "rewind-500")),
    f"seed-3/{TREATMENT}/level-07-reinit-2": (
        paths.control_path(3, TREATMENT, 7, "reinit", 2),
        (TREATMENT, 7, "level-07-reinit-2"),
    ),
    f"seed-3/{TREATMENT}/level-00-reorder-1": (
        paths.control_path(3, TREATMENT, 0, "reorder", 1),
        (TREATMENT, 0, "level-00-reorder-1"),
    ),
    f"seed-3/{TREATMENT}/dense-line-level-01": (
        paths.measurement_path(3, TREATMENT, paths.level_name(0), "line", paths.level_name(1)),
        (TREATMENT, 0, "dense-line-level-01"),
    ),
    "seed-3/supermask/oneshot-movement-best-initial": (
        paths.supermask_path(3, "oneshot-movement", "initial"),
        ("supermask", None, "oneshot-movement-best-initial"),
    ),
    "seed-3/initial-bernoulli-m0-momentum0.1-batch60-400": (
        paths.learned_mask_path(MaskSettings().name, TRAINING, 3),
        ("", None, "initial-bernoulli-m0-momentum0.1-batch60-400"),
    ),
}


@pytest.mark.parametrize("path", PATHS)
def test_paths_on_disk_are_built_and_parsed(path):
    built, (treatment, level, name) = PATHS[path]
    assert built == path
    assert parse_result_path(path) == ParsedPath("", 3, treatment, level, name)
    assert parse_result_path(f"/disk/results/fc-mnist/paper/{path}").experiment == "fc-mnist/paper"
    assert parse_result_path(f"paper/{path}").experiment == "paper"


@pytest.mark.parametrize(
    "path", ["lines/ab-cd", "seed-3", "seed-x/dense", "studies/trial-0", f"seed-3/{TREATMENT}/a/b", ""]
)
def test_what_is_no_path_of_a_result_is_not_parsed(path):
    assert parse_result_path(path) is None


def test_paths_beside_results():
    assert paths.line_path("ab", "cd") == "lines/ab-cd"
    assert paths.study_path(("trial", "paper"), "12ab") == "studies/trial+paper-12ab"
    assert paths.learned_masks_folder("fc", "mnist") == "fc-mnist/learned_masks"


def test_the_path_of_a_learned_mask_has_all_settings_that_its_folder_does_not_record():
    usual = TrainingSettings(100)
    other = {
        "iterations": 200,
        "learning_rate": 0.5,
        "optimizer": "sgd",
        "batch_size": 7,
        "precision": "mixed_bfloat16",
    }
    other |= {"decay": "cosine", "eval_interval": 7, "learning_rate_drops": (50,), "warmup_iterations": 5}
    other |= {"weight_decay": 1e-3, "augmentation": "flip_and_crop"}
    assert set(other) == {field.name for field in dataclasses.fields(TrainingSettings)}
    changed = {name: dataclasses.replace(usual, **{name: value}) for name, value in other.items()}
    moved = {name for name, training in changed.items() if learned_mask_path(training) != learned_mask_path(usual)}
    assert moved == set(paths.IN_MASK_PATHS) == set(other) - {"eval_interval", *NOT_FOR_MASKS}


def learned_mask_path(training):
    return paths.learned_mask_path("initial", training, seed=0)
