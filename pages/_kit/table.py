"""Numbers as a table that wraps instead of being cut, and becomes a card a row where it is narrow; beside
every chart the same numbers, to take away.
"""

from __future__ import annotations

import csv
import html
import io
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st
from mlleak_core.language import say
from mlleak_core.report.evidence import shown

Rows = Sequence[Mapping[str, Any]]
LONG = 60
"""More rows than this are scrolled through instead of being written out."""
MANY = 6
"""More columns than this become cards on a tablet already."""
NOTHING = "—"


def show(title: str, rows: Rows, file: str, whole: Rows | None = None, note: str = "") -> None:
    """A table of `rows` behind an expander, and one CSV of it. whole: what the CSV has instead, number by
    number under the names that a program reads.
    """
    with st.expander(shown(title)):
        if len(rows) > LONG:
            st.dataframe([_filled(row) for row in rows], hide_index=True)
        else:
            written(rows, title)
        if note:
            st.caption(shown(note))
        st.download_button(say("Download CSV"), as_csv(whole or rows), file, "text/csv", key=f"csv-{file}")


def written(rows: Rows, label: str, leave_out: str = "") -> None:
    """A table with all its words. label: its name for those who do not see it. leave_out: a column."""
    if not rows:
        return
    columns = [name for name in _columns(rows) if name != leave_out]
    head = "".join(f'<th role="columnheader" scope="col">{html.escape(shown(name))}</th>' for name in columns)
    body = "".join(_row(columns, row) for row in rows)
    kind, name = "table wide" if len(columns) > MANY else "table", html.escape(shown(label))
    st.html(
        f'<div class="{kind}"><table role="table" aria-label="{name}"><thead role="rowgroup">'
        f'<tr role="row">{head}</tr></thead><tbody role="rowgroup">{body}</tbody></table></div>'
    )


def _row(columns: Sequence[str], row: Mapping[str, Any]) -> str:
    cells = (
        f'<td role="cell" data-label="{html.escape(shown(name))}">{html.escape(_word(row.get(name)))}</td>'
        for name in columns
    )
    return f'<tr role="row">{"".join(cells)}</tr>'


def _columns(rows: Rows) -> list[str]:
    """All columns in their order: a row may lack one."""
    longest = max(rows, key=len)
    return list(dict.fromkeys([*longest, *(name for row in rows for name in row)]))


def _word(value: Any) -> str:
    """A value as people read it; a dash where there is none."""
    if value is None or value == "":
        return NOTHING
    if isinstance(value, bool):
        return say("yes") if value else say("no")
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else shown(str(value))


def _filled(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row for the scrolled table: truth in words, nothing as a blank."""
    return {shown(name): _filling(value) for name, value in row.items()}


def _filling(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool):
        return _word(value)
    return shown(value) if isinstance(value, str) else value


def as_csv(rows: Rows) -> str:
    """Rows as a CSV with a header."""
    text = io.StringIO()
    writer = csv.DictWriter(text, _columns(rows) if rows else [])
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
