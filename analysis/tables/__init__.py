"""Makes the tables of the paper and the numbers behind each figure; `catalogue.TABLES` names the functions."""

import lazy_loader

# Commands print this table at their end; their --help can do without pandas.
__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, submodules={"summary"})
