"""The command line amid what other programs make: a result, or one line and exit 2."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from mlleak_core import disk
from mlleak_core.__main__ import main
from mlleak_core.contract import drain
from mlleak_core.server.desk import Desk
from mlleak_core.target.blackbox import Remote, _is_here
from mlleak_core.threats.membership.card import MembershipSettings
from mlleak_core.threats.membership.pool import open_pool
from mlleak_core.threats.membership.target import train_target

WAYS = ("--scores=", "--data=csv:", "--data=purchase:", "--data=folder:", "--data=utkface:")
LOSS = ("membership", "--attack=loss")
TABLE = "record,member,label,loss\n" + "".join(
    f"é{i},{i % 2},0,{0.1 * i + 1 - i % 2:.2f}\n" for i in range(60)
)
ODD = {
    "a workbook": b"PK\x03\x04" + bytes(200),
    "an open quote": TABLE.replace("é9", '"é9').encode(),
    "zeros": TABLE[:200].encode() + b"\0" * 99,
    "nothing": b"",
    "a header alone": TABLE[:25].encode(),
    "noise": bytes(range(256)) * 4,
    "one cell": b"x",
    "a long cell": b"record,member,label,loss\n" + b"x" * 200_000 + b",1,0,0.1\n",
    "huge numbers": TABLE.replace(",0.10", ",nan1e999999").encode(),
    "a folder": b"",
}


@pytest.mark.parametrize("case", ODD)
@pytest.mark.parametrize("way", WAYS)
def test_odd_files_end_in_one_line_and_exit_2(case, way, tmp_path, capsys):
    file = tmp_path / "odd.csv"
    file.mkdir() if case == "a folder" else file.write_bytes(ODD[case])
    assert main([*LOSS, f"{way}{file}"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("mlleak: ") and "broke" not in said and said.count("\n") == 1


@pytest.mark.parametrize("coding", ["ascii", "cp1252", "utf-8"])
def test_words_beyond_ascii_are_written_whatever_the_terminal_takes(coding, tmp_path):
    (tmp_path / "t.csv").write_text(TABLE, encoding="utf-8")
    names, report = tmp_path / "names.csv", tmp_path / "report.json"
    home = {**os.environ, "PYTHONIOENCODING": coding, "PYTHONUTF8": "0", "LC_ALL": "C"}
    for line in (
        ["list"],
        ["membership", "--help"],
        [*LOSS, f"--scores={tmp_path / 't.csv'}", f"--per-record={names}", f"--json={report}"],
        [*LOSS, f"--scores={tmp_path / 't.csv'}"],
    ):
        command = [sys.executable, "-m", "mlleak_core", *line]
        found = subprocess.run(command, env=home, capture_output=True, check=False)
        assert found.returncode == 0, found.stderr
    assert "é59" in names.read_text(encoding="utf-8")
    assert json.loads(report.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def kept() -> str:
    """The name of a small model that was kept."""
    settings, desk = MembershipSettings(data="clinic", epochs=2), Desk()
    pool, _ = drain(open_pool(settings, desk))
    subject = drain(train_target(pool, settings))
    desk.store.save_model(subject.key, subject.weights, subject.about)
    return subject.key


def free() -> int:
    with socket.create_server(("127.0.0.1", 0)) as door:
        return int(door.getsockname()[1])


def test_serving_is_said_when_callers_get_through_and_a_signal_ends_it(kept):
    port = free()
    command = [sys.executable, "-m", "mlleak_core", "serve", kept, f"--port={port}"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as served:
        assert served.stderr is not None
        assert served.stderr.readline().startswith(f"serving {kept} on http://127.0.0.1:{port}")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=20) as reply:
            assert json.loads(reply.read())["run"] == kept
        served.send_signal(signal.SIGINT)
        assert served.wait(20) == 0
        assert "Traceback" not in served.stderr.read()


@pytest.mark.parametrize("port", ["0", "-1", "99999", "taken"])
def test_a_port_that_is_not_free_is_refused_and_nothing_is_said_of_serving(kept, port, capsys):
    with socket.create_server(("127.0.0.1", 0)) as door:
        wanted = str(door.getsockname()[1]) if port == "taken" else port
        assert main(["serve", kept, f"--port={wanted}"]) == 2
    said = capsys.readouterr().err
    assert "Choose another --port" in said and "serving" not in said


@pytest.mark.parametrize("host", ["no such host", "a..b", "x" * 300])
def test_a_host_that_is_none_is_refused(kept, host, capsys):
    assert main(["serve", kept, f"--host={host}", f"--port={free()}"]) == 2
    assert "Choose another" in capsys.readouterr().err


def test_this_machine_is_asked_past_any_proxy(kept, monkeypatch):
    assert all(_is_here(f"http://{h}:1") for h in ("localhost", "127.0.0.1", "127.9.9.9", "[::1]"))
    assert not any(_is_here(f"http://{h}") for h in ("example.org", "10.0.0.1", "[::1", "localhost.org"))
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free()}")
    port = free()
    command = [sys.executable, "-m", "mlleak_core", "serve", kept, f"--port={port}"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as served:
        assert served.stderr is not None and served.stderr.readline()
        assert Remote(f"http://127.0.0.1:{port}").classes == 2
        served.terminate()


def test_the_platforms_are_said():
    readme = (Path(disk.__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    assert all(name in readme for name in ("Linux", "macOS", "Windows", "Intel Macs", "ARM"))
