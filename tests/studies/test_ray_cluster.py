"""Whether a cluster is there, asked at ports of this test's own; Ray has no part in it."""

import socket
import subprocess
import sys

import pytest
from conftest import ROOT

from lottery_tf.errors import InputError
from lottery_tf.studies.ray_cluster import check_answers


@pytest.fixture
def listening():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def address(server):
    return "{}:{}".format(*server.getsockname())


def test_somebody_who_listens_answers(listening):
    check_answers(address(listening))


def test_nobody_answers_where_nobody_listens():
    with pytest.raises(InputError, match=r"No Ray cluster answers at '127\.0\.0\.1:\d+' \(.*refused"):
        check_answers(f"127.0.0.1:{_closed_port()}")


@pytest.mark.parametrize("others", ["auto", "local", "", "ray://127.0.0.1:1"])
def test_what_is_no_host_and_port_is_left_to_ray(others):
    check_answers(others)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("there", "end", "told"), [(True, "os._exit(1)", False), (False, "os._exit(1)", True), (False, "pass", False)]
)
def test_a_process_that_ends_without_a_word_is_spoken_for_if_its_cluster_is_gone(there, end, told, listening):
    where = address(listening) if there else f"127.0.0.1:{_closed_port()}"
    code = (
        "import os, sys; from lottery_tf.studies.ray_cluster import watched\n"
        "if __name__ == '__main__':\n"
        f"    with watched(sys.argv[1]): {end}"
    )
    done = subprocess.run([sys.executable, "-c", code, where], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stderr.startswith(f"The Ray cluster at {where} is gone. What was finished is kept;" if told else "")
    assert bool(done.stderr) == told


def _closed_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]
