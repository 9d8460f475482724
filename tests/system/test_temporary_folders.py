"""Temporary folders of processes that live, end, or are killed."""

import os
import subprocess
import sys
import tempfile

import pytest
from shared import ROOT

from lottery_tf.errors import InputError
from lottery_tf.system.temporary_folders import private_folder, sweep, temporary_folder


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.mark.slow
def test_what_a_killed_owner_leaves_is_removed_and_nothing_else(temporary):
    (temporary / "lottery_tf-of-something-else").mkdir()
    code = (
        "import tempfile, sys; tempfile.tempdir = sys.argv[1]\n"
        "from lottery_tf.system.temporary_folders import temporary_folder\n"
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


def test_what_others_put_there_is_neither_followed_nor_waited_for(temporary):
    theirs = temporary / "of somebody"
    theirs.mkdir()
    (theirs / ".lock").write_text("")
    (temporary / "lottery_tf-arrays-link").symlink_to(theirs)
    trap = temporary / "lottery_tf-arrays-pipe"
    trap.mkdir()
    os.mkfifo(trap / ".lock")  # who opened it would wait for ever
    with temporary_folder() as own:
        assert own.stat().st_mode & 0o077 == 0
        assert sweep(temporary) == 1
    assert sweep(temporary) == 0
    assert theirs.exists() and trap.exists()


def test_a_folder_that_keeps_its_name_is_for_its_user_alone(temporary, monkeypatch):
    folder = private_folder("a")
    assert str(os.getuid()) in folder.name and folder.stat().st_mode & 0o777 == 0o700
    assert private_folder("a") == folder
    folder.chmod(0o755)
    with pytest.raises(InputError, match="not a private folder of this user"):
        private_folder("a")
    folder.rmdir()
    (temporary / "elsewhere").mkdir(mode=0o700)
    for target in ("elsewhere", "nowhere"):
        folder.symlink_to(temporary / target)
        with pytest.raises(InputError, match="not a private folder of this user"):
            private_folder("a")
        folder.unlink()
    folder.mkdir(mode=0o700)
    user = os.getuid()
    folder.rename(temporary / folder.name.replace(f"-{user}-", f"-{user + 1}-"))
    monkeypatch.setattr(os, "getuid", lambda: user + 1)
    with pytest.raises(InputError, match="not a private folder of this user"):
        private_folder("a")


COMPUTES = """
import sys
from lottery_tf.command_line import console
from lottery_tf.system import processes
def main():
    processes.start_tensorflow(1)
    import os, tensorflow as tf
    @tf.function
    def count(n):
        total = 0
        for i in tf.range(n):
            total += i
        return total
    print(int(count(tf.constant(4))), flush=True)
    if os.environ.get("KILLED"):
        os.kill(os.getpid(), 9)
console.run(main)
"""


@pytest.mark.slow
def test_a_command_leaves_nothing_behind_and_removes_what_a_killed_one_left(temporary, tmp_path_factory):
    script = tmp_path_factory.mktemp("script") / "compute.py"  # TensorFlow reads the source of what it converts
    script.write_text(COMPUTES)

    def compute(**environment):
        environment |= {"TMPDIR": str(temporary), "PYTHONPATH": str(ROOT)}
        done = subprocess.run([sys.executable, script], env=os.environ | environment,
                              capture_output=True, text=True, check=False)  # fmt: skip
        assert done.stdout == "6\n", done.stderr
        return [path.name for path in temporary.rglob("*")]

    assert any("autograph" in name for name in compute(KILLED="1")), "else this test shows nothing"
    assert compute() == []


def test_it_is_gone_after_an_error(temporary):
    with pytest.raises(KeyboardInterrupt), temporary_folder() as folder:
        (folder / "array").write_text("")
        raise KeyboardInterrupt
    assert list(temporary.iterdir()) == []
