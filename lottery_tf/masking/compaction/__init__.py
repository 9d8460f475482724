"""A smaller plain Keras model with the same outputs: units that no weight connects are left out.

Pruning leaves units whose outgoing weights are all zero, which nobody hears, and units whose incoming weights are all
zero, which say the same whatever the input: f(bias). The former are dropped, the latter are added to the next layer's
bias and dropped, and so on until nothing more follows. What counts is a weight's value, not its mask: a pruned weight
that is frozen at a value other than zero is a connection like any other.

A model is read as a graph of layer calls (`graph.py`), three times: forwards for what is constant, backwards for what
is needed, and back and forth for what has to stay together, as the two sides of a residual sum do. A rule says how each
of these passes through a call; `rules.py` lists which layer has which rule. `smaller_model.py` builds the result.
"""

from lottery_tf.masking.compaction.smaller_model import compact as compact
