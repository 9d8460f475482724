"""Keras models with masks.

Masked layers:

  kernel_table     which weights of which layers can be pruned
  layers           Keras's layers with masks on their kernels
  constraint       holds pruned weights at their frozen values
  containers       attention, recurrent layers, wrappers and user-defined classes that hold masked layers

Whole models:

  conversion       copies of a model with masked layers, and back
  selection        which layers get masks
  agreement        compares a copy with its model
  compaction       a smaller model without the units that no weight connects
  summary          counts the weights with and without masks

Weights by name:

  model_weights    reads and sets them as arrays
  initial_weights  draws them anew
  rewinding        sets them back
  naming           makes their names depend on the model alone
  sublayers        walks through all layers of a model
  keras_code       tells Keras's classes from a user's
"""
