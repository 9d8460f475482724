"""Layers inside other layers, wrappers, and models of a user's own classes: masked, trained and saved."""

import keras
import numpy as np
import pytest
from own_classes import attention, doubled, examples, halved, nested, recurrent, subclassed

import lottery_tf as lt
from lottery_tf.masking import model_weights
from lottery_tf.masking.sublayers import all_layers
from lottery_tf.pruning.treatments import Ticket
from lottery_tf.training.trainer import Trainer

layers = keras.layers

MODELS = {  # how a model is made -> how many kernels it has
    attention: 4 + 4 + 2, recurrent: 1 + 4 + 1 + 2 + 2 + 4 + 1, subclassed: 4, doubled: 4, nested: 1 + 4 + 4, halved: 2,
}  # fmt: skip


def random_masks(model, seed=0):
    """Masks 60% of every kernel, and puts a third of the pruned weights at zero, the others at odd values."""
    rng = np.random.default_rng(seed)
    for kernel in model_weights.masked_kernels(model).values():
        shape = tuple(kernel.variable.shape)
        kernel.set_mask(rng.random(shape) < 0.4, np.where(rng.random(shape) < 0.3, 0, rng.normal(0, 0.3, shape)))
    return model


@pytest.mark.slow
@pytest.mark.parametrize("make", MODELS)
def test_every_kernel_is_masked_and_the_class_is_kept(make):
    model = make()
    masked = lt.masked(model)
    assert len(model_weights.masked_kernels(masked)) == MODELS[make]
    plain, copies = all_layers(model), all_layers(masked)
    assert all(isinstance(copy, type(layer)) for layer, copy in zip(plain, copies, strict=True))
    matrices = [v.shape for v in model.trainable_variables if len(v.shape) > 1 and "bias" not in v.name]
    assert sorted(map(tuple, matrices)) == sorted(k.shape for k in model_weights.kernels(masked).values())
    inputs, _ = examples(model)
    np.testing.assert_array_equal(masked(inputs), model(inputs))
    back = lt.unmasked(random_masks(masked))
    assert list(map(type, all_layers(back))) == list(map(type, plain))
    np.testing.assert_array_equal(back(inputs), masked(inputs))


@pytest.mark.slow
@pytest.mark.parametrize("make", MODELS)
def test_fit_holds_pruned_weights_and_files_keep_them(make, tmp_path):
    model = random_masks(lt.masked(make()))
    kernels = model_weights.masked_kernels(model).values()
    before = [kernel.variable.numpy() for kernel in kernels]
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.AdamW(0.01, weight_decay=0.1), loss)
    inputs, labels = examples(model)
    model.fit(inputs, labels, batch_size=4, epochs=2, verbose=0)
    for kernel, old in zip(kernels, before, strict=True):
        kept, new = kernel.kernel_mask.numpy(), kernel.variable.numpy()
        assert new[~kept].tobytes() == old[~kept].tobytes()
        assert (new[kept] != old[kept]).mean() > 0.4, f"kept weights of {kernel.name} did not train"
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(inputs), model(inputs))
    for kernel, found in zip(kernels, model_weights.masked_kernels(loaded).values(), strict=True):
        for part in ("variable", "kernel_mask", "frozen_values"):
            np.testing.assert_array_equal(getattr(found, part), getattr(kernel, part))
    again = [kernel.variable.numpy() for kernel in model_weights.masked_kernels(lt.masked(loaded)).values()]
    assert len(again) == len(before)


def test_a_file_of_a_frozen_attention_layer_is_frozen_as_a_whole(tmp_path):
    inputs = keras.Input((4, 3))
    attention = layers.MultiHeadAttention(2, 2)
    model = keras.Model(inputs, layers.Dense(2)(attention(inputs, inputs)))
    attention.trainable = False
    lt.masked(model).save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert [variable.name for variable in loaded.trainable_variables] == ["kernel", "bias"]


@keras.saving.register_keras_serializable(package="tests")
class Tied(keras.Model):
    """A model whose output reads the kernel of its embedding outside the embedding's `call`."""

    def __init__(self, **options):
        super().__init__(**options)
        self.embedding = layers.Embedding(12, 6)
        self.pool = layers.GlobalAveragePooling1D()

    def call(self, inputs):
        hidden = self.pool(self.embedding(inputs))
        return keras.ops.matmul(hidden, keras.ops.transpose(self.embedding.embeddings))


def tied():
    """A masked model of which half of the weights are pruned, its kernel and the mask, and examples."""
    model = Tied()
    rng = np.random.default_rng(0)
    inputs, labels = rng.integers(0, 12, (40, 5)), rng.integers(0, 12, 40)
    model(inputs)
    masked = lt.masked(model)
    (name,) = model_weights.masked_kernels(masked)
    return masked, name, rng.random((12, 6)) < 0.5, (inputs, labels)


def test_tied_kernels_are_held_in_fit():
    model, name, kept, (inputs, labels) = tied()
    model_weights.masked_kernels(model)[name].set_mask(kept, np.full((12, 6), 0.3))
    before = lt.get_weights(model)[name]
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.AdamW(0.1, clipnorm=0.1), loss)
    model.fit(inputs, labels, batch_size=20, epochs=2, verbose=0)
    after = lt.get_weights(model)[name]
    assert after[~kept].tobytes() == before[~kept].tobytes() and (after[kept] != before[kept]).all()


@pytest.mark.slow
def test_pruned_weights_of_tied_kernels_leave_no_trace_in_an_experiments_optimizer():
    model, name, kept, data = tied()
    settings = lt.TrainingSettings(iterations=3, eval_interval=3, batch_size=20, learning_rate=0.1)
    trainer = Trainer(model, (lt.Split(*data),) * 3, settings)
    start = lt.get_weights(model)
    final = trainer.train(Ticket(start, {name: kept}), 0, 0).final[name]
    assert final[~kept].tobytes() == start[name][~kept].tobytes() and (final[kept] != start[name][kept]).all()
    moments = [each.numpy() for each in trainer._optimizer.variables if tuple(each.shape) == kept.shape]
    assert len(moments) == 2 and all(each[kept].all() and not each[~kept].any() for each in moments)
