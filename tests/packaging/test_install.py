"""Installed with pip, the program runs from any folder; the image's recipe names what is there."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import sysconfig
import time
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program's wheel, built without a download."""
    folder = tmp_path_factory.mktemp("wheel")
    options = ["--no-deps", "--no-build-isolation", "--disable-pip-version-check", "-q", "-w", str(folder)]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, str(ROOT)], check=True, timeout=200)
    return next(folder.glob("mlleak-*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel alone installed; its dependencies are lent by this one."""
    home = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", str(home)], check=True, timeout=200)
    own = next((home / "lib").glob("python*/site-packages"))
    (own / "lent.pth").write_text(sysconfig.get_paths()["purelib"])
    options = ["--no-deps", "--disable-pip-version-check", "-q"]
    python = str(home / "bin" / "python")
    subprocess.run([python, "-m", "pip", "install", *options, str(wheel)], check=True, timeout=200)
    return home / "bin"


def environment(tmp_path: Path) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if k not in {"PYTHONPATH", "PYTHONSAFEPATH"}}
    return {**kept, "MLLEAK_CACHE_HOME": str(tmp_path / "cache"), "MLLEAK_WARM": "0"}


def test_the_wheel_carries_app_pages_and_exhibits(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    for file in ("app.py", "pages/train.py", "pages/_kit/style.css", "pages/_kit/canvas/record_grid.js"):
        assert f"mlleak_core/_app/{file}" in names
    for file in ("figures/canvases/face_map.js", "report/page.html", "report/style.css", "report/draw.js"):
        assert f"mlleak_core/{file}" in names
    for file in ("docs/teaching.md", "docs/teaching.de.md", ".streamlit/config.toml"):
        assert f"mlleak_core/_app/{file}" in names
    assert {"mlleak_core/handouts/looks/cards.html", "mlleak_core/handouts/looks/print.css"} <= names
    assert any(n.startswith("mlleak_core/_app/assets/shipped/features-0") for n in names)
    assert not any(n.startswith(("app.py", "pages/", "tests/")) for n in names), "nothing beside the package"
    about = next(n for n in names if n.endswith("METADATA"))
    assert "Requires-Dist: torch==" in zipfile.ZipFile(wheel).read(about).decode()


def test_it_lists_and_trains_from_any_folder(installed, tmp_path):
    for command in ([str(installed / "mlleak")], [str(installed / "python"), "-m", "mlleak_core"]):
        done = subprocess.run(
            [*command, "list"],
            cwd=tmp_path,
            env=environment(tmp_path),
            capture_output=True,
            text=True,
            check=True,
        )
        assert "membership" in done.stdout
    where = "import mlleak_core.threat as t; print(t.SHIPPED)"
    python = [str(installed / "python"), "-c", where]
    found = subprocess.run(
        python, cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True, check=True
    )
    assert "_app" in found.stdout and (Path(found.stdout.strip()) / "features-0.json").is_file()


def test_the_app_starts_from_an_installation(installed, tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        str(installed / "mlleak"),
        "app",
        "--server.port",
        str(port),
        "--server.enableAgentApi",
        "true",
    ]
    with subprocess.Popen(command, cwd=tmp_path, env=environment(tmp_path), start_new_session=True) as server:
        try:
            assert healthy(port), "no answer"
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as page:
                assert b"<title>" in page.read()
        finally:
            os.killpg(server.pid, 15)


def healthy(port: int) -> bool:
    end = time.monotonic() + 90
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2) as reply:
                return reply.read() == b"ok"
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    return False


def test_the_image_is_made_of_what_is_here_and_runs_without_root():
    recipe = (ROOT / "Dockerfile").read_text()
    for line in re.findall(r"^COPY (.+)$", recipe, flags=re.M):
        *sources, _ = line.split()
        assert all((ROOT / source).exists() for source in sources), line
        assert not set(sources) & set((ROOT / ".dockerignore").read_text().split()), line
    assert "COPY docs docs" in recipe, "pages read their explained words and lessons there"
    assert re.findall(r"^USER (\w+)", recipe, flags=re.M) == ["mlleak"]
    assert "HEALTHCHECK" in recipe and "_stcore/health" in recipe
    assert "MLLEAK_ALLOW_PATHS" not in recipe
