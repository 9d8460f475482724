"""Whether a cluster answers, with ports that the test opens itself; without Ray."""

import contextlib
import socket
import subprocess
import sys
import threading

import pytest
from shared import HANG_SECONDS, ROOT

from lottery_tf.errors import InputError
from lottery_tf.studies import ray_cluster
from lottery_tf.studies.ray_cluster import check_answers


@pytest.fixture
def listening():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def address(server):
    return "{}:{}".format(*server.getsockname())


class Answering:
    """Listens, and answers each who connects with the same bytes."""

    def __init__(self, answer):
        self._server = socket.create_server(("127.0.0.1", 0))
        self.address, self.heard = address(self._server), []
        self._thread = threading.Thread(target=self._answer, args=(answer,))
        self._thread.start()

    def _answer(self, answer):
        connection, _ = self._server.accept()
        with connection:
            self.heard.append(connection.recv(100))
            connection.sendall(answer)

    def close(self):
        self._thread.join()
        self._server.close()


@pytest.mark.parametrize("prefix", ["", "ray://"])
def test_who_speaks_the_language_of_ray_answers(prefix, monkeypatch):
    monkeypatch.setattr(ray_cluster, "ANSWER_SECONDS", HANG_SECONDS)
    with contextlib.closing(Answering(bytes((0, 0, 0, 4, 0, 0, 0, 0, 0)))) as cluster:
        check_answers(prefix + cluster.address)
    assert cluster.heard[0].startswith(b"PRI * HTTP/2.0")


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n", b"SSH-2.0-OpenSSH\r\n", b"", b"\0\0"])
def test_something_else_that_listens_is_no_cluster(answer, monkeypatch):
    monkeypatch.setattr(ray_cluster, "ANSWER_SECONDS", HANG_SECONDS)
    with contextlib.closing(Answering(answer)) as other, pytest.raises(InputError, match="is not a Ray cluster"):
        check_answers(other.address)


def test_who_listens_in_silence_is_not_waited_for(listening, monkeypatch):
    monkeypatch.setattr(ray_cluster, "ANSWER_SECONDS", 0.1)
    with pytest.raises(InputError, match=r"No Ray cluster answers at .* \(timed out after 0.1 s\)"):
        check_answers(address(listening))


class InParts:
    """A connection on which each byte of an answer takes a second by the clock that it keeps."""

    def __init__(self, answer):
        self.seconds, self._left = 0.0, answer

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def monotonic(self):
        return self.seconds

    def settimeout(self, limit):
        self._limit = limit

    def sendall(self, content):
        pass

    def recv(self, count):
        self.seconds += min(1.0, self._limit)
        if self._limit < 1.0:
            raise TimeoutError
        part, self._left = self._left[:1], self._left[1:]
        return part


@pytest.mark.parametrize(
    ("seconds", "message"), [(5.0, None), (4.0, None), (3.5, r"timed out after 3.5 s"), (2.0, r"timed out after 2 s")]
)
def test_an_answer_may_come_in_parts_within_the_time(seconds, message, monkeypatch):
    connection = InParts(bytes((0, 0, 0, 4, 0)))
    monkeypatch.setattr(ray_cluster, "time", connection)
    monkeypatch.setattr(ray_cluster, "ANSWER_SECONDS", seconds)
    monkeypatch.setattr(ray_cluster.socket, "create_connection", lambda where, timeout: connection)
    with pytest.raises(InputError, match=message) if message else contextlib.nullcontext():
        check_answers("127.0.0.1:1")
    assert connection.seconds == min(seconds, 4.0)


def test_nobody_answers_where_nobody_listens():
    with pytest.raises(InputError, match=r"No Ray cluster answers at '127\.0\.0\.1:\d+' \(.*refused"):
        check_answers(f"127.0.0.1:{_closed_port()}")


@pytest.mark.parametrize("others", ["auto", "local", "", "anyscale://cluster:1/a"])
def test_what_is_no_host_and_port_is_left_to_ray(others):
    check_answers(others)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("there", "end", "explained"), [(True, "os._exit(1)", False), (False, "os._exit(1)", True), (False, "pass", False)]
)
def test_a_process_that_ends_without_a_word_is_spoken_for_if_its_cluster_is_gone(there, end, explained, listening):
    where = address(listening) if there else f"127.0.0.1:{_closed_port()}"
    code = (
        "import os, sys; from lottery_tf.studies.ray_cluster import watched\n"
        "if __name__ == '__main__':\n"
        f"    with watched(sys.argv[1]): {end}"
    )
    done = subprocess.run([sys.executable, "-c", code, where], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stderr.startswith(
        f"The Ray cluster at {where} has stopped. Finished results are kept;" if explained else ""
    )
    assert bool(done.stderr) == explained


def _closed_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]
