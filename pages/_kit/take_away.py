"""What a visitor can take away of a finished run: the report, a picture, the numbers. Made when asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import streamlit as st
from mlleak_core.language import kept, mark, say
from mlleak_core.report.contents import Report
from mlleak_core.threat import Exhibit, Threat, imported

ROOM = "mlleak_core.report"
WRITERS: Mapping[str, tuple[str, str, str, str]] = {
    "html": (mark("Report (HTML)"), f"{ROOM}.page:page", "text/html", ":material/description:"),
    "png": (mark("Picture (PNG)"), f"{ROOM}.picture:picture", "image/png", ":material/image:"),
    "json": (
        mark("Numbers (JSON)"),
        f"{ROOM}.contents:as_json",
        "application/json",
        ":material/data_object:",
    ),
}
"""Ending -> its words, what writes it, its kind for the browser, its icon."""
WORDS = mark("One file with everything, figures that still move included. It opens without a network.")


def offer(threat: Threat, exhibit: Exhibit, whole: Callable[[], Exhibit] | None = None) -> None:
    """A button behind which a finished run can be saved; nothing is computed before a click on one of them.

    whole: makes the exhibit that is saved, where that is more than the page has at hand.
    """
    report = Report(threat, exhibit)
    with st.popover(say("Save as report"), icon=":material/download:", key=f"save-{exhibit.job}"):
        st.caption(" ".join((say(WORDS), *report.warnings())))
        for ending, (label, writer, kind, icon) in WRITERS.items():
            looks: dict[str, Any] = {"icon": icon, "width": "stretch", "on_click": "ignore"}
            name, key = f"{report.name}.{ending}", f"save-{ending}-{exhibit.job}"
            write = kept(partial(_written, writer, report, whole))
            st.download_button(say(label), write, name, kind, key=key, **looks)


def _written(writer: str, report: Report, whole: Callable[[], Exhibit] | None) -> bytes:
    """The file, once it is asked for."""
    asked = replace(report, exhibit=whole()) if whole else report
    return imported(writer)(asked)  # type: ignore[no-any-return]
