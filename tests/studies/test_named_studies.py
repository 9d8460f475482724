"""The named studies: what they ask for, against counts worked out by hand from the paper."""

import pytest

from lottery_tf.models.settings import DATASETS
from lottery_tf.models.table_s1 import NETWORKS
from lottery_tf.studies.named_studies import COLLECTIONS, STUDIES
from lottery_tf.studies.planning import Request, plan
from lottery_tf.studies.tasks import HeuristicMasksTask

TRAININGS_AND_MASKS = {  # study -> its trainings and its sets of heuristic Supermasks, for one network and seed
    "figure3": (1 + 9 * 24, 0),  # nine criteria of Figure 2
    "figure4": (1 + 8 * 24, 0),  # rewind, three actions, the three with init sign, random
    "figure5": (1 + 3 * 24, 0),  # zero, init, hybrid
    "figure7": (1 + 4 * 5, 12),  # dense; masks learned on two kinds of weights, rescaled or not, from five starts
    "table1": (1 + 4 * 5, 12),
    "demo": (1 + 3 * 20, 2),
    "lottery": (1 + 3 * 24 + 2 * 3 * 24, 0),  # tickets, one-shot, fine-tuned; three of two controls for each ticket
    "unmasking": (1 + 2 * 6 * 24 + 5, 0),  # two criteria, six rewind points, of which one is the beginning
}


@pytest.mark.parametrize("study", TRAININGS_AND_MASKS)
def test_studies_want_what_the_paper_shows(study):
    tasks = plan(Request((study,), ("fc",), (0,))).tasks.values()
    trainings, mask_sources = TRAININGS_AND_MASKS[study]
    assert sum(task.iterations > 0 for task in tasks) == trainings
    assert sum(isinstance(task, HeuristicMasksTask) for task in tasks) == mask_sources


def test_collections_are_of_studies_and_no_study_has_anything_twice():
    assert {name for names in COLLECTIONS.values() for name in names} < STUDIES.keys()
    assert not COLLECTIONS.keys() & STUDIES.keys(), "both are asked for by name"
    for study in STUDIES.values():
        for asked in (study.treatments, study.controls, study.mask_sources, study.masks, study.seeds, study.networks):
            assert len(set(asked)) == len(asked)


def test_studies_are_of_networks_and_data_sets_that_there_are():
    for study in STUDIES.values():
        assert {*study.networks} <= NETWORKS.keys()
        assert study.dataset is None or study.dataset in DATASETS
        assert study.treatments or study.mask_sources or study.masks


def test_trials_and_demos_are_short():
    """Somebody tries them before anything else."""
    for name in ("demo", "trial"):
        tasks = plan(Request((name,))).tasks.values()
        assert {(task.network, task.dataset) for task in tasks} == {("fc", "digits")}
        assert max(task.iterations for task in tasks) <= 2000 and len(tasks) < 200
        assert STUDIES[name].ends_with_table
