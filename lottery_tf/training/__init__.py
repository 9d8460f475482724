"""Training one network: batches, learning rates, checkpoints, and what TensorBoard shows."""
