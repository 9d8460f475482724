"""Draws the figures of the paper and of the two works that it builds on.

`catalogue.FIGURES` names the function that draws each figure; `styles` has the colour, marker and dash of every line.
"""
