"""The page of a treatment, from levels that were made up."""

from types import SimpleNamespace

import pytest
from event_files import read, scalars

from lottery_tf.levels.shared_parts import SharedParts
from lottery_tf.levels.treatment_page import stored_levels, write_page
from lottery_tf.models.settings import TrainingSettings
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.results.paths import level_path
from lottery_tf.results.store import MemoryResults, ResultsFolder
from lottery_tf.results.stored_result import StoredResult
from lottery_tf.training import tensorboard

ITERATIVE, ONE_SHOT = Treatment(), Treatment(rounds="oneshot")


def level(number, parent):
    """The metrics of a level of this name, and of one made from another."""
    metrics = {"kind": "level", "seed": 0, "level": number, "kept_fraction": 0.8**number, "status": "finished"}
    metrics |= dict.fromkeys(tensorboard.TREATMENT_SCALARS, number / 10) | {"early_stop_iteration": number}
    return metrics | {"fingerprint": f"level {number}", "parent": parent}


def levels_of(treatment, results, parents):
    """The levels of a network of which those of one treatment are stored, each made from the parent that is given."""
    for number, parent in enumerate(parents):
        results.write(level_path(0, treatment.name, number), StoredResult({}, level(number, parent)))
    trainer = SimpleNamespace(settings=TrainingSettings(30))
    return SharedParts(None, trainer, SimpleNamespace(labels={"network": "mine"}), results, keep_weights=False)


@pytest.mark.parametrize(
    ("treatment", "parents", "wanted"),
    [
        (ITERATIVE, ("", "level 0", "level 1", "level 2"), 4),
        (ITERATIVE, ("", "level 0", "another", "level 2"), 2),
        (ITERATIVE, ("", "level 0", "level 0", "level 2"), 2),
        (ONE_SHOT, ("", "level 0", "level 0", "level 0"), 4),
        (ONE_SHOT, ("", "level 0", "level 1", "level 0"), 2),
    ],
)
def test_levels_follow_that_were_made_from_their_parent(treatment, parents, wanted):
    shared = levels_of(treatment, MemoryResults(), parents)
    first = [level(0, "")]
    found = stored_levels(shared, treatment, 0, first)
    assert found == [level(number, parent) for number, parent in enumerate(parents)][:wanted]
    assert first == [level(0, "")], "the list that was given is unchanged"
    assert stored_levels(shared, treatment, 1, first) == first, "of another seed nothing is stored"


def test_levels_of_another_first_level_do_not_follow():
    first = [level(0, "") | {"fingerprint": "another"}]
    assert stored_levels(levels_of(ITERATIVE, MemoryResults(), ("", "level 0")), ITERATIVE, 0, first) == first


@pytest.mark.slow
def test_the_page_has_all_levels_and_what_the_treatment_is(tmp_path):
    results = ResultsFolder(tmp_path, {})
    write_page(levels_of(ITERATIVE, results, ("", "level 0", "level 1")), ITERATIVE, 0, [level(0, "")])
    board = read(tmp_path / "seed-0" / ITERATIVE.name)
    assert scalars(board, "by level/test_accuracy") == pytest.approx({0: 0, 1: 0.1, 2: 0.2})
    told = board.summary_metadata["_hparams_/session_start_info"].plugin_data.content
    assert all(name in told for name in (b"network", b"mine", b"criterion", b"large_final", b"learning_rate"))


def test_results_in_memory_have_no_page(monkeypatch):
    monkeypatch.setattr(tensorboard, "write_treatment_page", lambda *arguments: pytest.fail("a page was written"))
    write_page(levels_of(ITERATIVE, MemoryResults(), ("", "level 0")), ITERATIVE, 0, [level(0, "")])
