"""Data sets: those that commands load by name, and data of a user's own.

Modules:

  loading         MNIST, CIFAR-10, digits and other data sets by name
  dataset         a data set and its three splits
  splits          inputs and labels of one split, as arrays
  sources         makes splits from data of a user's own
  standardized    standardizes images of bytes
  batch_sources   batches from arrays on disk, `tf.data`, `PyDataset` and other objects
  streams         a split that is read in batches while a network trains
"""
