"""The same numbers as a table, beside every chart, and to take away."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

Rows = Sequence[Mapping[str, Any]]


def show(title: str, rows: Rows, file: str, words: Mapping[str, str] | None = None, note: str = "") -> None:
    """A table of `rows` behind an expander, and one CSV of it. words: what a column is called instead."""
    with st.expander(title):
        named = [{(words or {}).get(k, k): v for k, v in row.items()} for row in rows]
        st.dataframe(named, hide_index=True)
        if note:
            st.caption(note)
        st.download_button("Download CSV", as_csv(named), file, "text/csv", key=f"csv-{file}")


def as_csv(rows: Rows) -> str:
    """Rows as a CSV with a header."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else [])
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
