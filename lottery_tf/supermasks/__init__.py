"""Supermasks: masks over weights that are never trained (Zhou et al., Section 5).

Heuristic ones: `mask_sources` makes masks from a training, `heuristics` evaluates them, `best_supermasks` chooses.
Learned ones: `mask_settings` says which, `gates` and `masked_model` are the model, `learning` trains it.
"""
