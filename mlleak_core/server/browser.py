"""The app in a browser, from a checkout or an installation alike."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence

from mlleak_core.disk import app_home
from mlleak_core.server import wishes


def serve_app(arguments: Sequence[str]) -> int:
    """Run Streamlit on the app until it is stopped; `arguments` are Streamlit's own. Returns its exit status.

    Raises BadInput where the operator's settings cannot be used.
    """
    wishes.check()
    home = app_home()
    environment = {**os.environ}
    paths = [str(home), *filter(None, [environment.get("PYTHONPATH")])]
    environment["PYTHONPATH"] = os.pathsep.join(paths)
    command = [sys.executable, "-m", "streamlit", "run", str(home / "app.py"), *arguments]
    try:
        return subprocess.run(command, cwd=home, env=environment, check=False).returncode
    except KeyboardInterrupt:
        return 0
