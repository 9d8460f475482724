"""Computes lines over seeds, significance tests, stars, and what so few runs can show.

`figure_lines.lines` makes the lines of a figure; `stars.stars` decides which point gets a star, by a `StarRule`.
"""
