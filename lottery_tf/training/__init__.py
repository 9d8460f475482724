"""Training of one network: the training loop, batches, learning rates, checkpoints and TensorBoard."""
