"""What became of a command, as JSON."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from mlleak_core.report.contents import finite


def write(path: str, slug: str, settings: Any, shown: dict[str, Any], started: float, report: Any) -> None:
    """A run's JSON. path: - is standard output. shown: its settings. started: when, by `perf_counter`."""
    result = {
        "threat": slug,
        "data": settings.data,
        "seed": settings.seed,
        "settings": shown,
        "seconds": time.perf_counter() - started,
        "report": report,
    }
    print_json(path, result)


def print_json(path: str, result: dict[str, Any]) -> None:
    """As JSON, without a number that JSON does not know. path: - is standard output."""
    text = json.dumps(finite(result), indent=1, allow_nan=False)
    if path == "-":
        print(text)
    else:
        Path(path).write_text(text + "\n", encoding="utf-8")
