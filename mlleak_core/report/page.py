"""A report as one HTML file that needs nothing else: figures that move, a policy that forbids any network.

Scripts run by their hashes alone. Plotly's library, where a figure needs it, lies packed in the file and is
unpacked by the browser.
"""

from __future__ import annotations

import base64
import functools
import gzip
import hashlib
import html
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from mlleak_core.contract import BadInput
from mlleak_core.figures import canvases
from mlleak_core.figures.scenes import Reel, Scene, Tape
from mlleak_core.language import say, spoken
from mlleak_core.report.contents import Report, finite
from mlleak_core.report.evidence import how_often_wrong, parts_of, rate_row, rates, shown, whence
from mlleak_core.report.templates import environment
from mlleak_core.threat import Drawing, Finding

HERE = Path(__file__).parent
FIRST = 3
"""Findings shown at once where no headline shows some; all are behind a click."""
POLICY = "default-src 'none'; img-src data: blob:; style-src 'unsafe-inline'; script-src {}"
EXPORT = "export default function"


def page(report: Report) -> bytes:
    """The file. Raises BadInput where a figure is of a kind that no report can draw."""
    drawings, headlines = report.drawings(), report.exhibit.headlines()
    figures = [_figure(drawing.picture) for drawing in drawings]
    kinds = {figure["kind"] for figure in figures if figure}
    library, drawn = _library() if "plotly" in kinds else "", _script(kinds)
    scripts = [text for text in (drawn, _plotly() if library else "") if text]
    return (
        _template()
        .render(
            report=report,
            lang=spoken(),
            policy=POLICY.format(" ".join(_hash(text) for text in scripts) or "'none'"),
            style="\n".join((_read("style.css"), *(canvases.css(k) for k in sorted(kinds - {"plotly"})))),
            script=Markup(drawn),  # noqa: S704  our own files
            library=library,
            figures=Markup(_embedded(figures)),  # noqa: S704  nothing in it can end the element
            drawings=list(zip(drawings, figures, strict=True)),
            headlines=headlines,
            first=() if headlines else report.findings[:FIRST],
            rates=[rate_row(rate) for rate in rates(report.threat)],
        )
        .encode()
    )


def _figure(picture: Any) -> dict[str, Any] | None:
    """A picture as the browser draws it; None of what is only a table."""
    if picture is None:
        return None
    if isinstance(picture, Scene | Reel | Tape):
        kind, data = canvases.of(picture)
        return {"kind": kind, "mark": kind.replace("_", "-"), "data": data}
    if not hasattr(picture, "to_plotly_json"):
        kinds = say("a Plotly figure, a scene, a reel or a tape")
        raise BadInput(kinds, type(picture).__name__, say("Give one of these, or None beside rows."))
    from plotly.io import to_json

    return {"kind": "plotly", "mark": "plot", "data": json.loads(to_json(picture, validate=False))}


def _embedded(figures: Sequence[Any]) -> str:
    """JSON that can stand in a script element."""
    text = json.dumps(finite(figures), separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _script(kinds: set[str]) -> str:
    """What draws the figures of these kinds; empty where there are none."""
    if not kinds:
        return ""
    return "\n".join((*(_canvas(kind) for kind in sorted(kinds - {"plotly"})), _read("draw.js")))


def _canvas(name: str) -> str:
    """A canvas's module as a plain script that puts its function where `draw.js` looks for it."""
    source = canvases.js(name)
    if source.count(EXPORT) != 1:
        expected = say("one default export in {name}.js", name=name)
        raise BadInput(expected, str(source.count(EXPORT)), say("Write it as one."))
    drawing = source.replace(EXPORT, "(window.mlleak ||= {})." + name + " = function")
    return f"(() => {{\n{drawing}}})();"


@functools.cache
def _plotly() -> str:
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())


@functools.cache
def _library() -> str:
    """Plotly's library packed, a third of its size."""
    return base64.b64encode(gzip.compress(_plotly().encode(), 9, mtime=0)).decode()


@functools.lru_cache(maxsize=16)
def _hash(script: str) -> str:
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _read(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


@functools.cache
def _template() -> jinja2.Template:
    room = environment(HERE)
    room.filters |= {"marked": marked, "evidence": _evidence, "shown": _cell, "whence": whence}
    room.globals |= {"how_often_wrong": how_often_wrong, "heading": _heading}
    return room.get_template("page.html")


def _heading(drawing: Drawing) -> str:
    """What stands above a table: only one that stands beside a figure says so."""
    whole = drawing.picture is None
    return say("All of it as a table") if whole else say("The same numbers as a table")


def _cell(value: Any) -> Any:
    """What stands in a table, words in the reader's language."""
    return shown(value) if isinstance(value, str) else value


def _evidence(finding: Finding) -> str:
    return " · ".join(parts_of(finding))


def marked(text: str) -> Markup:
    """Words with their **strong** and *key* marks as HTML; all else is escaped."""
    strong = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", html.escape(shown(text)))
    return Markup(re.sub(r"\*(.+?)\*", r"<em>\1</em>", strong))  # noqa: S704  escaped above
