"""Event files as TensorBoard's own reader sees them."""

import numpy as np
import pytest
from event_files import read, scalars

from lottery_tf.models.settings import experiment_settings
from lottery_tf.paper_networks import paper_experiment
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.training.tensorboard import (
    BY_KEPT,
    COMPARED,
    TREATMENT_SCALARS,
    TrainingEvents,
    input_connections,
    write_treatment_page,
)

pytestmark = pytest.mark.slow  # trains and writes events


@pytest.fixture
def run(digits, tmp_path):
    """Two levels of fc on the digits, and where they lie."""
    settings = experiment_settings("fc", "digits", "30", eval_interval=10)
    levels = list(paper_experiment(settings, digits, tmp_path).levels(Treatment(), 0, 2))
    return levels, tmp_path / "fc-digits" / "30" / "seed-0"


def test_curves_of_a_level(run):
    levels, folder = run
    board = read(folder / Treatment().name / "level-02")
    history = levels[2].history
    assert scalars(board, "validation_loss") == pytest.approx({int(row[0]): row[3] for row in history})
    assert scalars(board, "train_accuracy") == pytest.approx({int(row[0]): row[2] for row in history[1:]})


def test_masks_and_weights_of_a_level(run):
    levels, folder = run
    board, metrics = read(folder / Treatment().name / "level-02"), levels[2].metrics
    for name, share in metrics["kept_fraction_by_layer"].items():
        layer = name.removesuffix("/kernel")
        assert scalars(board, f"kept_fraction/{layer}") == pytest.approx({2: share})
        assert {f"w_i/{name}", f"w_f/{name}"} <= set(board.Tags()["tensors"])
    assert "input pixels that keep connections" in board.Tags()["tensors"]


def hparams_data(board, tag):
    """What TensorBoard's plugin for hyperparameters is told under a tag."""
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    return HParamsPluginData.FromString(board.summary_metadata[tag].plugin_data.content)


def test_accuracy_by_kept_share_and_by_level(run):
    levels, folder = run
    board = read(folder / Treatment().name)
    expected = {round(1e4 * level.metrics["kept_fraction"]): level.metrics["test_accuracy"] for level in levels}
    assert scalars(board, f"{BY_KEPT}/test_accuracy") == pytest.approx(expected)
    assert "10,000 is the dense network" in board.summary_metadata[f"{BY_KEPT}/test_accuracy"].summary_description
    assert list(scalars(board, "by level/test_accuracy").values()) == pytest.approx(list(expected.values()))
    for tag in board.Tags()["tensors"]:
        steps = [event.step for event in board.Tensors(tag)]
        assert steps == sorted(steps), "TensorBoard forgets what stands before a lower step"


def test_hyperparameters_and_numbers_that_tell_treatments_apart(run):
    """None of them is the dense network's, which all treatments of a seed share."""
    levels, folder = run
    board = read(folder / Treatment().name)
    hparams = hparams_data(board, "_hparams_/session_start_info").session_start_info.hparams
    assert hparams["criterion"].string_value == "large_final"
    assert hparams["learning_rate"].number_value == pytest.approx(1.2e-3)
    experiment = hparams_data(board, "_hparams_/experiment").experiment
    columns = [column.name for column in experiment.hparam_infos]
    assert {"network", "criterion", "mask1", "mask0", "rewind_to", "seed"} <= {*columns}
    # TensorBoard sorts columns so, and shows five by default.
    ordered = sorted(experiment.hparam_infos, key=lambda column: (not column.differs, column.name))
    assert {column.name for column in ordered[:5]} == {"criterion", "mask1", "mask0", "rounds", "seed"}
    accuracies = [level.metrics["test_accuracy"] for level in levels[1:]]
    wanted = [np.mean(accuracies), max(accuracies), accuracies[-1], 100 * levels[-1].metrics["kept_fraction"]]
    shown = [list(scalars(board, metric.name.tag).values()) for metric in experiment.metric_infos]
    assert shown == [[pytest.approx(value)] for value in wanted]


def test_a_page_keeps_all_levels_when_a_later_command_asks_for_fewer(run, digits, tmp_path):
    _, folder = run
    settings = experiment_settings("fc", "digits", "30", eval_interval=10)
    again = paper_experiment(settings, digits, tmp_path)
    assert len(list(again.levels(Treatment(), 0, 1))) == 2 and again.trainings == 0
    page = folder / Treatment().name
    assert list(scalars(read(page), "by level/test_accuracy")) == [0, 1, 2]


def test_a_level_that_diverged_has_no_point(tmp_path):
    """It has an early-stopping iteration all the same, from before it diverged."""
    measures = dict.fromkeys(TREATMENT_SCALARS, 0.5)
    levels = [
        measures | {"level": 0, "kept_fraction": 1.0, "status": "finished"},
        measures | {"level": 1, "kept_fraction": 0.8, "status": "diverged"},
    ]
    write_treatment_page(tmp_path, {}, {}, levels)
    board = read(tmp_path)
    assert scalars(board, "by level/early_stop_iteration") == {0: 0.5}
    assert not COMPARED.keys() & {*board.Tags()["tensors"]}


def test_an_interrupted_level_is_not_written_twice(tmp_path):
    history = np.array([[0, np.nan, np.nan, 2.0, 0.1], [10, 1.0, 0.5, 1.0, 0.6], [20, 0.5, 0.7, 0.9, 0.7]])
    with TrainingEvents(tmp_path) as board:
        board.history(history[:2])
    with TrainingEvents(tmp_path) as board:  # taken up from a checkpoint: the history so far comes first
        board.history(history[:1])
        board.history(history)
    assert len(read(tmp_path).Tensors("validation_loss")) == 3


def test_input_connections():
    mask = {"first": np.zeros((4, 10), bool), "second": np.ones((10, 3), bool)}
    mask["first"][1, :5] = mask["first"][3] = True
    np.testing.assert_array_equal(input_connections(mask)[:, :, 0], [[0, 0.5], [0, 1]])
    assert input_connections({"conv": np.ones((3, 3, 1, 4), bool)}) is None
    assert input_connections({"dense": np.ones((5, 4), bool)}) is None
    assert input_connections({"dense": np.ones((4, 4), bool)}) is None, "a picture of a dense network is a white tile"
