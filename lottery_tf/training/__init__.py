"""Training of one network.

The loop, and what it calls:

  trainer             the loop: evaluate, record, save, train to the next reading
  programs            the compiled functions: many training steps in one call, the evaluation of a split
  training_variables  the variables that a training changes
  progress            the history and the best weights so far
  checkpoint          what a training saves on disk to continue after an interruption
  training_result     the result, and the range of its iterations

What a trainer is made of:

  objective           the loss and the metrics
  optimizers, learning_rates
  precision, precision_speed, compilation
  batches, feeds      the images of each iteration, and their way to the training steps
  augmentation        random flips and crops
  sampled_model       models that draw their weights at every step

Inputs of a model:

  input_kinds, scaling, model_inputs
  checks              whether model, data set and settings fit each other

What stores a training:

  recorder            trains a ticket with checkpoints and events, and stores the result
  watched             shows a training while it runs
  tensorboard, watchers
                      its events, and Keras's callbacks
  level_metrics       the metrics of the result
  experiment_record   what the results of an experiment depend on
"""

from typing import TYPE_CHECKING

from lottery_tf.old_modules import old_attributes

if not TYPE_CHECKING:  # type checkers would accept any name
    __getattr__ = old_attributes("training")
