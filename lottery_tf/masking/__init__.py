"""Keras models with masks: masked layers, the constraint that holds pruned weights, conversion and compaction."""
