"""Finds results while others are written, behind links, and beside damaged ones."""

import errno
import os

import pytest
from levels_by_hand import made_up_level

from lottery_tf.errors import InputError
from lottery_tf.results import paths, walk
from lottery_tf.results.walk import finished


def test_results_are_read_while_others_are_being_finished(results, tmp_path, monkeypatch):
    results.write("t/level-01", made_up_level(1))
    partial = results.path / "t" / f"level-02{paths.PARTIAL}"
    partial.mkdir()
    scandir, renamed = os.scandir, []

    def renamed_just_before(path):
        if str(path) == str(partial):
            renamed.append(partial.rename(results.path / "t" / "level-02"))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", renamed_just_before)
    assert [metrics["level"] for metrics in finished(tmp_path)] == [1]
    assert renamed


def test_results_behind_links_are_read_once(results, tmp_path):
    results.write("t/level-01", made_up_level(1))
    elsewhere = tmp_path / "another disk"
    (results.path / "t").rename(elsewhere)
    (results.path / "t").symlink_to(elsewhere)
    (elsewhere / "level-01" / "loop").symlink_to(results.path)
    assert [metrics["level"] for metrics in finished(results.path)] == [1]


def test_of_a_folder_and_links_to_it_the_folder_counts(results, tmp_path):
    results.write("t/level-01", made_up_level(1))
    for alias in ("0", "z"):
        (results.path / alias).symlink_to(results.path / "t")
    assert walk.result_folders(tmp_path) == [results.path / "t" / "level-01"]


def test_a_link_that_leads_back_is_not_followed_twice(results, tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path)
    assert walk.folders_with(tmp_path, "settings.json", deeper=False) == [results.path]


def test_a_folder_that_cannot_be_read_is_named(results, tmp_path, monkeypatch, caplog):
    results.write("t/level-01", made_up_level(1))
    results.write("u/level-02", made_up_level(2))
    scandir = os.scandir

    def forbidden(path):
        if str(path) == str(results.path / "u"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", forbidden)
    assert [metrics["level"] for metrics in finished(tmp_path)] == [1]
    assert caplog.messages == [f"{results.path / 'u'} cannot be read (Permission denied). It is left out."]


def test_finished_reads_them_all_and_skips_the_damaged(results, tmp_path, caplog):
    for number in (1, 2, 3):
        results.write(f"t/level-0{number}", made_up_level(number))
    (results.folder("t/level-02") / "metrics.json").write_text("{}")
    results.partial("t/level-04")
    assert [metrics["level"] for metrics in finished(tmp_path)] == [1, 3]
    assert "level-02/metrics.json is damaged" in caplog.text
    with pytest.raises(InputError, match="There is no results folder"):
        list(finished(tmp_path / "nowhere"))
