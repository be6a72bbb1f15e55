"""The one frame round every page: head, sidebar, experiment controls, run card, links."""

from __future__ import annotations

import html
import os
import secrets
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st
from mlleak_core import rehearsal
from mlleak_core.contract import BadInput, fingerprint
from mlleak_core.data import source
from mlleak_core.language import Said, mark, say
from mlleak_core.report.evidence import shown, whence
from mlleak_core.server.desk import Desk
from mlleak_core.server.warmth import warm_up
from mlleak_core.target.settings import TrainSettings, run_key
from mlleak_core.threat import Exhibit, discover, threat
from pages._kit import experiment, glossary, languages, tour
from pages._kit.words import plain

ICON = Path(__file__).parents[2] / "assets" / "icon.png"
LABELS_NOTE = source.LABELS_NOTE
NAMES_NOTE = mark("Names shown with LFW are the data set's.")
STYLE = f"<style>{(Path(__file__).parent / 'style.css').read_text()}</style>"
OF_SOME = mark("{faces} faces · {epochs} epochs · {net}")
OF_ALL = mark("all faces · {epochs} epochs · {net}")
HOME = mark("What is this model hiding?")
PRESENT = mark(
    "One finding a screen, large; PageDown and PageUp turn. `mlleak rehearse` prepares other data."
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


@st.cache_resource(show_spinner=False, ttl=60, max_entries=16)
def _kept(slug: str, settings: str, _settings: Any) -> Exhibit | None:
    return rehearsal.kept(threat(slug), _settings)


def prepared(slug: str, settings: Any) -> Exhibit | None:
    """The exhibit of these settings that came with the program, or was rehearsed on this machine."""
    came = dict(zip(threat(slug).shipped, shipped(slug), strict=True)).get(settings)
    return came or _kept(slug, repr(settings), settings)


def alike(slug: str, settings: Any) -> Exhibit:
    """The shipped exhibit that is most like a run of these settings: of the same data where there is one."""

    def shared(other: Any) -> tuple[bool, int]:
        mine, its = settings.as_dict(), other.as_dict()
        return mine.get("data") == its.get("data"), sum(its.get(k) == v for k, v in mine.items())

    return max(zip(threat(slug).shipped, shipped(slug), strict=True), key=lambda pair: shared(pair[0]))[1]


def open_page(title: str, takes: Sequence[str] = experiment.FACES) -> TrainSettings:
    """Draw the frame and return the training that the visitor is looking at. takes: which data the page can
    work with.
    """
    title = title.message if isinstance(title, Said) else title
    languages.begin()
    st.set_page_config(page_title=f"{say(title)} · mlleak", page_icon=str(ICON), layout="wide")
    st.html(STYLE)
    languages.untranslated()
    glossary.begin()
    try:
        bench().jobs  # noqa: B018  an operator's unusable settings are said, not shown as a broken page
    except BadInput as problem:
        st.error(plain(str(problem)))
        st.stop()
    experiment.keep(title)
    experiment.unreadable()
    tour.bar(title.lower() if title != HOME else tour.HOME)
    with st.sidebar:
        languages.switch()
        st.html('<div class="brand">ml<span>leak</span></div>')
        st.page_link("app.py", label=say("Home"), icon=":material/home:")
        st.page_link("pages/train.py", label=say("Train"), icon=":material/play_arrow:")
        for card in (found.card for found in discover()):
            st.page_link(f"pages/{card.slug}.py", label=say(card.title), icon=card.icon)
        st.page_link("pages/classroom.py", label=say("Classroom"), icon=":material/school:")
        return experiment.controls(takes)


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


def _shipped_training() -> dict[TrainSettings, str]:
    """Trainings whose results came with the program, and when they were made."""
    found = {}
    for each in discover():
        training = getattr(each.shipped[0], "training", None)
        if isinstance(each.shipped[0], TrainSettings) and training:
            found[training()] = shipped(each.card.slug)[0].source
    return found


def training_card(settings: TrainSettings) -> None:
    """Which training the numbers on the page belong to."""
    found = bench().finished(settings)
    what = OF_SOME if settings.faces else OF_ALL
    lines = say(what, faces=settings.faces, epochs=settings.epochs, net=settings.net)
    known = _shipped_training()
    if found:
        timed = say("live · {seconds:.0f} s", seconds=found["seconds"])
        stands = timed if found["complete"] else say("stopped early")
    else:
        stands = known.get(settings) or say("not trained yet")
    run_card(settings.data, settings.seed, lines, stands)


def run_card(data: str, seed: int, lines: str, stands: str) -> None:
    """Which run the numbers on the page belong to: in the sidebar, and on a phone, where that is shut, here.

    lines: what is done with the data. stands: where they come from, by the English word live, or shipped and
    when; else that there is nothing yet.
    """
    slug = data.partition(":")[0]
    name = html.escape(next((say(s.title) for s in source.SOURCES if s.slug == slug), data))
    english = stands.message if isinstance(stands, Said) else stands
    kind = next((kind for kind in ("shipped", "live") if english.startswith(kind)), "none")
    date = english.removeprefix("shipped ")
    words = whence(stands) if date == english else say("shipped · {date}", date=date)
    pill = f'<span class="pill {kind}">{html.escape(words)}</span>'
    of = say("seed {seed}", seed=seed)
    body = f"<b>{name} · {of}</b>{html.escape(shown(lines))}<br>{pill}"
    st.sidebar.html(f'<div class="runcard">{body}</div>')
    st.html(f'<div class="runcard here">{body}</div>')


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
        st.page_link(page, label=shown(label), icon=icon, width="stretch")


def run_name(settings: TrainSettings) -> str:
    return run_key(settings)
