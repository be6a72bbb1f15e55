"""Arrays in: answers of a model that was trained elsewhere, as a table; no model and no pickle needed."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mlleak_core.contract import BadInput

LEAST, MOST = 20, 2_000_000
MOST_BYTES = 256 * 2**20


@dataclass(frozen=True, eq=False)
class Scores:
    """records [n] names; member [n]; y [n]; logits [n, c] or loss [n], one of them None."""

    records: tuple[str, ...]
    member: NDArray[np.bool_]
    y: NDArray[np.int64]
    logits: NDArray[np.float64] | None
    loss: NDArray[np.float64] | None


def read_scores(source: Path | bytes) -> Scores:
    """A CSV with columns record, member (0/1), label, and either logits `logit_0, logit_1, …` or `loss`.

    Raises BadInput that lists what is wrong, with its rows.
    """
    if isinstance(source, Path):
        if not source.is_file():
            raise BadInput("a CSV file of scores", repr(str(source)), "Give the path of an existing table.")
        if source.stat().st_size > MOST_BYTES:
            raise BadInput("a table of at most 256 MB", f"{source.stat().st_size / 2**20:.0f} MB", "Split it.")
        source = source.read_bytes()
    reader = csv.reader(io.StringIO(source.decode("utf-8-sig", errors="replace")))
    header = [c.strip() for c in next(reader, [])]
    logits = [c for c in header if c.startswith("logit_")]
    if (
        len(set(header)) != len(header)
        or not {"record", "member", "label"} <= set(header)
        or not (len(logits) >= 2 or "loss" in header)
    ):
        raise BadInput("columns record, member, label and either logit_0, logit_1, … or loss", ", ".join(header)[:160] or "no header",
                       "Mend the header.")  # fmt: skip
    values = logits if len(logits) >= 2 else ["loss"]
    at = {c: header.index(c) for c in ("record", "member", "label", *values)}
    names, table, problems = list[str](), list[list[float]](), list[str]()
    for number, row in enumerate(reader, start=2):
        if not row:
            continue
        if len(table) >= MOST:
            raise BadInput(f"at most {MOST:,} rows", "more", "Split the table.")
        try:
            line = [float(row[at[c]]) for c in ("member", "label", *values)]
            if not np.isfinite(line).all() or line[0] not in (0.0, 1.0):
                raise ValueError
        except (ValueError, IndexError):
            problems.append(f"row {number}")
            continue
        names.append(row[at["record"]])
        table.append(line)
    if problems:
        more = f" and {len(problems) - 20} more" if len(problems) > 20 else ""
        raise BadInput(
            "member 0 or 1 and finite numbers",
            f"{len(problems)} bad row(s): {', '.join(problems[:20])}{more}",
            "Mend or remove them.",
        )
    return _scores(names, np.array(table).reshape(-1, 2 + len(values)), bool(logits) and len(logits) >= 2)


def _scores(names: list[str], table: NDArray[np.float64], has_logits: bool) -> Scores:
    if len(table) < LEAST:
        raise BadInput(f"at least {LEAST} records", str(len(table)), "An audit of fewer says nothing: add records.")
    member = table[:, 0] == 1
    if member.all() or not member.any():
        raise BadInput("members and non-members", "one kind only", "Add records of the other kind.")
    values, y = table[:, 2:], table[:, 1].astype(np.int64)
    if has_logits and not ((y >= 0) & (y < values.shape[1])).all():
        raise BadInput(
            f"labels 0 to {values.shape[1] - 1}, one a logit column", f"{y.min()} to {y.max()}", "Number the labels from 0."
        )
    if np.ptp(values, axis=0).max() == 0:
        raise BadInput("scores that differ", "the same value for every record", "Check how they were written.")
    return Scores(tuple(names), member, y, values if has_logits else None, None if has_logits else values[:, 0])
