"""Temporary folders of owners that live, end, and are killed."""

import subprocess
import sys
import tempfile

import pytest
from conftest import ROOT

from lottery_tf.studies.temporary_folders import temporary_folder


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.mark.slow
def test_what_a_killed_owner_leaves_is_removed_and_nothing_else(temporary):
    (temporary / "lottery_tf-of-something-else").mkdir()
    code = (
        "import tempfile, sys; tempfile.tempdir = sys.argv[1]\n"
        "from lottery_tf.studies.temporary_folders import temporary_folder\n"
        "with temporary_folder() as folder: (folder / 'array').write_text(''); print(folder, flush=True); input()"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", code, temporary], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    left = temporary / owner.stdout.readline().strip()
    with temporary_folder() as own:
        assert (left / "array").exists(), "its owner is alive"
        owner.kill()
        owner.communicate()
        assert left.exists()
        with temporary_folder():
            assert not left.exists()
            assert own.exists(), "its owner is this very process"
    assert [path.name for path in temporary.iterdir()] == ["lottery_tf-of-something-else"]


def test_it_is_gone_after_an_error(temporary):
    with pytest.raises(KeyboardInterrupt), temporary_folder() as folder:
        (folder / "array").write_text("")
        raise KeyboardInterrupt
    assert list(temporary.iterdir()) == []
