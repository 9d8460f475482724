"""Names in the rows of the measurements of flatness and of the limit of pruning, for the code that reads them."""

PRUNED_BY = ("large_final", "random")  # criteria: magnitude pruning, and random pruning to compare it with

# Methods that find how much can be pruned at once: three predictions, and two searches
QUADRATIC, ISOTROPIC, SUBSPACE = "along the projection", "all directions alike", "subspace meets bowl"
FOUND, FOUND_RETRAINED = "found", "found after retraining"
METHODS = (QUADRATIC, ISOTROPIC, SUBSPACE, FOUND, FOUND_RETRAINED)
