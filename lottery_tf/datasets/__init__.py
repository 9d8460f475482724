"""Data sets: those that commands load by name, and user-defined data.

Modules:

  loading         MNIST, CIFAR-10, digits and other data sets by name
  digits          the digits of scikit-learn
  dataset         a data set and its three splits
  splits          inputs and labels of one split, as arrays
  sources         makes splits from user-defined data
  standardized    standardizes images of bytes
  batch_sources   batches from arrays on disk, `tf.data`, `PyDataset` and other objects
  streams         a split that is read in batches while a network trains
"""

import lazy_loader

# scikit-learn loads slowly, and most data sets can do without it.
__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, submodules={"digits"})
