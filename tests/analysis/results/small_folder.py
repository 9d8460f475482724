"""A small results folder with results of every kind, of two networks."""

import made_up

from lottery_tf.pruning.treatments import Treatment
from lottery_tf.studies import paper

TREATMENTS = (Treatment(), Treatment("random"))


def write_small_folder(root):
    """Writes the folder; one level is missing and one diverged."""
    return made_up.write_results(
        root,
        panels=made_up.PANELS[:2],
        treatments=TREATMENTS,
        levels=3,
        mask_sources=paper.HEURISTIC_MASK_SOURCES[:2],
        learned=made_up.LEARNED[:2],
        controls=("reinit",),
        landscape=TREATMENTS[:1],
        missing=[(2, "large_final-rewind-zero", 3)],
        diverged=[(1, "random-rewind-zero", 2)],
    )
