"""What a study refuses, before it does anything: bad flags, clusters that are not there, results of other data.

A behaviour of several modules: the command, its planning, and the engine of Ray.
"""

import pytest

pytestmark = pytest.mark.slow  # starts commands, some with Ray

RUN = "fc-digits/80"


@pytest.mark.parametrize("flags", [["--threads=64"], ["--gpus_per_task=1"]])
def test_ray_refuses_what_no_node_can_hold(flags, command, tmp_path):
    done = command("runs.study", "--study=demo", "--engine=ray", *flags, f"--results_dir={tmp_path}")
    assert done.returncode == 2 and "more than any node of the Ray cluster has" in done.stderr


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--study=figre3"], "did you mean 'figure3'"),
        ([], "--study needs one or more of demo"),
        (["--study=demo", "--seeds=a"], "'a' is neither"),
        (["--study=demo", "--engine=locl"], "did you mean 'local'"),
        (["--study=demo", "--workers=-1"], "--workers takes a whole number of at least 0; '-1' is not one."),
        (["--study=demo", "--address=auto"], "--address needs --engine=ray"),
        (["--study=demo", "--engine=ray", "--cpus_per_task=0"], "--cpus_per_task is 0"),
        (["--study=demo", "--engine=ray", "--gpus_per_task=1.5"], "--gpus_per_task is 1.5"),
        (["--study=lottery", "--networks=fc", "--learning_rate=-1"], "learning_rate is -1"),
        (["--study=demo", "--networks=fc,fc"], "--networks gives 'fc' more than once"),
    ],
)
def test_bad_flags_are_refused_in_a_sentence(flags, message, light_command, tmp_path):
    done = light_command("runs.study", *flags, f"--results_dir={tmp_path}")
    assert done.returncode == 2 and message in done.stderr and "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_cluster_that_does_not_answer_is_told_before_ray_is_asked(command, tmp_path):
    ray = ("--study=demo", "--engine=ray", "--address=127.0.0.1:1", f"--results_dir={tmp_path}")
    done = command("runs.study", *ray)
    assert done.returncode == 2 and "Connection refused" in done.stderr, "not what a plain connection says"
    assert "No Ray cluster answers at '127.0.0.1:1'" in done.stderr
    planned = command("runs.study", *ray, "--dry_run")
    assert "on this machine, because the cluster does not answer (No Ray cluster answers" in planned.stdout
    assert list(tmp_path.iterdir()) == []


BROKEN_RAY = """
import sys
class Broken:
    def find_spec(self, name, *rest):
        if name == "ray":
            raise RuntimeError("its library is of another machine")
sys.meta_path.insert(0, Broken())
import runs.study
from lottery_tf.command_line import console
console.run(runs.study.main)
"""


def test_a_ray_that_cannot_be_imported_is_told(command, tmp_path):
    done = command(None, "--study=demo", "--engine=ray", f"--results_dir={tmp_path}", code=BROKEN_RAY)
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1
    assert "Ray is installed, but cannot be imported (RuntimeError('its library is of another machine'))" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_results_of_other_data_are_refused(command, tmp_path):
    (tmp_path / RUN).mkdir(parents=True)
    (tmp_path / RUN / "settings.json").write_text('{"data": "other"}')
    done = command("runs.study", "--study=demo", "--schedule=80", f"--results_dir={tmp_path}")
    assert done.returncode == 2 and "made with other settings" in done.stderr
