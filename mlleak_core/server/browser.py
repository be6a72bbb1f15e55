"""The app in a browser, from a checkout or an installation alike."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

from mlleak_core.installed import app_home
from mlleak_core.server import wishes


def serve_app(arguments: Sequence[str]) -> int:
    """Run Streamlit on the app until it is stopped; `arguments` are Streamlit's own. Returns its exit status.

    Raises BadInput where the operator's settings cannot be used.
    """
    wishes.check()
    home = app_home()
    environment = {**os.environ, **_where(arguments)}
    paths = [str(home), *filter(None, [environment.get("PYTHONPATH")])]
    environment["PYTHONPATH"] = os.pathsep.join(paths)
    command = [sys.executable, "-m", "streamlit", "run", str(home / "app.py"), *arguments]
    try:
        with _classroom(home, environment):
            return subprocess.run(command, cwd=home, env=environment, check=False).returncode
    except KeyboardInterrupt:
        return 0


def _where(arguments: Sequence[str]) -> dict[str, str]:
    """Where phones join, for the classroom and for the page that shows its address."""
    port = _option(arguments, "--server.port") or os.environ.get("STREAMLIT_SERVER_PORT", "")
    host = os.environ.get("MLLEAK_CLASSROOM_HOST") or _option(arguments, "--server.address")
    after = wishes.classroom_port(int(port) if port.isdecimal() else 8501)
    return {
        "MLLEAK_CLASSROOM_PORT": str(after),
        "MLLEAK_CLASSROOM_HOST": host or wishes.classroom_host(),
    }


def _option(arguments: Sequence[str], name: str) -> str:
    """What was said after an option of Streamlit's, the last time; empty where it was not."""
    said = [word.partition("=")[2] for word in arguments if word.startswith(f"{name}=")]
    said += [after for word, after in pairwise(arguments) if word == name]
    return said[-1] if said else ""


@contextmanager
def _classroom(home: Path, environment: Mapping[str, str]) -> Iterator[None]:
    """The phones' page, in a process of its own, for as long as the app runs. Where it cannot start it says
    why, and the app goes on.
    """
    where = [environment["MLLEAK_CLASSROOM_HOST"], environment["MLLEAK_CLASSROOM_PORT"]]
    command = [sys.executable, "-m", "mlleak_core", "classroom", "--host", where[0], "--port", where[1]]
    beside = subprocess.Popen([*command, "--beside"], cwd=home, env=environment, stdin=subprocess.PIPE)
    try:
        yield
    finally:
        beside.terminate()
        beside.wait()
