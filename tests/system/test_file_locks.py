"""Locks of files: waited for, released by a dead owner, refused where the file system has none."""

import errno
import fcntl
import os
import subprocess
import sys

import pytest

from lottery_tf.errors import InputError
from lottery_tf.system import file_locks
from lottery_tf.system.file_locks import is_locked, locked

HOLD = """
import sys, time
from pathlib import Path
from lottery_tf.system.file_locks import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(3600)
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / ".a.lock"


def test_a_file_system_without_locks_is_named(path, monkeypatch):
    def unsupported(file, operation):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", unsupported)
    with pytest.raises(InputError, match=f"{path.parent} is on a file system without locks"), locked(path):
        pass
    assert not is_locked(path)


def test_a_lock_shows_while_it_is_held(path):
    assert not is_locked(path)
    with locked(path):
        assert is_locked(path)
        with open(path, "a") as file:
            assert not file_locks.take_if_free(file)
    assert not is_locked(path)
    with open(path, "a") as file:
        assert file_locks.take_if_free(file)
        assert is_locked(path)
    assert not is_locked(path)


@pytest.mark.slow
def test_a_lock_is_waited_for_and_released_by_a_dead_owner(path, monkeypatch):
    owner = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True)
    assert owner.stdout.readline() == "held\n"
    messages = []

    def kill_owner(message, *values):  # who waits says so first
        messages.append(message % values)
        owner.kill()

    monkeypatch.setattr(file_locks.log, "warning", kill_owner)
    with locked(path):
        (message,) = messages
        with open(path) as file, pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert message == f"a is in use by process {owner.pid}; waiting for it."
    owner.wait()
    owner.stdout.close()


def test_an_owner_that_has_not_said_its_number_yet_is_another_process(path, monkeypatch, caplog):
    def busy_at_first(file, operation):
        if operation & fcntl.LOCK_NB:
            raise BlockingIOError

    monkeypatch.setattr(fcntl, "flock", busy_at_first)
    with locked(path):
        assert "a is in use by another process; waiting for it." in caplog.text
    with locked(path):
        assert f"a is in use by process {os.getpid()}; waiting for it." in caplog.text
    path.write_bytes(b"\xff no number")
    with locked(path):
        assert caplog.messages[-1] == "a is in use by another process; waiting for it."
