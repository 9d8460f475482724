"""`runs.benchmark`: the suites that there are, and what the command refuses."""

import subprocess
import sys

import pytest
from shared import ROOT

pytestmark = pytest.mark.slow  # starts commands


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--suite=speed"], "Unknown suite 'speed'"),
        (["--repeats=0"], "--repeats takes a whole number of at least 1; '0' is not one."),
    ],
)
def test_refused_flags(arguments, message, light_command):
    done = light_command("runs.benchmark", *arguments)
    assert done.returncode == 2
    assert message in done.stderr


def test_each_suite_is_a_module_and_each_module_a_suite():
    """Importing the command defines its flags, so it has a process of its own."""
    code = "from runs.benchmark import SUITES; print(*SUITES)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    modules = {path.stem for path in (ROOT / "runs" / "benchmarks").glob("*.py")} - {"__init__"}
    assert {*done.stdout.split()} == modules
