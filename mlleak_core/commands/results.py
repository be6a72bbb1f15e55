"""What became of a command: the whole exhibit of a result, and its JSON."""

from __future__ import annotations

import json
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

from mlleak_core.contract import Step
from mlleak_core.report.contents import finite
from mlleak_core.server.desk import Desk
from mlleak_core.threat import Exhibit


def whole(result: Any, desk: Desk) -> Generator[Step, None, Exhibit]:
    """A result's exhibit with all that it can show; of some that is more than a page draws at once."""
    more = getattr(result, "shipped_exhibit", None)
    return (yield from more(desk)) if more else result.exhibit()  # type: ignore[no-any-return]


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
