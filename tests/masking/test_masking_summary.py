"""How many weights can be pruned, as printed and as recorded."""

import dataclasses
import json

import keras
import pytest
from own_classes import selectable

import lottery_tf as lt
from lottery_tf.errors import InputError
from lottery_tf.masking import model_weights
from lottery_tf.results.paths import EXPERIMENT_RECORD

layers = keras.layers


def test_what_can_be_pruned_is_told(caplog):
    with caplog.at_level("INFO"):
        model = lt.masked(selectable(), exclude=["conv", "output"])
    summary = lt.mask_summary(model)
    block, norm = 2 * 36, 4 * 6
    assert summary.maskable == 36 + block
    assert summary.without_mask == {"kernels of Conv1D": 54, "biases": 6 + 6 + 12 + 2, "BatchNormalization": norm,
                                  "kernels of Dense": 12}  # fmt: skip
    assert summary.weights == model.count_params() - 2 * summary.maskable == sum(v.size for v in _arrays(model))
    text = f"48.2% of {summary.weights} weights can be pruned; without a mask: kernels of Conv1D 54, biases 26"
    assert str(summary).startswith(text) and text in caplog.text


def _arrays(model):
    return model_weights.get_weights(model).values()


@pytest.mark.slow
def test_an_experiment_prunes_what_has_masks_and_counts_what_has_none(tiny_dataset, tmp_path, caplog):
    inputs = keras.Input((6, 6, 1))
    x = layers.Reshape((6, 6))(inputs)
    x = layers.Flatten()(layers.MultiHeadAttention(1, 2, name="attention")(x, x))
    model = keras.Model(inputs, layers.Dense(3, name="output")(layers.Dense(8, "relu", name="hidden")(x)))
    pruned = lt.masked(model, exclude="hidden")
    settings = lt.TrainingSettings(iterations=3, eval_interval=3, weight_decay=0.01)
    results = lt.ResultsFolder(tmp_path, {"model": "mine"})
    with caplog.at_level("INFO"):
        experiment = lt.Experiment(pruned, tiny_dataset, settings, results=results)
    assert str(experiment.mask_summary) in caplog.text
    record = json.loads((tmp_path / EXPERIMENT_RECORD).read_text())
    assert record["masks"] == dataclasses.asdict(experiment.mask_summary)
    with pytest.raises(InputError, match="holds results of another experiment: masks.maskable is 72 there"):
        lt.Experiment(model, tiny_dataset, settings, results=results)
    level = list(experiment.levels(lt.Treatment(), 0, 1))[-1]
    sizes = {name: kept.size for name, kept in level.mask.items()}
    assert len(sizes) == 4 + 2 and level.mask["hidden/kernel"].all()
    attention_kept, output = 4 * (12 - 2), 24
    assert level.metrics["kept_fraction"] == (attention_kept + 36 * 8 + output - 2) / sum(sizes.values())
    assert experiment.mask_summary.maskable == 4 * 12 + output
