"""Draws the figures of the paper and of the two works that it builds on.

`catalogue.FIGURES` names the function that draws each figure; `styles` has the colour, marker and dash of every line.
"""

import contextlib
import os
import sys

if "matplotlib" not in sys.modules:
    # It would not be imported with a backend in MPLBACKEND that it does not know. Files of figures need no backend.
    backend = os.environ.pop("MPLBACKEND", "")
    import matplotlib

    if backend:
        os.environ["MPLBACKEND"] = backend  # for the processes of a command
        with contextlib.suppress(ValueError):
            matplotlib.rcParams["backend"] = backend
