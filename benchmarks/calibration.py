"""How often every verdict and interval is wrong where nothing is there: a Markdown table, and rows."""

from __future__ import annotations

import dataclasses
from typing import Any

from mlleak_core import calibrate
from mlleak_core.calibrate import Rate
from mlleak_core.contract import drain
from mlleak_core.server.desk import Desk


def measure() -> list[dict[str, Any]]:
    """Every null, as often as it asks for; the table is printed."""
    desk = Desk()
    try:
        rates = [drain(calibrate.calibrate(null, desk)) for null in calibrate.nulls()]
    finally:
        desk.close()
    print(table(rates), flush=True)
    return [dataclasses.asdict(rate) for rate in rates]


def table(rates: list[Rate]) -> str:
    """As docs/measured.md shows it."""
    head = "| where nothing is there | wrong when | wrong in | rate, 95% | at most |\n|---|---|---|---|---|\n"
    return head + "\n".join(_row(rate) for rate in rates)


def _row(rate: Rate) -> str:
    wrong = rate.wrong
    share = f"{wrong.value:.1%} [{wrong.low:.1%}, {wrong.high:.1%}]"
    return f"| {rate.situation} | {rate.claim} | {rate.count} of {wrong.n} | {share} | {rate.allowed:.0%} |"
