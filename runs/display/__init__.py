"""What the commands show: what is to do, progress, tables and figures of results."""

import lazy_loader

# pandas and matplotlib load slowly, and --help can do without them.
__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, submodules={"best_supermasks", "experiment_summary"})
