"""The claims of the paper and of the two works behind it, each a test on the data.

`catalogue.evaluate` runs them; a claim is a function in the module of its paper, and `verdicts` judges its conditions.
"""
