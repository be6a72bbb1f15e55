"""A story to follow: a few stops on the app's own pages, each one sentence and one thing to do.

Where a visitor stands is in the address (`tour=short.2`), so that back, forward, reload and a copied link
keep it.
"""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Any

import streamlit as st
from mlleak_core.language import mark, say
from pages._kit.canvas.keys import keys

KEY = "tour"
HOME = "home"


@dataclass(frozen=True)
class Stop:
    """A stop on a page: what is to be seen there, and what to do."""

    page: str
    says: str
    do: str


START = Stop(
    HOME,
    mark("A net was taught one thing. Everything on this page it was never asked for."),
    mark("Read the largest numbers, then go on."),
)
FEATURES = Stop(
    "features",
    mark("Nobody told this net who wears glasses. One of its layers knows."),
    mark("Bet on a layer, lock, and look."),
)
MEMBERSHIP = Stop(
    "membership",
    mark("Was this face in the training set? The model's own confidence says so."),
    mark("Pick six of the twelve faces and lock your bet."),
)
RECONSTRUCTION = Stop(
    "reconstruction",
    mark("Two models, equally accurate. One of them carries photos that it was trained on."),
    mark("Bet on one, lock, and watch the faces come up."),
)
PROPERTY = Stop(
    "property",
    mark("Two train together and show each other no photo. One of them watches all the same."),
    mark("Click the round in which the hats came in, and lock."),
)
BACKDOOR = Stop(
    "backdoor",
    mark("A hundred people train one model. One of them sends a single update."),
    mark("Bet how many faces it turns, and lock."),
)
END = Stop(
    HOME,
    mark(
        "A layer, a probability, an update: each gave something away. Whoever needs less should be given "
        "less: that is least privilege."
    ),
    mark("Choose a page, change one dial, and run it live."),
)
TRAIN = Stop(
    "train",
    mark("This is all that the net is told: two labels, and nothing else."),
    mark("Press First steps. It is trained here and now, on this machine."),
)
WORTH = Stop(
    "membership",
    mark(
        "An attack that finds a few members without fail is worth more than one that is a little better than "
        "a coin on everybody."
    ),
    mark("Move the base rate from fifty to one in a hundred."),
)
OWNER = Stop(
    "reconstruction",
    mark(
        "You own this file. What could you have noticed, and what could you erase without knowing the secret?"
    ),
    mark("Read the forensics, then the eraser below."),
)
INVERSION = Stop(
    "inversion",
    mark("The photos never left the phone. An averaged gradient of eight did."),
    mark("Say whose they are, then set the noise to a thousandth and invert again."),
)
COIN = Stop(
    "property",
    mark("An attack that finds something where nothing is would be worth nothing."),
    mark("Look for a coin's fall, and bet again."),
)
BLAME = Stop(
    "backdoor",
    mark("The server sees a hundred updates. Which one would you refuse?"),
    mark("Pick dots under Who was it, then read what each rule made of them."),
)
TOURS: dict[str, tuple[str, tuple[Stop, ...]]] = {
    "short": (mark("Three minutes"), (START, FEATURES, MEMBERSHIP, RECONSTRUCTION, PROPERTY, BACKDOOR, END)),
    "long": (
        mark("Fifteen minutes"),
        (
            START,
            TRAIN,
            FEATURES,
            MEMBERSHIP,
            WORTH,
            RECONSTRUCTION,
            OWNER,
            INVERSION,
            PROPERTY,
            COIN,
            BACKDOOR,
            BLAME,
            END,
        ),
    ),
}

WAYS = {"short": mark("Tour: three minutes"), "long": mark("Tour: fifteen minutes")}
STRANGE = mark("The address names a stop of a tour that is not there. Begin one on the Home page.")


def where(written: str) -> tuple[str, int] | None:
    """The tour and the stop that an address names, counted from 1; None for none or one that is not there."""
    name, _, at = written.partition(".")
    if name not in TOURS or not at.isdecimal() or len(at) > 3:
        return None
    return (name, int(at)) if 1 <= int(at) <= len(TOURS[name][1]) else None


def bar(here: str) -> None:
    """The stop the visitor is at, above every page while he follows a tour."""
    written = _written()
    found = where(written)
    if found is None:
        if written:
            st.warning(say(STRANGE))
        return
    name, number = found
    title, stops = TOURS[name]
    stop = stops[number - 1]
    with st.container(key="tour-bar", border=True):
        at = say("{title} · {number} of {count}", title=say(title), number=number, count=len(stops))
        st.html(
            f'<div class="stop"><i>{html.escape(at)}</i>'
            f"<b>{html.escape(say(stop.says))}</b>{html.escape(say(stop.do))}</div>"
        )
        _ways(name, number, stops, here)


def _written() -> str:
    """What the address says of a tour; where a link has dropped it, what it said before."""
    if KEY in st.query_params:
        st.session_state["tour-at"] = st.query_params[KEY]
    elif st.session_state.get("tour-at"):
        st.query_params[KEY] = st.session_state["tour-at"]
    return str(st.session_state.get("tour-at", ""))


def _ways(name: str, number: int, stops: tuple[Stop, ...], here: str) -> None:
    """Back, on, out. A stop on another page than this one is gone to first."""
    with st.container(horizontal=True, vertical_alignment="center"):
        if number > 1:
            _way("back", say("Back"), name, number - 1)
        if stops[number - 1].page != here:
            _way("next", say("Go there"), name, number)
        elif number < len(stops):
            _way("next", say("Next"), name, number + 1)
        st.button(say("Leave"), key="tour-leave", on_click=_leave, type="tertiary")
    keys({"n": "tour-next", "b": "tour-back"}, "tour-keys")


def _way(key: str, words: str, name: str, number: int) -> None:
    """A link, since it alone carries the settings in the address along."""
    page = TOURS[name][1][number - 1].page
    path = "app.py" if page == HOME else f"pages/{page}.py"
    with st.container(key=f"tour-{key}", width="content"):
        st.page_link(path, label=words, query_params={KEY: f"{name}.{number}"})


def begin() -> None:
    """Ways into the tours, on Home."""
    for name, (_, stops) in TOURS.items():
        help, icon = say("{n} stops. N goes on, B goes back.", n=len(stops)), ":material/route:"
        way: dict[str, Any] = {"icon": icon, "help": help, "query_params": {KEY: f"{name}.1"}}
        st.page_link("app.py", label=say(WAYS[name]), **way)


def _leave() -> None:
    st.session_state["tour-at"] = ""
    if KEY in st.query_params:
        del st.query_params[KEY]
