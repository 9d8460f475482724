"""The named studies: the trainings of each figure and table of the paper, as data. It does not import TensorFlow."""

from __future__ import annotations

import dataclasses

from lottery_tf.pruning.treatments import Treatment
from lottery_tf.studies import paper
from lottery_tf.supermasks.mask_settings import MaskSettings
from lottery_tf.supermasks.mask_sources import UNTRAINED, MaskSource


@dataclasses.dataclass(frozen=True)
class Study:
    """The trainings and evaluations of one figure or table, for each network and seed.

    A request can override the levels and the fields after them.

    Attributes:
      about: a short description.
      treatments: treatments whose levels are trained.
      controls: kinds of controls, trained for every level of the first treatment.
      mask_sources: sources of heuristic supermasks, evaluated at every level.
      masks: Supermasks that are learned.
      levels: number of rounds of pruning.
      seeds: the seeds.
      networks: the networks.
      dataset: the data set; None: that of Table S1 for each network.
      schedule: length of each training, as in `Request`; None: that of the paper.
      ends_with_table: whether its command ends with tables and a figure.
    """

    about: str
    treatments: tuple[Treatment, ...] = ()
    controls: tuple[str, ...] = ()
    mask_sources: tuple[MaskSource, ...] = ()
    masks: tuple[MaskSettings, ...] = ()
    levels: int = paper.LEVELS
    seeds: tuple[int, ...] = paper.SEEDS
    networks: tuple[str, ...] = ("fc", "conv2", "conv4", "conv6")
    dataset: str | None = None
    schedule: str | None = None
    ends_with_table: bool = False


ALL_LEARNED_MASKS = tuple(mask for masks in paper.LEARNED_MASKS.values() for mask in masks)

PAPER_SOURCES = (UNTRAINED, *paper.HEURISTIC_MASK_SOURCES)


STUDIES: dict[str, Study] = {
    "demo": Study(
        "three mask criteria on embedded digits, down to 1.2% of the weights, and a Supermask",
        tuple(map(Treatment, ("large_final", "magnitude_increase", "random"))),
        mask_sources=(UNTRAINED, MaskSource("oneshot", "large_final_same_sign")),
        levels=20,
        seeds=(0, 1, 2),
        networks=("fc",),
        dataset="digits",
        schedule="500",
        ends_with_table=True,
    ),
    "trial": Study(
        "a few tasks of every kind on embedded digits, to test a machine or a cluster",
        (Treatment(), Treatment(rounds="oneshot"), Treatment("random", mask0="hybrid", rewind_to=50)),
        controls=("reinit",),
        mask_sources=(UNTRAINED, MaskSource("oneshot", "large_final")),
        masks=(MaskSettings(), MaskSettings("signed_constant", rescale=True, initial_logit=-2.0)),
        levels=2,
        seeds=(0,),
        networks=("fc",),
        dataset="digits",
        ends_with_table=True,
    ),
    **{
        name: Study(figure.title.lower(), tuple(dict.fromkeys(figure.lines.values())))
        for name, figure in paper.FIGURE_LINES.items()
    },
    "figure7": Study("supermasks, heuristic and learned", mask_sources=PAPER_SOURCES, masks=ALL_LEARNED_MASKS),
    "table1": Study("the best Supermasks and the trained network", mask_sources=PAPER_SOURCES, masks=ALL_LEARNED_MASKS),
    "lottery": Study(
        "tickets, their controls, one-shot pruning and fine-tuning (Frankle & Carbin)",
        (Treatment(), Treatment(rounds="oneshot"), Treatment(mask1="finetune")),
        controls=("reinit", "random"),
    ),
    "unmasking": Study(
        "rewind points and criteria, for linear mode connectivity (Paul et al.); run it with --keep=all",
        tuple(Treatment(name, rewind_to=k) for name in ("large_final", "random") for k in paper.REWIND_POINTS),
    ),
}

PAPER_STUDIES = (*paper.PAPER_FIGURES, "figure7", "table1")

COLLECTIONS: dict[str, tuple[str, ...]] = {"paper": PAPER_STUDIES}

CONTROL_DRAWS = 3  # number of controls of each kind for every level
