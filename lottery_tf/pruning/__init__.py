"""Pruning: criteria, masks, mask-1 actions, mask-0 actions and treatments. It needs NumPy and SciPy only."""
