"""Evaluates the loss and error of any weights in float32, with a trainer's evaluation, which is compiled once."""

from __future__ import annotations

from lottery_tf.argument_checks.signatures import checked
from lottery_tf.argument_checks.validation import Index, Name
from lottery_tf.landscape.batch_norm import BatchNormStatistics
from lottery_tf.landscape.interpolation import LossAndError
from lottery_tf.masking import model_weights
from lottery_tf.pruning.treatments import Weights
from lottery_tf.registry import choose
from lottery_tf.seeds import generator
from lottery_tf.training.trainer import Trainer


@checked
class Evaluator:
    """Evaluates the loss and error of any weights on one split of a trainer's data.

    It sets the weights of the trainer's model. It does not change the masks, because the forward pass of a masked layer
    reads only its kernel. If training is in half precision, it uses a float32 copy of the model.

    Args:
      trainer: the trainer whose model, data and compiled evaluation are used.
      split: "train", "validation" or "test".
      batch_norm_images: the number of random training images from which each call recomputes batch-norm statistics;
        each call uses the same images. 0 uses the statistics in the weights (on a line, interpolated between its ends).
        It has no effect on a model without batch norm.
      seed: the seed of the choice of these images.

    Raises:
      InputError: the split is unknown, or the accuracy is not among the metrics.

    >>> import lottery_tf as lt
    >>> experiment = lt.Experiment(lt.build("fc"), lt.load("digits"), lt.TrainingSettings(iterations=20))
    >>> dense = experiment.dense(seed=0, weights=True)
    >>> error = Evaluator(experiment.trainer, "test")(dense.final).error
    >>> abs(1 - error - dense.metrics["final_test_accuracy"]) < 1e-6
    True
    """

    def __init__(self, trainer: Trainer, split: Name = "test", *, batch_norm_images: Index = 5000, seed: Index = 0):
        choose(trainer.dataset.splits, split, "split")
        trainer.check_accuracy()
        self._trainer = trainer = trainer.in_float32
        self._split = split
        train = trainer.dataset.train
        rng = generator(seed, "images of batch-norm statistics")
        chosen = rng.permutation(len(train))[:batch_norm_images]
        self._statistics = (
            BatchNormStatistics(
                trainer.model, train.take(chosen).images, trainer.settings.batch_size, divide_by=train.divide_by
            )
            if chosen.size
            else None
        )

    def __call__(self, weights: Weights) -> LossAndError:
        """Returns the mean loss and the error of some weights.

        Raises:
          InputError: the weights belong to another network.
        """
        model_weights.assign(self._trainer.model, weights)
        if self._statistics is not None:
            self._statistics.recompute()
        measured = self._trainer.evaluate(self._split)
        readings = dict(zip(self._trainer.columns[-len(measured) :], measured, strict=True))
        return LossAndError(readings["validation_loss"], 1 - readings["validation_accuracy"])
