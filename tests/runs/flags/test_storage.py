"""Flags of every command that trains: what is usual, and which weights are kept."""

from asked import answers

ALL = "[getattr(module, name).value for name in ('RESULTS_DIR', 'DATA_DIR', 'SNAPSHOT_SECONDS', 'DRY_RUN')]"


def test_folders_may_be_below_the_home_and_the_usual_ones_are_told(command, monkeypatch):
    monkeypatch.setenv("HOME", "/home/mine")
    given = ["--results_dir=~/out", "--data_dir=~/data", "--snapshot_seconds=0.5", "--dry_run"]
    usual, own = answers(command, "runs.flags.storage", ALL, [[], given])
    assert usual == ["results", None, 30, False]
    assert own == ["/home/mine/out", "/home/mine/data", 0.5, True]


def test_weights_are_kept_as_needed_or_all(command):
    keep = answers(command, "runs.flags.storage", "KEEP.value", [[], ["--keep=all"]], "KEEP = module.define_keep()")
    assert keep == ["needed", "all"]
