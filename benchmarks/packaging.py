"""`pip install .` into an empty environment, and the first commands there: what a newcomer waits for."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]


def measure() -> dict[str, float]:
    """Seconds of the installation with all that it needs, of `mlleak list`, and of a short training."""
    with tempfile.TemporaryDirectory() as folder:
        home, found = Path(folder), {}
        subprocess.run([sys.executable, "-m", "venv", str(home / "empty")], check=True)
        commands = {
            "install": [home / "empty/bin/pip", "install", "-q", "--disable-pip-version-check", ROOT],
            "list": [home / "empty/bin/mlleak", "list"],
            "train": [home / "empty/bin/mlleak", "train", "--epochs", "1", "--json", home / "report.json"],
        }
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        for name, command in commands.items():
            began = time.perf_counter()
            words = [str(word) for word in command]
            subprocess.run(
                words,
                cwd=home,
                check=True,
                stdout=subprocess.DEVNULL,
                env={**environment, "MLLEAK_CACHE_HOME": str(home / "cache")},
            )
            found[f"{name}_seconds"] = time.perf_counter() - began
        return found
