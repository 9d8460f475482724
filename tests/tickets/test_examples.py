"""The tickets in the package: their descriptions are true, and so are their accuracies if the data are available."""

import numpy as np
import pytest

import lottery_tf as lt
from lottery_tf.errors import InputError
from lottery_tf.pruning import masks
from lottery_tf.tickets import examples, ticket_format

NAMES = list(examples.EXAMPLES)
CHANCE = 0.1  # of ten classes
OTHER_PROCESSORS = 0.003  # how much an accuracy may differ on another kind of processor, training included


def test_every_file_has_a_row_and_every_row_a_file():
    assert sorted(path.stem for path in examples.FOLDER.iterdir()) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_row_says_what_is_in_the_file(name):
    about, packed = lt.examples()[name], ticket_format.parse(lt.example(name))
    assert packed.architecture["network"] == about.network
    assert masks.kept_fraction(packed.mask) == pytest.approx(about.kept_fraction, abs=5e-6)
    assert (packed.weights == ticket_format.TRAINED) == ("trained ticket" in about.about)
    assert 3 * CHANCE < about.test_accuracy < 1 and about.commands
    assert len(lt.example(name)) < 2 * sum(kept.size for kept in packed.mask.values()) / 8, "they are small"


def test_a_name_that_is_none():
    with pytest.raises(InputError, match="did you mean 'fc-mnist-supermask'"):
        lt.example("fc-mnist-supermusk")


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_it_has_its_accuracy(name, real_data_dir):
    """As it is, or after the training that is said of it."""
    about, model = lt.examples()[name], lt.rebuild(lt.example(name))
    dataset = lt.load(about.dataset, str(real_data_dir))
    if about.schedule is None:
        images = dataset.test.images
        scaled = images.astype("float32") / 255 if images.dtype == np.uint8 else images
        outputs = model.predict(scaled, batch_size=500, verbose=0)
        accuracy = np.mean(outputs.argmax(1) == dataset.test.labels)
    else:
        packed, settings = (
            ticket_format.parse(lt.example(name)),
            lt.experiment_settings(about.network, about.dataset, about.schedule),
        )
        trainer = lt.Trainer(model, dataset, settings.training)
        ticket = lt.Ticket(lt.get_weights(model), packed.mask)
        accuracy = trainer.train(ticket, packed.seed, about.level).test_accuracy
    assert accuracy == pytest.approx(about.test_accuracy, abs=OTHER_PROCESSORS)
