"""The one experiment that all pages look at: whose data, how a net is trained on them. It is chosen in the
sidebar and stays in the address, where data have the name that the command line has for them.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode, urlsplit

import streamlit as st
from mlleak_core.contract import BadInput, Range, knobs
from mlleak_core.data.source import SOURCES, Source, find, identity, is_faces, is_private
from mlleak_core.data.upload import NONE_YET
from mlleak_core.language import mark, say
from mlleak_core.target.settings import NETS, TrainSettings
from pages._kit.words import UNKNOWN, plain

KNOBS = {knob.name: knob for knob in knobs(TrainSettings)}
USUAL = TrainSettings().data
FACES = tuple(s.slug for s in SOURCES if s.kind == "faces")
OTHERS = {"data", "path", "attribute", "tour", "slide", "class", "lang"}
"""Parameters of an address beside the settings of a training and those of a page, which have a hyphen."""
UNFIT = mark("**{chosen}** cannot be attacked this way: this page takes {known}. Shown here: **{shown}**.")
STRANGE = mark("The address asks for {name}={value}, which nothing here knows.")
OLD = mark("The address asks for {name}={value}, which nothing here knows: data are chosen by data=.")
MISREAD = mark("The address asks for {name}={asked}: expected {known}. It stays as usual.")


def paths_allowed() -> bool:
    """Whether visitors may name folders of this machine: the operator's choice."""
    return os.environ.get("MLLEAK_ALLOW_PATHS") == "1"


def sources() -> dict[str, Source]:
    """The sources that a visitor may choose, by their name in the address; own texts of a kind that is built
    in, too, end in a colon.
    """
    found: dict[str, Source] = {}
    for source in SOURCES:
        if paths_allowed() or not source.needs_path:
            found[f"{source.slug}:" if source.slug in found else source.slug] = source
    return found


def controls(takes: Sequence[str]) -> TrainSettings:
    """The settings, in the sidebar of every page. takes: slugs of the data that the page can work with."""
    chosen = _data()
    st.session_state["experiment-data"] = chosen
    fit = chosen if is_faces(chosen) and chosen.partition(":")[0] in takes else USUAL
    with st.expander(say("Training"), icon=":material/tune:"):
        values = {"data": fit, **_training()}
    try:
        settings = TrainSettings(**values)
        identity(settings.data)
        return settings
    except BadInput as problem:
        st.warning(plain(str(problem)))
        return TrainSettings()


def data(takes: Sequence[str]) -> str:
    """The experiment's data if this page takes them, else the first that it takes."""
    chosen = str(st.session_state.get("experiment-data", USUAL))
    return chosen if chosen.partition(":")[0] in takes else takes[0]


def unfit(takes: Sequence[str]) -> None:
    """Say it where the page cannot work with the experiment's data, and offer what it can."""
    chosen, here = str(st.session_state.get("experiment-data", USUAL)), data(takes)
    if chosen == here:
        return
    named = sources()
    title, other = (title_of(data) for data in (chosen, here))
    known = ", ".join(say(s.title) for s in named.values() if s.slug in takes)
    st.info(
        say(UNFIT, chosen=plain(title), known=plain(known), shown=plain(other)), icon=":material/swap_horiz:"
    )
    st.button(say("Use {data} on all pages", data=other), on_click=use, args=(here,), key="use-other")


def title_of(data: str) -> str:
    """What people call a source, whether or not its path is there."""
    slug = data.partition(":")[0]
    return say(next(s.title for s in SOURCES if s.slug == slug))


def use(slug: str) -> None:
    """Make these data everybody's: of all pages."""
    st.session_state["data"] = slug


def _data() -> str:
    """The data of the experiment, as settings write it."""
    named = sources()
    with st.container(key="unseen-data"):  # the address holds the slug, people read the title
        asked = str(st.text_input(say("Data in the address"), USUAL, key="data", bind="query-params"))
    slug, path = _read(asked, named) or (USUAL, "")
    st.session_state["data-of"] = slug
    titles = {name: say(source.title) for name, source in named.items()}
    st.selectbox(
        say("Data"),
        list(named),
        key="data-of",
        format_func=titles.__getitem__,
        on_change=lambda: use(st.session_state["data-of"]),
        help=say("Whose photos, records or texts are learned from, on all pages."),
    )
    source = named[slug]
    if source.private:
        st.caption(say("Your pictures are sent, and let go of, on the Train page."))
        return str(st.session_state.get("own-data", NONE_YET))
    if not source.needs_path:
        return source.slug
    label = say("Folder or table on this server")
    path = path or str(st.text_input(label, key="path", bind="query-params"))
    return f"{source.slug}:{path}"


def _read(asked: str, named: dict[str, Source]) -> tuple[str, str] | None:
    """The source that the address names, and the path behind its colon; None where it cannot be read."""
    slug, _, path = asked.partition(":")
    titles = {source.title.lower(): key for key, source in named.items()}
    for key in (asked, f"{slug}:" if path else slug, slug, titles.get(asked.strip().lower(), "")):
        if key in named and (named[key].needs_path or not path):
            return key, path
    return None


def keep(page: str) -> None:
    """Take the experiment along to another page. Streamlit does so by itself, but on the first way from an
    address that somebody was sent bound values fall back to their defaults.
    """
    if st.session_state.get("experiment-page", page) != page:
        for name in {*KNOBS, "data", "path", "lang"} & set(st.session_state):
            st.session_state[name] = st.session_state[name]
    st.session_state["experiment-page"] = page


def unreadable() -> None:
    """Say what the address asks for that nobody here knows; to be called before the controls, which drop
    it.
    """
    asked, named = st.query_params.get("data", USUAL), sources()
    if _read(asked, named) is None:
        known = ", ".join(named)
        st.warning(say(UNKNOWN, name="data", asked=plain(asked[:60]), known=known, usual=USUAL))
    for name in st.query_params:
        old = name.endswith("-data")
        if old or not (name in KNOBS or name in OTHERS or "-" in name):
            value = plain(st.query_params[name][:40])
            st.warning(say(OLD if old else STRANGE, name=plain(name[:40]), value=value))
    for name, knob in KNOBS.items():
        if isinstance(knob.rule, Range):
            misread(name, knob.rule)
    misread("augment", ("true", "false"))
    misread("net", tuple(NETS))


def _training() -> dict[str, Any]:
    """How a net is trained."""
    bound: dict[str, Any] = {"bind": "query-params"}
    values: dict[str, Any] = {"epochs": _number("epochs", say("Epochs"))}
    values["lr"] = _number("lr", say("Learning rate"), "%.4f")
    values["faces"] = _number("faces", say("Faces (0 = all)"))
    helps = {name: say(KNOBS[name].help) for name in ("augment", "net")}
    values["augment"] = st.toggle(
        say("Augmentation"), value=True, key="augment", help=helps["augment"], **bound
    )
    values["dropout"] = _number("dropout", say("Dropout"), "%.1f")
    values["mixup"] = _number("mixup", say("Mixup"), "%.1f")
    values["net"] = st.selectbox(say("Net"), list(NETS), key="net", help=helps["net"], **bound)
    values["seed"] = _number("seed", say("Seed"))
    return values


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
            help=say(knob.help),
        )
    except OverflowError:  # hundreds of digits in the address overflow inside the widget
        return knob.default


def misread(key: str, allowed: Range | Sequence[str]) -> None:
    """Say it where the address asks for a value that a control cannot take, before the control drops it."""
    if key in st.session_state or key not in st.query_params:
        return
    asked = st.query_params[key]
    if isinstance(allowed, Range):
        known = say("a number from {low:g} to {high:g}", low=allowed.lo, high=allowed.hi)
        fits = _within(asked, allowed)
    else:
        known, fits = say("one of {known}", known=", ".join(allowed)), asked in allowed
    if not fits:
        st.warning(say(MISREAD, name=key, asked=plain(asked[:40]), known=known))


def _within(asked: str, allowed: Range) -> bool:
    try:
        return allowed.lo <= float(asked) <= allowed.hi
    except ValueError:
        return False


def address(settings: TrainSettings) -> dict[str, str]:
    """The query parameters that bring a visitor to these settings."""
    source, path = find(settings.data)
    changed = {k: v for k, v in settings.as_dict().items() if v != KNOBS[k].default}
    values = {k: str(v).lower() if isinstance(v, bool) else str(v) for k, v in changed.items()}
    if "data" in values:
        values["data"] = source.slug
    return values | ({"path": path} if path and not is_private(settings.data) else {})


def link(settings: TrainSettings) -> str:
    """The full address of these settings on this server."""
    here = urlsplit(st.context.url or "http://localhost:8501/train")
    query = urlencode(address(settings))
    return f"{here.scheme}://{here.netloc}{here.path}" + (f"?{query}" if query else "")
