"""Makes a smaller plain Keras model with the same outputs, without units that no weight connects.

After pruning, some units have only zeros as outgoing weights: no output depends on them, so they are removed. Others
have only zeros as incoming weights: their output is the constant f(bias), which is added to the bias of the next
layer; then they are removed too. This is repeated until no such unit is left. Only the value of a weight matters, not
its mask: a pruned weight that is frozen at a value other than zero is a connection like any other.

`graph.py` represents a model as a graph of layer calls. It passes through the graph forwards to find constant channels,
backwards to find needed channels, and in both directions to find channels that must be kept together, as in the two
terms of a residual sum. A rule describes how channels pass through one call; `rules.py` lists the rule of each layer.
`smaller_model.py` builds the result.
"""

from lottery_tf.masking.compaction.smaller_model import compact as compact
