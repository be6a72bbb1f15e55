"""The one frame round every page: head, sidebar, experiment controls, run card, links."""

from __future__ import annotations

import html
import os
import secrets
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import streamlit as st
from mlleak_core.contract import BadInput, Range, fingerprint, knobs
from mlleak_core.data.source import SOURCES, find, identity, is_private
from mlleak_core.data.upload import NONE_YET
from mlleak_core.server.desk import Desk
from mlleak_core.server.warmth import warm_up
from mlleak_core.target.settings import NETS, TrainSettings, run_key
from mlleak_core.threat import Exhibit, discover, threat
from pages._kit import glossary
from pages._kit.words import plain

KNOBS = {knob.name: knob for knob in knobs(TrainSettings)}
TITLES = {source.title: source for source in SOURCES}
ICON = Path(__file__).parents[2] / "assets" / "icon.png"
STYLE = f"<style>{(Path(__file__).parent / 'style.css').read_text()}</style>"
LABELS_NOTE = (
    "Gender and race are labels that a data set carries about how somebody looks, never facts about a person."
)


@st.cache_resource(show_spinner=False)
def bench() -> Desk:
    """The desk that all sessions share; the slow imports begin in the background on the first visit."""
    if os.environ.get("MLLEAK_WARM", "1") == "1":
        timer = threading.Timer(1.5, warm_up)
        timer.daemon = True
        timer.start()
    return Desk()


@st.cache_resource(show_spinner=False)
def warm_workers() -> None:
    """Start the processes that train shadows, while the visitor is still guessing."""
    if os.environ.get("MLLEAK_WARM", "1") == "1":
        threading.Thread(target=lambda: list(bench().executor().map(abs, range(4))), daemon=True).start()


@st.cache_resource(show_spinner=False)
def shipped(slug: str) -> tuple[Exhibit, ...]:
    """The exhibits of a threat that came with the program."""
    return threat(slug).shipped_exhibits()


def open_page(title: str) -> TrainSettings:
    """Draw the frame and return the experiment that the visitor is looking at."""
    st.set_page_config(page_title=f"{title} · mlleak", page_icon=str(ICON), layout="wide")
    st.html(STYLE)
    glossary.begin()
    try:
        bench().jobs  # noqa: B018  an operator's unusable settings are said, not shown as a broken page
    except BadInput as problem:
        st.error(plain(str(problem)))
        st.stop()
    with st.sidebar:
        st.html('<div class="brand">ml<span>leak</span></div>')
        st.page_link("app.py", label="Home", icon=":material/home:")
        st.page_link("pages/train.py", label="Train", icon=":material/play_arrow:")
        for card in (found.card for found in discover()):
            st.page_link(f"pages/{card.slug}.py", label=card.title, icon=card.icon)
        settings = _experiment()
        run_card(settings)
    return settings


def faces_shown() -> list[str]:
    """Titles of the face sources that a visitor may choose."""
    return [s.title for s in SOURCES if s.kind == "faces" and (paths_allowed() or not s.needs_path)]


def _experiment() -> TrainSettings:
    """The settings, in the sidebar of every page, so that they stay in the address."""
    with st.expander("Experiment", icon=":material/tune:"):
        values: dict[str, Any] = {"data": _data()}
        values["epochs"] = _number("epochs", "Epochs")
        values["lr"] = _number("lr", "Learning rate", "%.4f")
        values["faces"] = _number("faces", "Faces (0 = all)")
        bound: dict[str, Any] = {"bind": "query-params"}
        values["augment"] = st.toggle(
            "Augmentation", value=True, key="augment", help=KNOBS["augment"].help, **bound
        )
        values["dropout"] = _number("dropout", "Dropout", "%.1f")
        values["mixup"] = _number("mixup", "Mixup", "%.1f")
        values["net"] = st.selectbox("Net", list(NETS), key="net", help=KNOBS["net"].help, **bound)
        values["seed"] = _number("seed", "Seed")
    try:
        settings = TrainSettings(**values)
        identity(settings.data)
        return settings
    except BadInput as problem:
        st.warning(plain(str(problem)))
        return TrainSettings()


def _data() -> str:
    """The data of the experiment, as settings write it."""
    chosen = st.selectbox(
        "Data", faces_shown(), key="data", bind="query-params", help="Where the faces come from."
    )
    source = TITLES[chosen]
    if source.private:
        st.caption("Your pictures are sent, and let go of, on the Train page.")
        return str(st.session_state.get("own-data", NONE_YET))
    path = st.text_input("Folder", key="path", bind="query-params") if source.needs_path else ""
    return f"{source.slug}:{path}" if source.needs_path else source.slug


def _number(name: str, label: str, form: str | None = None) -> Any:
    knob = KNOBS[name]
    assert isinstance(knob.rule, Range)
    kind, rule = knob.kind, knob.rule
    try:
        return st.number_input(
            label,
            min_value=kind(rule.lo),
            max_value=kind(rule.hi),
            value=kind(knob.default),
            step=kind(rule.step),
            format=form,
            key=name,
            bind="query-params",
            help=knob.help,
        )
    except OverflowError:  # hundreds of digits in the address overflow inside the widget
        st.warning(f"{label}: the number in the address is too large. Using {knob.default}.")
        return knob.default


def visitor() -> str:
    """Who is looking: the browser, so that a page loaded again is not somebody else; without cookies, the
    session.

    Streamlit's cookie holds a token that stays, under a mask that is new each time: version|mask|token xor
    mask|time.
    """
    parts = str(st.context.cookies.get("_streamlit_xsrf")).split("|")
    try:
        mask, masked = bytes.fromhex(parts[1]), bytes.fromhex(parts[2])
        return fingerprint([byte ^ mask[i % len(mask)] for i, byte in enumerate(masked)])
    except (IndexError, ValueError, ZeroDivisionError):
        return str(st.session_state.setdefault("visitor", secrets.token_hex(8)))


def paths_allowed() -> bool:
    """Whether visitors may name folders of this machine: the operator's choice."""
    return os.environ.get("MLLEAK_ALLOW_PATHS") == "1"


def _shipped_training() -> dict[TrainSettings, str]:
    """Trainings whose results came with the program, and when they were made."""
    found = {}
    for each in discover():
        training = getattr(each.shipped[0], "training", None)
        if isinstance(each.shipped[0], TrainSettings) and training:
            found[training()] = shipped(each.card.slug)[0].source
    return found


def run_card(settings: TrainSettings) -> None:
    """Which run the numbers on the page belong to."""
    found = bench().finished(settings)
    slug = settings.data.partition(":")[0]
    name = next((s.title for s in SOURCES if s.slug == slug), settings.data)
    lines = f"{settings.faces or 'all'} faces · {settings.epochs} epochs · {html.escape(settings.net)}"
    known = _shipped_training()
    if found:
        words = f"live · {found['seconds']:.0f} s" if found["complete"] else "stopped early"
        pill = f'<span class="pill{"" if found["complete"] else " none"}">{words}</span>'
    elif settings in known:
        pill = f'<span class="pill shipped">{known[settings].replace("shipped ", "shipped · ")}</span>'
    else:
        pill = '<span class="pill none">not trained yet</span>'
    st.html(f'<div class="runcard"><b>{html.escape(name)} · seed {settings.seed}</b>{lines}<br>{pill}</div>')


def pinned(data: str) -> int:
    """The person of a data source whom the visitor keeps marked on all pages; -1 for none."""
    source, person = st.session_state.get("pinned", ("", -1))
    return int(person) if source == data else -1


def pin(data: str, person: int) -> None:
    """Mark a person of a data source on all pages, in place of any other; -1 marks nobody."""
    st.session_state["pinned"] = (data, person)


def way(page: str, label: str, icon: str, key: str, main: bool = True) -> None:
    """A link to another page, drawn as a button; unlike `st.switch_page` it carries the
    bound settings along.
    """
    with st.container(key=f"{'way' if main else 'side'}-{key}"):
        st.page_link(page, label=label, icon=icon, width="stretch")


def run_name(settings: TrainSettings) -> str:
    return run_key(settings)


def address(settings: TrainSettings) -> dict[str, str]:
    """The query parameters that bring a visitor to these settings."""
    source, path = find(settings.data)
    changed = {k: v for k, v in settings.as_dict().items() if v != KNOBS[k].default}
    values = {k: str(v).lower() if isinstance(v, bool) else str(v) for k, v in changed.items()}
    if "data" in values:
        values["data"] = source.title
    return values | ({"path": path} if path and not is_private(settings.data) else {})


def link(settings: TrainSettings) -> str:
    """The full address of these settings on this server."""
    here = urlsplit(st.context.url or "http://localhost:8501/train")
    query = urlencode(address(settings))
    return f"{here.scheme}://{here.netloc}{here.path}" + (f"?{query}" if query else "")
