"""The error landscape that trainings end in [Paul et al., arXiv 2210.03044; Frankle et al., arXiv 1912.05671].

  paths          loss and error on the line between two networks, barriers, matching
  stability      whether other orders of the images, or perturbed starts, lead to the same mode
  directions     what pruning takes away, as a direction, and random ones
  curvature      products of the loss's Hessian with vectors, among the weights (`subspace`) that a mask leaves
  spectrum       eigenvalues, trace and density of what is known by such products
  pruning_limit  how much can be pruned at once, predicted from all that, and found by search
  retraining     what retraining does to the magnitudes of weights
  evaluator      loss and error of any weights of a trainer's model (`batch_norm`: with its statistics made anew)

`lottery_tf.landscape.measurements.catalogue` makes and stores these around the levels of a run.
"""
