"""Makes an HTML page from a results folder: `sections.SECTIONS` lists its sections, `parts` makes what they show."""

import lazy_loader

# The command's --help can do without all figures and tables.
__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, submodules={"report"})
