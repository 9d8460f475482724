"""`runs.connectivity`, the former name of `runs.landscape`."""

import pytest


@pytest.mark.parametrize("arguments", [["--help"], ["--levels=3", "--dry_run"], ["--measure=line"]])
def test_the_former_name_does_the_same_and_says_so(arguments, light_command, tmp_path):
    now, before = (
        light_command(f"runs.{name}", *arguments, f"--results_dir={tmp_path}") for name in ("landscape", "connectivity")
    )
    assert now.stdout + now.stderr
    assert (before.returncode, before.stdout) == (now.returncode, now.stdout)
    assert before.stderr == f"runs.connectivity is now called runs.landscape.\n{now.stderr}"
