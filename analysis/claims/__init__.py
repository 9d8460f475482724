"""Tests the claims of the paper, and of the two works that it builds on, on results.

The claims stand in the module of their paper. `claim` says what a claim is, `verdicts` has the rules of its conditions,
`evidence` provides the data, and `catalogue.evaluate` tests all claims.
"""
