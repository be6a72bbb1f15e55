"""`mlleak app` starts the page for phones beside the app, where phones may come in and nowhere else."""

from __future__ import annotations

import socket
import subprocess
import sys
import time

import pytest

from mlleak_core.__main__ import main
from mlleak_core.classroom.doors import answers, serve
from mlleak_core.contract import BadInput
from mlleak_core.server import browser


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize(
    ("arguments", "host", "port"),
    [
        ([], "0.0.0.0", "8502"),
        (["--server.port", "9000"], "0.0.0.0", "9001"),
        (["--server.port=9000", "--server.address=127.0.0.1"], "127.0.0.1", "9001"),
        (["--server.address", "127.0.0.1", "--server.address", "::1"], "::1", "8502"),
        (["--server.port"], "0.0.0.0", "8502"),
    ],
)
def test_phones_come_in_where_the_app_does(arguments, host, port, monkeypatch):
    for name in ("STREAMLIT_SERVER_PORT", "STREAMLIT_SERVER_ADDRESS", "MLLEAK_CLASSROOM_PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("MLLEAK_CLASSROOM_HOST", raising=False)
    found = browser._where(arguments)
    assert (found["MLLEAK_CLASSROOM_HOST"], found["MLLEAK_CLASSROOM_PORT"]) == (host, port)


def test_the_operator_may_say_otherwise(monkeypatch):
    monkeypatch.setenv("MLLEAK_CLASSROOM_PORT", "7777")
    monkeypatch.setenv("MLLEAK_CLASSROOM_HOST", "127.0.0.1")
    found = browser._where(["--server.port", "9000"])
    assert found == {"MLLEAK_CLASSROOM_PORT": "7777", "MLLEAK_CLASSROOM_HOST": "127.0.0.1"}


def test_a_port_that_is_taken_is_a_sentence(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["classroom", "--host", "127.0.0.1", "--port", str(port)]) == 2
        assert not answers("127.0.0.1", port)
    said = capsys.readouterr().err
    assert f"a free port {port}" in said and "MLLEAK_CLASSROOM_PORT" in said


@pytest.mark.parametrize("port", [0, 65536, -1])
def test_a_port_that_is_none(port):
    with pytest.raises(BadInput, match="between 1 and 65535"):
        serve("127.0.0.1", port, lambda _: None)


def test_it_answers_and_ends_with_who_started_it():
    port = free_port()
    command = [sys.executable, "-m", "mlleak_core", "classroom", "--host", "127.0.0.1", "--port", str(port)]
    with subprocess.Popen([*command, "--beside"], stdin=subprocess.PIPE, stderr=subprocess.PIPE) as served:
        assert served.stderr is not None and served.stdin is not None
        assert b"phones join on port" in served.stderr.readline()
        end = time.monotonic() + 60
        while not answers("127.0.0.1", port) and time.monotonic() < end:
            time.sleep(0.1)
        assert answers("127.0.0.1", port)
        served.stdin.close()
        served.wait(30)
    assert not answers("127.0.0.1", port)
