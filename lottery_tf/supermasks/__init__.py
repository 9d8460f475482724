"""Supermasks: masks over weights that are never trained (Zhou et al., Section 5).

Heuristic Supermasks: `mask_sources` makes masks from a training, and `heuristics` evaluates them. Learned Supermasks:
`mask_settings` holds the settings, `gates` and `masked_model` define the model, and `learning` trains it.
"""
