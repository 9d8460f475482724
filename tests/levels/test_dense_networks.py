"""Dense networks are trained once for all treatments; late rewinding goes back to where their training passed."""

import numpy as np
import pytest
from tiny_experiments import experiment_with, on_disk

from lottery_tf.errors import InputError
from lottery_tf.masking import model_weights
from lottery_tf.pruning.treatments import Treatment


@pytest.mark.slow
def test_the_dense_network_is_trained_once_a_seed(experiment):
    for criterion in ("large_final", "random"):
        list(experiment.levels(Treatment(criterion), seed=0, levels=2))
    assert experiment.trainings == 1 + 2 * 2
    list(experiment.levels(Treatment("random"), seed=1, levels=2))
    assert experiment.trainings == 5 + 1 + 2


def snapshots_of_the_dense_training(experiment, iterations):
    """The dense network's weights as its training passes through some iterations."""
    passed = {}

    def passes(history):
        if history[-1, 0] in iterations:
            passed[int(history[-1, 0])] = model_weights.get_weights(experiment.model)

    dense = experiment.dense(0, weights=True)
    experiment.trainer.train(dense.ticket, 0, 0, on_history=passes)
    return passed


@pytest.mark.slow
@pytest.mark.parametrize("treatment", [Treatment(rewind_to=5), Treatment("random", "reshuffle", rewind_to=10)])
def test_late_rewinding_goes_back_to_where_the_dense_training_passed(treatment, experiment):
    passed = snapshots_of_the_dense_training(experiment, (5, 10))[treatment.rewind_to]
    for level in list(experiment.levels(treatment, 0, 2))[1:]:
        assert level.history[:, 0].tolist() == list(range(treatment.rewind_to, 16, 5))
        assert level.metrics["iterations"] == 15
        for name, value in passed.items():
            if name not in level.mask:
                assert level.start[name].tobytes() == value.tobytes()
                continue
            kept = level.mask[name]
            own = (level.start[name][kept], value[kept])
            if treatment.mask1 == "reshuffle":
                own = tuple(map(np.sort, own))
            assert own[0].tobytes() == own[1].tobytes()


@pytest.mark.slow
def test_the_rewind_point_is_stored_and_shared(trainer, tmp_path):
    first = on_disk(trainer, tmp_path)
    for criterion in ("large_final", "random"):
        list(first.levels(Treatment(criterion, rewind_to=5), 0, 1))
    assert first.trainings == 1 + 1 + 2
    metrics = first.rewind_point(0, 5).metrics
    assert (metrics["kind"], metrics["iterations"]) == ("rewind", 5)
    again = on_disk(trainer, tmp_path)
    wanted = again.rewind_point(0, 5).metrics["fingerprint"]
    (first.results.folder("seed-0/rewind-5") / "weights.npz").write_bytes(b"")
    assert again.rewind_point(0, 5).metrics["fingerprint"] == wanted
    assert again.trainings == 1


@pytest.mark.parametrize("iteration", [15, 400])
def test_a_rewind_point_beyond_the_training_is_refused(iteration, experiment):
    with pytest.raises(InputError, match=f"rewind_to is {iteration}; it must be below the 15 iterations"):
        list(experiment.levels(Treatment(rewind_to=iteration), 0, 1))
    with pytest.raises(InputError, match=f"rewind_to is {iteration}"):
        experiment.rewind_point(0, iteration)


def test_own_initial_weights(trainer, tiny_model):
    state = {name: np.full_like(value, 0.01) for name, value in model_weights.get_weights(tiny_model).items()}
    experiment = experiment_with(trainer, initial=lambda seed: state)
    dense, _ = experiment.levels(Treatment(), 0, 1)
    assert all((value == np.float32(0.01)).all() for value in dense.start.values())
