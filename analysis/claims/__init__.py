"""Tests the claims of the paper, and of the two works that it builds on, on results.

Each claim is a function in the module of its paper. `catalogue.evaluate` runs them, and `verdicts` judges their
conditions.
"""
