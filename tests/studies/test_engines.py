"""What engines share: how much a slot takes, how many fit, and the logs of tasks."""

import random

import pytest

from lottery_tf.models.settings import experiment_settings
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.studies.costs import Cost
from lottery_tf.studies.engines import Resources, append_log, most_at_once
from lottery_tf.studies.tasks import LevelTask

COST = Cost(threads=2, memory=3_000, speeds={})
SETTINGS = experiment_settings("fc", "digits", "20")


def test_a_slot_takes_what_its_network_does_but_for_the_threads_asked_for():
    assert Resources.for_network(COST) == Resources(2, 3_000)
    assert Resources.for_network(COST, threads=5) == Resources(5, 3_000)


@pytest.mark.parametrize("number", range(5))
def test_as_many_slots_are_counted_as_fit(number):
    """Against filling a machine by hand. One slot is always counted, since a task that does not fit is tried."""
    rng = random.Random(number)
    cores, memory, one = rng.randint(1, 9), rng.randint(1, 9), Resources(rng.randint(1, 3), rng.randint(1, 3))
    slots = 0
    while (slots + 1) * one.threads <= cores and (slots + 1) * one.memory <= memory:
        slots += 1

    def fits(resource_list):
        threads, taken = (sum(each) for each in zip(*((r.threads, r.memory) for r in resource_list), strict=True))
        return threads <= cores and taken <= memory

    assert most_at_once(fits, one) == max(1, slots)


def test_the_levels_of_a_treatment_have_one_log(tmp_path):
    for level in (1, 2):
        append_log(tmp_path, LevelTask(SETTINGS, 3, level, Treatment()), f"level {level} é \udcff\n")
    append_log(tmp_path, LevelTask(SETTINGS, 3), "dense\n")
    folder = tmp_path / "fc-digits/20/seed-3"
    assert (folder / "large_final-rewind-zero.log").read_text("utf-8") == "level 1 é \\udcff\nlevel 2 é \\udcff\n"
    assert (folder / "dense.log").read_text() == "dense\n"


def test_a_log_that_cannot_be_written_stops_nothing(tmp_path):
    (tmp_path / "logs").write_text("a file")
    append_log(tmp_path / "logs", LevelTask(SETTINGS, 3), "dense\n")
    assert (tmp_path / "logs").read_text() == "a file"
