"""Layers inside other layers, wrappers, and models of classes of one's own: masked, trained, saved and told."""

import dataclasses
import json

import keras
import numpy as np
import pytest

import lottery_tf as lt
from lottery_tf.errors import InputError
from lottery_tf.landscape.batch_norm import batch_norm_layers
from lottery_tf.masking import conversion, initial_weights, model_weights
from lottery_tf.masking.agreement import check_same_outputs
from lottery_tf.masking.layers import MaskedLayer
from lottery_tf.masking.sublayers import all_layers
from lottery_tf.models.untrained_network import UntrainedNetwork
from lottery_tf.pruning import masks
from lottery_tf.pruning.treatments import Ticket
from lottery_tf.results.paths import EXPERIMENT_RECORD
from lottery_tf.training.trainer import Trainer

layers = keras.layers


@keras.saving.register_keras_serializable(package="tests")
class Block(layers.Layer):
    """A layer of one's own that holds layers, some of them in a list, and builds them when it is called."""

    def __init__(self, width, **options):
        super().__init__(**options)
        self.width = width
        self.first = layers.Dense(width, "relu")
        self.rest = [layers.BatchNormalization(), layers.Dense(width)]

    def call(self, inputs):
        x = self.first(inputs)
        for layer in self.rest:
            x = layer(x)
        return x + inputs

    def get_config(self):
        return super().get_config() | {"width": self.width}


@keras.saving.register_keras_serializable(package="tests")
class Scaled(layers.Dense):
    """A dense layer whose `call` is its own."""

    def call(self, inputs):
        return 3 * super().call(inputs)


@keras.saving.register_keras_serializable(package="tests")
class Subclassed(keras.Model):
    """A model of one's own, with a weight of its own."""

    def __init__(self, width=6, **options):
        super().__init__(**options)
        self.width = width
        self.hidden, self.block, self.out = layers.Dense(width), Block(width), layers.Dense(3)
        self.shift = self.add_weight(shape=(width,), name="shift")

    def call(self, inputs, training=False):
        return self.out(self.block(self.hidden(inputs) + self.shift, training=training))

    def get_config(self):
        return {"width": self.width, "name": self.name}


@keras.saving.register_keras_serializable(package="tests")
class Doubled(keras.Sequential):
    """A Sequential model that doubles its output."""

    def call(self, inputs, training=None, mask=None):
        return 2 * super().call(inputs, training=training)


@keras.saving.register_keras_serializable(package="tests")
class Halved(keras.Model):
    """A functional model that halves its output."""

    def call(self, inputs, training=None, mask=None):
        return super().call(inputs, training=training) / 2


def attention():
    inputs = keras.Input((4, 6))
    x = layers.MultiHeadAttention(2, 3, name="attention")(inputs, inputs) + inputs
    x = layers.GroupQueryAttention(2, 4, 2)(x, x)
    return keras.Model(inputs, layers.Dense(3)(layers.Flatten()(layers.EinsumDense("abc,cd->abd", (4, 5))(x))))


def recurrent():
    return keras.Sequential(
        [keras.Input((5,), dtype="int32"), layers.Embedding(9, 4, mask_zero=True),
         layers.Bidirectional(layers.LSTM(3, return_sequences=True)), layers.TimeDistributed(layers.Dense(4)),
         layers.GRU(3, return_sequences=True), layers.SimpleRNN(4, return_sequences=True),
         layers.RNN([layers.LSTMCell(3), layers.GRUCell(2)]), layers.Dense(3)]
    )  # fmt: skip


def subclassed():
    model = Subclassed()
    model(np.ones((1, 4), np.float32))
    return model


def doubled():
    return Doubled([keras.Input((6,)), layers.Dense(6), Block(6), Scaled(3)])


def nested():
    inputs = keras.Input((6,))
    return keras.Model(inputs, doubled()(inputs) + subclassed()(layers.Dense(4)(inputs)))


def halved():
    inputs = keras.Input((4,))
    return Halved(inputs, layers.Dense(3)(layers.Dense(5, "relu")(inputs)))


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


def examples(model, count=12):
    rng = np.random.default_rng(0)
    spec = model.inputs[0] if hasattr(model, "inputs") else keras.KerasTensor((None, 4))
    shape = (count, *spec.shape[1:])
    inputs = rng.integers(0, 9, shape) if "int" in spec.dtype else rng.normal(size=shape)
    return inputs.astype(spec.dtype), rng.integers(0, 3, count)


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


def only_hidden(layer):
    return layer.name == "hidden"


SELECTIONS = {
    "by class": ({"only": layers.Dense}, {"hidden", "within", "output"}),
    "by an enclosing class": ({"only": Block}, {"within"}),
    "by name": ({"only": "hid*"}, {"hidden"}),
    "by a path": ({"exclude": ["*/within", "output"]}, {"conv", "hidden"}),
    "by function": ({"only": only_hidden}, {"hidden"}),
    "both": ({"only": layers.Dense, "exclude": "output"}, {"hidden", "within"}),
}


def selectable():
    block = Block(6, name="block")
    block.first.name = block.rest[1].name = "within"
    return keras.Sequential(
        [keras.Input((8, 3)), layers.Conv1D(6, 3, name="conv"), layers.Dense(6, name="hidden"), block,
         layers.Dense(2, name="output")]
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("case", SELECTIONS)
def test_layers_are_chosen(case):
    options, expected = SELECTIONS[case]
    model = selectable()
    names = {layer.name for layer in all_layers(model)}
    masked = lt.masked(model, **options)

    def chosen(copy):
        layers_in = zip(all_layers(model), all_layers(copy), strict=True)
        return {a.name for a, b in layers_in if isinstance(b, MaskedLayer) and b.masked_kernels}

    assert chosen(masked) == expected <= names
    assert chosen(conversion.masked_copy(masked)) == expected
    assert chosen(lt.masked(masked)) == {"conv", "hidden", "within", "output"}


def test_choices_that_cannot_be_are_refused():
    with pytest.raises(InputError, match="leave no layer of"):
        lt.masked(selectable(), only="nobody")
    with pytest.raises(InputError, match="exclude is 3; it must be a layer class"):
        lt.masked(selectable(), exclude=[3])


class Forgetful(layers.Layer):
    """A layer whose configuration does not say by what it multiplies."""

    def __init__(self, factor=1.0, **options):
        super().__init__(**options)
        self.factor, self.dense = factor, layers.Dense(3)

    def call(self, inputs):
        return self.factor * self.dense(inputs)

    def get_config(self):
        return super().get_config()


class Unsaid(Forgetful):
    """A layer that Keras cannot rebuild."""

    def get_config(self):
        return super().get_config() | {"unknown": 1}


@pytest.mark.parametrize(
    ("layer", "message"), [(Forgetful(2.0), "has other outputs than the model"), (Unsaid(), "cannot rebuild its class")]
)
def test_a_copy_that_is_not_true_is_never_handed_out(layer, message):
    model = keras.Sequential([keras.Input((4,)), layer])
    with pytest.raises(InputError, match=message):
        lt.masked(model)


class Noisy(layers.Layer):
    """A layer that draws, at inference too: from Keras, whose random states can be set, or from TensorFlow."""

    def __init__(self, source="keras", **options):
        super().__init__(**options)
        self.source, self.seeds = source, keras.random.SeedGenerator()

    def call(self, inputs):
        import tensorflow as tf

        shape = keras.ops.shape(inputs)
        return inputs + (
            keras.random.normal(shape, seed=self.seeds) if self.source == "keras" else tf.random.normal(shape)
        )

    def get_config(self):
        return super().get_config() | {"source": self.source}


def test_outputs_that_keras_draws_are_compared_and_others_are_not(caplog):
    for source, told in (("keras", False), ("tensorflow", True)):
        noisy = keras.Sequential([keras.Input((4,)), layers.Dense(3), Noisy(source)])
        lt.masked(noisy)
        assert ("are random" in caplog.text) == told


def test_a_comparison_changes_nothing():
    model = keras.Sequential([keras.Input((4,)), layers.BatchNormalization(), layers.Dropout(0.5), layers.Dense(2)])
    before = [v.numpy() for v in model.variables]
    check_same_outputs(model, lt.masked(model))
    assert all((v.numpy() == old).all() for v, old in zip(model.variables, before, strict=True))


@pytest.mark.parametrize("make", [attention, recurrent, subclassed])
def test_seeds_share_no_kernel(make):
    model = lt.masked(make())
    untrained = model_weights.get_weights(model)
    zero, again, one = (initial_weights.initial_weights(model, untrained, seed) for seed in (0, 0, 1))
    for name in model_weights.kernels(model):
        np.testing.assert_array_equal(zero[name], again[name])
        assert (zero[name] != one[name]).mean() > 0.9
        assert zero[name].shape == untrained[name].shape


def test_kernels_of_layers_that_are_not_trained_keep_their_values():
    model = selectable()
    model.get_layer("hidden").trainable = model.get_layer("block").trainable = False
    masked = lt.masked(model)
    untrained = model_weights.get_weights(masked)
    drawn = initial_weights.initial_weights(masked, untrained, 0)
    same = {name for name in model_weights.kernels(masked) if (drawn[name] == untrained[name]).all()}
    assert same == {"hidden/kernel", "block/kernel", "block/kernel_2"}


@pytest.mark.slow
def test_frozen_layers_keep_every_weight_in_an_experiment(tiny_dataset):
    frozen = layers.Dense(6, "relu", trainable=False, name="frozen")
    stack = [layers.Flatten(), frozen, layers.BatchNormalization(trainable=False), layers.Dense(5), layers.Dense(3)]
    model = keras.Sequential([keras.Input((6, 6, 1)), *stack])
    settings = lt.TrainingSettings(iterations=4, eval_interval=4, batch_size=20, learning_rate=0.01)
    experiment = lt.Experiment(model, tiny_dataset, settings)
    given = {name: value for name, value in lt.get_weights(experiment.model).items() if name.startswith("frozen/")}
    assert (given["frozen/kernel"] == model.get_layer("frozen").kernel.numpy()).all()
    treatment = lt.Treatment("large_final", mask1="rewind", mask0="zero")
    for level in [*experiment.levels(treatment, 0, 2), *experiment.levels(lt.Treatment("random"), 1, 1)]:
        assert level.mask["frozen/kernel"].all() and len(level.mask) == 3
        for weights in (level.start, level.final):
            assert all(weights[name].tobytes() == value.tobytes() for name, value in given.items())
    assert level.metrics["kept_fraction"] < 1
    assert experiment.mask_summary.without_mask["frozen kernels of Dense"] == 36 * 6
    loaded = experiment.load(treatment, 0, 2)
    assert (loaded.get_layer("frozen").kernel.numpy() == given["frozen/kernel"]).all()


def test_a_file_of_a_frozen_attention_layer_is_frozen_as_a_whole(tmp_path):
    inputs = keras.Input((4, 3))
    attention = layers.MultiHeadAttention(2, 2)
    model = keras.Model(inputs, layers.Dense(2)(attention(inputs, inputs)))
    attention.trainable = False
    lt.masked(model).save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert [variable.name for variable in loaded.trainable_variables] == ["kernel", "bias"]


def test_a_network_that_is_frozen_as_a_whole_cannot_be_pruned(tiny_dataset, tiny_model):
    tiny_model.trainable = False
    with pytest.raises(InputError, match="No kernel of .* is trained .trainable=False., so none can be pruned"):
        lt.Experiment(tiny_model, tiny_dataset, lt.TrainingSettings(iterations=2))
    assert lt.mask_summary(lt.masked(tiny_model)).maskable > 0, "by hand it can be"


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


def test_batch_norm_is_found_inside_layers_and_models_of_ones_own():
    assert [len(batch_norm_layers(make())) for make in (subclassed, nested)] == [1, 2]


def test_kernels_without_a_mask_are_drawn_and_counted_and_decayed():
    model = lt.masked(selectable(), exclude=Block)
    experiment_kernels = model_weights.kernels(model)
    assert len(experiment_kernels) == 5 and len(model_weights.masked_kernels(model)) == 3
    assert len(model_weights.kernel_tensors(model)) == 5
    assert masks.kept_fraction(masks.full(experiment_kernels)) == 1


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


def test_layers_that_compute_with_other_numbers_stay_whole_and_are_told():
    quantized, adapted = layers.Dense(5), layers.Dense(6)
    model = keras.Sequential([keras.Input((4,)), quantized, adapted, layers.Dense(3)])
    quantized.quantize("int8")
    adapted.enable_lora(2)
    masked = lt.masked(model)
    assert [kernel.shape for kernel in (each.variable for each in model_weights.masked_kernels(masked).values())] == [
        (6, 3)
    ]
    assert lt.mask_summary(masked).without_mask["quantized or LoRA kernels of Dense"] == 20 + 30
    untrained = model_weights.get_weights(masked)
    drawn = initial_weights.initial_weights(masked, untrained, 0)
    assert [name for name in drawn if (drawn[name] != untrained[name]).any()] == list(
        model_weights.masked_kernels(masked)
    )
    inputs, _ = examples(model)
    np.testing.assert_allclose(masked(inputs), model(inputs), atol=1e-5)


@pytest.mark.parametrize("change", [lambda layer: layer.quantize("int8"), lambda layer: layer.enable_lora(2)])
def test_a_model_of_such_layers_alone_is_refused_for_that_reason(change):
    model = keras.Sequential([keras.Input((4,)), layers.Dense(5), layers.BatchNormalization()])
    change(model.layers[0])
    with pytest.raises(InputError, match="only kernels of whole numbers .*int8.* or with LoRA, which cannot be pruned"):
        lt.masked(model)


def test_spectral_normalization_changes_its_kernel_and_keeps_it_whole():
    model = keras.Sequential([keras.Input((4,)), layers.SpectralNormalization(layers.Dense(5)), layers.Dense(3)])
    assert [
        kernel.shape for kernel in (k.variable for k in model_weights.masked_kernels(lt.masked(model)).values())
    ] == [(5, 3)]


@pytest.mark.slow
def test_seeds_begin_with_the_weights_of_the_model_where_that_is_asked_for(tiny_dataset, tiny_model):
    settings = lt.TrainingSettings(iterations=2, eval_interval=2)
    experiment = lt.Experiment(tiny_model, tiny_dataset, settings, initial="as_given")
    given = model_weights.get_weights(tiny_model)
    for seed in (0, 1):
        start = experiment.dense(seed, weights=True).start
        assert all((start[name] == value).all() for name, value in given.items())
    with pytest.raises(InputError, match="initial is 'given'; it must be 'as_given'"):
        lt.Experiment(tiny_model, tiny_dataset, settings, initial="given")


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


class Positions(keras.layers.Layer):
    """Adds random weights that no initializer of a Keras layer draws."""

    def build(self, shape):
        self.positions = self.add_weight(shape=shape[1:], initializer="random_normal", name="positions")

    def call(self, inputs):
        return inputs + self.positions


def test_weights_that_all_seeds_share_are_told(caplog):
    def told(model, initial=None):
        caplog.clear()
        UntrainedNetwork(conversion.masked_copy(model), lt.PruningSettings(), initial)
        return "All seeds start with the model's own values" in caplog.text

    stack = [keras.layers.LSTM(4), keras.layers.BatchNormalization(), keras.layers.Dense(3)]
    plain = keras.Sequential([keras.Input((4, 3)), *stack])
    own = keras.Sequential([keras.Input((4, 3)), Positions(), *stack])
    assert not told(plain)
    assert told(own) and "values of positions/positions:" in caplog.text
    assert not told(own, "as_given")
    own.layers[0].trainable = False
    assert not told(own)
