"""Processes that speak to one another on this machine, in the environment in which Flower is."""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OWN = ROOT / ".venv-federation" / "bin" / "python"
PYTHON = str(OWN) if OWN.exists() else sys.executable if importlib.util.find_spec("flwr") else ""
needs_flower = pytest.mark.skipif(not PYTHON, reason="Flower is not installed: make .venv-federation/done")


def port() -> int:
    """One that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def together(*commands: list[str]) -> list[tuple[int, str, str]]:
    """Run side by side: exit status, standard output, standard error of each."""
    own = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    pipe = subprocess.PIPE
    running = [
        subprocess.Popen([PYTHON, *command], env=own, cwd=ROOT, stdout=pipe, stderr=pipe, text=True)
        for command in commands
    ]
    try:
        said = [process.communicate(timeout=200) for process in running]
    finally:
        for process in running:
            process.kill()
    return [(process.returncode, *words) for process, words in zip(running, said, strict=True)]
