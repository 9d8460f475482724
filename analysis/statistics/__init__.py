"""Lines over seeds, tests of runs against runs, stars, and what few runs can show.

`figure_lines.lines` makes the lines of a figure; `stars.stars` says which point is starred, by a `StarRule`.
"""
