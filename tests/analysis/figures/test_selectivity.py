"""The effect of masking on weights near the threshold."""

import numpy as np

from analysis.figures import plane_layers, selectivity


def test_near_the_threshold_masking_goes_on_with_the_motion():
    """The statement of Figure S1, in numbers: grown weights go to their initial value there, shrunk ones to 0."""
    means = selectivity.after_masking(plane_layers.cartoon()).set_index("initial")
    below, above = means.loc[:0.99], means.loc[1.01:]
    assert (below["decreased"] == 0).all()  # shrunk from below the threshold: pruned
    np.testing.assert_allclose(above["increased"], above.index, atol=0.05)  # grown from above it: kept
    at = means.loc[0.95:1.05]
    assert (at["increased"] > 0.85 * at.index).all() and (at["decreased"] < 0.05).all()
