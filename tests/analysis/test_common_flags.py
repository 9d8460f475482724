"""The flag that all commands of the analysis share."""

from analysis.common_flags import define_results_to_read


def test_results_are_read_from_a_folder_that_may_be_below_the_home(own_flags, monkeypatch):
    monkeypatch.setenv("HOME", "/home/mine")
    holder = define_results_to_read()
    own_flags(["command"])
    assert holder.value == own_flags.results_dir == "results"
    own_flags(["command", "--results_dir=~/out"])
    assert holder.value == own_flags.results_dir == "/home/mine/out"
