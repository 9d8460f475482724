"""Single files: file systems without some features, and files that are not read."""

import errno
import os
import stat

import pytest
from levels_by_hand import made_up_level

from lottery_tf.errors import DamagedFile
from lottery_tf.results import files


def test_a_file_system_that_cannot_flush_folders_is_good_enough(results, monkeypatch):
    flush = os.fsync

    def files_only(handle):
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        flush(handle)

    monkeypatch.setattr(os, "fsync", files_only)
    results.write("t/level-01", made_up_level())
    assert results.read("t/level-01", weights=True) is not None


def test_what_is_no_file_is_damaged(tmp_path):
    os.mkfifo(tmp_path / "metrics.json")
    (tmp_path / "mask.npz").mkdir()
    for name in ("metrics.json", "mask.npz"):
        with pytest.raises(DamagedFile, match="is not a file"):
            files.read_bytes(tmp_path / name)


@pytest.mark.parametrize(("name", "size"), [("metrics.json", 2**25), ("history.csv", 2**30), ("weights.npz", 2**40)])
def test_what_is_too_large_is_not_read(name, size, tmp_path):
    with open(tmp_path / name, "wb") as file:
        file.truncate(size)  # takes no room on the disk
    with pytest.raises(DamagedFile, match=f"{name} is damaged: it has {size:,} bytes, more than"):
        files.read_bytes(tmp_path / name)
