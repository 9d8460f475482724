"""The error landscape that trainings end in [Paul et al., arXiv 2210.03044; Frankle et al., arXiv 1912.05671].

What is measured, and the module with its formula:

  interpolation  loss and error on the line between two networks, or on a ray; barriers; which networks match
  stability      whether other orders of the images, or perturbed starts, lead to the same mode
  spectrum       eigenvalues, trace and density of the loss's Hessian
  pruning_limit  how much can be pruned at once, predicted from the Hessian, and found by search
  retraining     what retraining does to the magnitudes of weights

What these stand on:

  evaluator      loss and error of any weights of a trainer's model (`batch_norm`: with its statistics made anew)
  curvature      products of the Hessian with vectors, among the weights (`subspace`) that a mask leaves
  directions     what pruning takes away, as a direction, and random ones

Each takes arrays and functions, and stores nothing. `measurements` makes them of trained levels and stores them beside
these; `python -m runs.landscape` is the command.
"""
