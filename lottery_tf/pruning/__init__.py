"""Which weights are pruned and where the others start again: criteria, masks, mask-1 and mask-0 actions. NumPy only."""
