"""The figures of the paper and of the two works behind it.

`catalogue.FIGURES` says which function draws each; `styles` has the colour, marker and dash of every line.
"""
