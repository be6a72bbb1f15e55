"""A copy of the house to move things into, under git, and a way to run it there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
KEPT = (
    "mlleak_core",
    "pages",
    "assets",
    "docs/glossary.md",
    "docs/glossary.de.md",
    "docs/teaching.md",
    "docs/teaching.de.md",
    ".streamlit",
    "app.py",
    "pyproject.toml",
    "tests/contract",
    "tests/conftest.py",
)


def copy_to(home: Path) -> Path:
    """What the program needs to run, and its contract suite, as a repository of its own."""
    for name in KEPT:
        source, to = ROOT / name, home / name
        to.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, to, ignore=shutil.ignore_patterns("__pycache__", "toy"))
        else:
            shutil.copy(source, to)
    git(home, "init", "-q")
    git(home, "add", "-A")
    git(home, "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-q", "-m", "the house")
    return home


def git(home: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=home, check=True, capture_output=True, text=True).stdout


def run(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Python, in the copy; it must end well."""
    environment = {**os.environ, "PYTHONPATH": str(home), "MLLEAK_WARM": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, *words],
        cwd=home,
        env=environment,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done
