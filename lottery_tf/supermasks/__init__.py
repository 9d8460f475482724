"""Masks over untrained weights: heuristic ones made from a training, and learned ones."""
