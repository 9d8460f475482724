"""The error landscape around trained networks [Paul et al., arXiv 2210.03044; Frankle et al., arXiv 1912.05671].

Modules that measure, each with its formulas:

  interpolation  loss and error on the line between two networks, or on a ray; error barriers; matching
  stability      whether trainings with other orders of images, or from perturbed starts, end in the same mode
  spectrum       eigenvalues, trace and spectral density of the loss's Hessian
  pruning_limit  how much can be pruned at once, predicted from the Hessian and found by search
  retraining     magnitudes of weights before and after retraining

Modules that these use:

  evaluator      loss and error of any weights of a trainer's model
  batch_norm     batch-norm statistics, recomputed for given weights
  curvature      products of the Hessian with vectors
  subspace       the kept weights of a network as one vector
  directions     directions in weight space: those of pruning, and random ones

All of them take arrays and functions, and store nothing. The package `measurements` measures trained levels and stores
the results beside the levels; the command is `python -m runs.landscape`.
"""
