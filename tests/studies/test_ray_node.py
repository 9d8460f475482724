"""The files that remain on a node after a study; without a cluster."""

import tempfile

import pytest

from lottery_tf.studies import ray_node
from lottery_tf.system.temporary_folders import private_folder, temporary_folder


@pytest.fixture
def scratch(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return private_folder("a")


def made(scratch, settings, name):
    path = scratch / settings / "slot-0" / "fc-digits" / "20" / "seed-0" / "dense.partial" / name
    path.parent.mkdir(parents=True)
    path.write_text("")
    return path


def test_trainings_that_can_be_resumed_stay_on_a_node_and_nothing_else(scratch):
    unfinished, finished = made(scratch, "a", "snapshot.npz"), made(scratch, "b", "events.out.tfevents.1")
    ray_node.clean_node("a")
    assert unfinished.exists() and not finished.exists()
    unfinished.unlink()
    ray_node.clean_node("a")
    assert not scratch.exists()
    ray_node.clean_node("a")
    assert not scratch.exists(), "there was nothing"


def test_a_node_where_another_study_is_at_work_is_left_alone(scratch, monkeypatch):
    monkeypatch.setattr(ray_node, "LEAVING_SECONDS", 0)
    begun = made(scratch, "a", "events.out.tfevents.1")
    with temporary_folder(scratch):
        ray_node.clean_node("a")
        assert begun.exists()
    ray_node.clean_node("a")
    assert not scratch.exists()
