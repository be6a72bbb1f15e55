"""Answers of a model that was trained elsewhere, as a table; no model and no pickle needed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mlleak_core.contract import BadInput
from mlleak_core.data.tables import SHOWN, Table, read_table, rows_named
from mlleak_core.language import mark, say

LEAST, MOST = 20, 2_000_000
MOST_BYTES = 256 * 2**20
IN = {"1", "1.0", "true", "yes", "in", "member", "train"}
OUT = {"0", "0.0", "false", "no", "out", "non-member", "nonmember", "test"}
HEADER = mark("columns record, member, label and either logit_0, logit_1, … or loss")


@dataclass(frozen=True, eq=False, kw_only=True)
class Scores:
    """records [n] names; member [n]; y [n], which column of the logits is the true class; logits [n, c] or
    loss [n], one of them None.

    Rows that share a record's name are one draw.
    """

    records: tuple[str, ...]
    member: NDArray[np.bool_]
    y: NDArray[np.int64]
    logits: NDArray[np.float64] | None
    loss: NDArray[np.float64] | None


def read_scores(source: Path | bytes) -> Scores:
    """A CSV with columns record, member (0/1), label, and either logits or `loss`.

    Logit columns are named by their class, `logit_0, logit_1, …` or `logit_cat, …`, and stand in any order;
    `prob_…` are taken as probabilities. A loss of inf is the worst there is. Raises BadInput that lists what
    is wrong, with its rows.
    """
    table = read_table(_bytes(source), "the table of scores", MOST, MOST_BYTES)
    low = [c.lower() for c in table.columns]
    classes = _class_columns(table)
    named = {"record", "member", "label"} <= set(low) and len(set(low)) == len(low)
    if not named or not (len(classes) >= 2 or "loss" in low):
        raise BadInput(
            say(HEADER), ", ".join(table.columns)[:160] or say("no header"), say("Mend the header.")
        )
    _refuse_nameless(table)
    member = _members(table)
    if len(classes) < 2:
        values = _numbers(table, ["loss"], worst=math.inf)[:, 0]
        y = np.unique(table.column("label"), return_inverse=True)[1].astype(np.int64)
        return _sound(Scores(records=_records(table), member=member, y=y, logits=None, loss=_ranked(values)))
    values = _numbers(table, list(classes), worst=-math.inf)
    if all(name.lower().startswith("prob_") for name in classes):
        values = _as_logits(values)
    y = _true_class(table, [name.partition("_")[2] for name in classes])
    return _sound(Scores(records=_records(table), member=member, y=y, logits=values, loss=None))


def _bytes(source: Path | bytes) -> bytes:
    if isinstance(source, bytes):
        return source
    if not source.is_file():
        raise BadInput(
            say("a CSV file of scores"), repr(str(source)), say("Give the path of an existing table.")
        )
    if source.stat().st_size > MOST_BYTES:
        raise BadInput(
            say("a table of at most 256 MB"), f"{source.stat().st_size / 2**20:.0f} MB", say("Split it.")
        )
    return source.read_bytes()


def _class_columns(table: Table) -> tuple[str, ...]:
    """The columns of logits, else of probabilities."""
    for kind in ("logit_", "prob_"):
        found = tuple(c for c in table.columns if c.lower().startswith(kind))
        if found:
            return found
    return ()


def _records(table: Table) -> tuple[str, ...]:
    return tuple(table.column("record"))


def _refuse_nameless(table: Table) -> None:
    bad = [table.first + i for i, name in enumerate(table.column("record")) if not name]
    _refuse(
        bad, say("a name for every record"), say("Number the records; rows of one record share its name.")
    )


def _refuse(rows: Sequence[int], expected: str, remedy: str) -> None:
    if rows:
        raise BadInput(expected, say("{n} bad row(s): {rows}", n=len(rows), rows=rows_named(rows)), remedy)


def _members(table: Table) -> NDArray[np.bool_]:
    said = [value.lower() for value in table.column("member")]
    bad = [table.first + i for i, value in enumerate(said) if value not in IN | OUT]
    _refuse(bad, say("member 0 or 1 and finite numbers"), say("Mend or remove them."))
    return np.array([value in IN for value in said], bool)


def _numbers(table: Table, columns: Sequence[str], worst: float) -> NDArray[np.float64]:
    """The cells of these columns [n, c]; `worst` is the one infinity that means something."""
    places = [table.place(name) for name in columns]
    values = np.full((len(table.rows), len(places)), np.nan)
    for i, row in enumerate(table.rows):
        try:
            values[i] = [table.number(row[at]) for at in places]
        except ValueError:
            continue
    bad = ~(np.isfinite(values) | (values == worst)).all(1) | (values == worst).all(1) & (len(places) > 1)
    rows = [table.first + int(i) for i in np.flatnonzero(bad)]
    _refuse(rows, say("member 0 or 1 and finite numbers"), say("Mend or remove them."))
    return values


def _ranked(loss: NDArray[np.float64]) -> NDArray[np.float64]:
    """Losses with inf written as a number above all others: only their order counts."""
    finite = loss[np.isfinite(loss)]
    above = float(finite.max()) + 1 if len(finite) else 1.0
    return np.where(np.isfinite(loss), loss, above)


def _as_logits(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    if (probabilities < 0).any() or (probabilities > 1).any():
        raise BadInput(
            say("probabilities between 0 and 1 in the prob_ columns"),
            say("others"),
            say("Call logits logit_…."),
        )
    with np.errstate(divide="ignore"):
        return np.log(probabilities)


def _true_class(table: Table, classes: Sequence[str]) -> NDArray[np.int64]:
    """Which column each label names: by the column's own number or name, never by its place."""
    at = {_plain(name): i for i, name in enumerate(classes)}
    if len(at) < len(classes):
        raise BadInput(
            say("logit columns of different classes"), ", ".join(classes)[:160], say("Rename the duplicates.")
        )
    said = [_plain(label) for label in table.column("label")]
    lacking = sorted({label for label in said if label not in at})
    if lacking:
        got = say("none for {names}", names=", ".join(lacking[:SHOWN]))
        raise BadInput(
            say("a logit column for every label"),
            got,
            say("There are {names}.", names=", ".join(classes[:SHOWN])),
        )
    numbers = sorted(int(name) for name in at if name.isdigit())
    if len(numbers) == len(at) and numbers[-1] - numbers[0] != len(numbers) - 1:
        gap = sorted(set(range(numbers[0], numbers[-1])) - set(numbers))
        got = say("none for {names}", names=", ".join(map(str, gap[:SHOWN])))
        raise BadInput(
            say("a logit column for every class"),
            got,
            say("Add what is missing: probabilities need all classes."),
        )
    return np.array([at[label] for label in said], np.int64)


def _plain(name: str) -> str:
    """A class as a label or a column may write it: 3, 03 and 3.0 are one."""
    try:
        value = float(name)
    except ValueError:
        return name.casefold()
    return str(int(value)) if math.isfinite(value) and value == int(value) else name.casefold()


def _sound(scores: Scores) -> Scores:
    if len(scores.member) < LEAST:
        raise BadInput(
            say("at least {least} records", least=LEAST),
            str(len(scores.member)),
            say("An audit of fewer says nothing: add records."),
        )
    if scores.member.all() or not scores.member.any():
        raise BadInput(
            say("members and non-members"), say("one kind only"), say("Add records of the other kind.")
        )
    both = {r for r, m in zip(scores.records, scores.member, strict=True) if m}
    both &= {r for r, m in zip(scores.records, scores.member, strict=True) if not m}
    if both:
        got = say("{n} that stand as both: {names}", n=len(both), names=", ".join(sorted(both)[:SHOWN]))
        raise BadInput(say("records that are members or are not"), got, say("Keep the rows that are true."))
    values = scores.logits if scores.logits is not None else scores.loss
    assert values is not None
    if np.unique(values, axis=0).shape[0] == 1:
        raise BadInput(
            say("scores that differ"),
            say("the same value for every record"),
            say("Check how they were written."),
        )
    return scores
