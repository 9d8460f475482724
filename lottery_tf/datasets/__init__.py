"""Data sets: those that commands load by name, and data of a user's own.

Modules:

  loading   MNIST, CIFAR-10, digits and other data sets by name
  dataset   a data set and its three splits
  sources   data frames, `tf.data`, `PyDataset` and generators, in memory or streamed
  splits    inputs and labels of one split, as arrays
"""
