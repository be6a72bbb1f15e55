"""The one frame round every page: sidebar, experiment controls, run card, evidence line, verdict."""

from __future__ import annotations

import html
import math
import os
import secrets
import threading
from pathlib import Path
from typing import Any

import streamlit as st
from mlleak_core.threats.reconstruction import exhibit as gallery
from mlleak_core.threats.features import exhibit as shipped
from mlleak_core.threats.membership import exhibit as showcase
from mlleak_core.contract import BadInput, Range, fingerprint, knobs
from mlleak_core.data.upload import NONE_YET
from mlleak_core.threats.reconstruction.exhibit import Gallery
from mlleak_core.measure import proportion
from mlleak_core.target.settings import NETS, TrainSettings
from mlleak_core.threats.features.exhibit import Shipped
from mlleak_core.threats.membership.exhibit import Showcase
from mlleak_core.server.warmth import warm_up
from mlleak_core.server.desk import Workbench

KNOBS = {knob.name: knob for knob in knobs(TrainSettings)}
SOURCE_NAMES = {
    "synthetic": "Synthetic faces",
    "lfw": "LFW",
    "upload": "Your upload",
    "utkface": "UTKFace folder",
    "folder": "Own folder",
}
KINDS = {name: kind for kind, name in SOURCE_NAMES.items()}
ICON = Path(__file__).parents[2] / "assets" / "icon.png"
STYLE = """<style>
.verdict{background:#1D2330;color:#F6F2EA;border-radius:14px;padding:18px 20px;margin:.3rem 0 .6rem;font-size:1.06rem;line-height:1.45;font-weight:600}
.verdict small{display:block;font-weight:400;color:#B9BDC9;font-size:.82rem;margin-top:8px;line-height:1.4}
.verdict em{font-style:normal;color:#FFB277}
.brand{font-size:1.45rem;font-weight:800;letter-spacing:-.03em;margin:-.4rem 0 .2rem}.brand span,.hot{color:#D9650A}
.runcard{border:1px solid rgba(128,128,128,.3);border-radius:12px;padding:10px 13px;font-size:.84rem;line-height:1.5}
.runcard b{display:block;font-size:.92rem}.pill{display:inline-block;border-radius:9px;padding:0 9px;margin-top:5px;font-weight:600;font-size:.76rem;background:#DCEBE2;color:#1C5B3A}
.pill.shipped{background:#E4E2F4;color:#3B3680}.pill.none{background:#EDE7DA;color:#5F5847}
.big{font-size:2.15rem;font-weight:800;letter-spacing:-.03em;line-height:1.05}.big,.big>span{display:flex;flex-wrap:wrap;align-items:baseline;gap:.1rem .45rem}
.big i{font-style:normal;font-size:.95rem;font-weight:500;letter-spacing:0;line-height:1.35;opacity:.75}
.evidence{font-size:.82rem;opacity:.78;line-height:1.45;margin-top:.15rem}.lead{font-size:1.1rem;line-height:1.55;max-width:50rem;opacity:.9}
[data-testid=stMainBlockContainer]{padding:3.6rem 2.4rem 3rem;max-width:1240px}[data-testid=stSidebarUserContent]{padding-top:.6rem}
[class*=st-key-way-] a,[class*=st-key-side-] a{justify-content:center;border-radius:.75rem;padding:.5rem .9rem;border:1px solid rgba(128,128,128,.35);width:100%}
[class*=st-key-way-] a{background:#B34E00!important;border-color:#B34E00}[class*=st-key-way-] a *{color:#fff!important;font-weight:600}
[data-testid=stSidebarHeader]{height:2.6rem}h1{padding:.2rem 0 .4rem!important;margin:0!important}.lead{margin:.1rem 0 .4rem}
@media(max-width:640px){[data-testid=stMainBlockContainer]{padding:3.2rem 1rem 2rem}h1{font-size:1.75rem!important}[class*=st-key-pairs-] [data-testid=stColumn]{min-width:calc(50% - .5rem);flex-basis:calc(50% - .5rem)}[class*=st-key-pairs-] button{min-height:2.5rem}}
</style>"""


@st.cache_resource(show_spinner=False)
def bench() -> Workbench:
    """The workbench that all sessions share; the slow imports begin in the background on the first visit."""
    if os.environ.get("MLLEAK_WARM", "1") == "1":
        timer = threading.Timer(1.5, warm_up)
        timer.daemon = True
        timer.start()
    return Workbench()


@st.cache_resource(show_spinner=False)
def warm_workers() -> None:
    """Start the processes that train shadows, while the visitor is still guessing."""
    if os.environ.get("MLLEAK_WARM", "1") == "1":
        threading.Thread(target=lambda: list(bench().executor().map(abs, range(4))), daemon=True).start()


@st.cache_resource(show_spinner=False)
def shipped_run() -> Shipped:
    return shipped.load()


@st.cache_resource(show_spinner=False)
def shipped_showcase() -> Showcase:
    case = showcase.load()
    return case.labelled("shipped", f"shipped {case.about['made']}")


@st.cache_resource(show_spinner=False)
def shipped_galleries() -> tuple[Gallery, ...]:
    """The shipped twins, then the shipped inversions."""
    return tuple(c.labelled(f"shipped-{i}", f"shipped {c.about['made']}") for i, c in enumerate(gallery.load()))


def open_page(title: str) -> TrainSettings:
    """Draw the frame and return the experiment that the visitor is looking at."""
    st.set_page_config(page_title=f"{title} · mlleak", page_icon=str(ICON), layout="wide")
    st.html(STYLE)
    with st.sidebar:
        st.html('<div class="brand">ml<span>leak</span></div>')
        st.page_link("app.py", label="Home", icon=":material/home:")
        st.page_link("pages/train.py", label="Train", icon=":material/play_arrow:")
        st.page_link("pages/features.py", label="Features", icon=":material/layers:")
        st.page_link("pages/membership.py", label="Membership", icon=":material/how_to_reg:")
        st.page_link("pages/reconstruction.py", label="Reconstruction", icon=":material/face_retouching_natural:")
        settings = _experiment()
        run_card(settings)
    return settings


def _experiment() -> TrainSettings:
    """The settings, in the sidebar of every page, so that they stay in the address."""
    with st.expander("Experiment", icon=":material/tune:"):
        kinds = ["synthetic", "lfw", "upload"] + (["utkface", "folder"] if paths_allowed() else [])
        chosen = st.selectbox(
            "Data", [SOURCE_NAMES[k] for k in kinds], key="data", bind="query-params", help="Where the faces come from."
        )
        kind = KINDS[chosen]
        path = st.text_input("Folder", key="path", bind="query-params") if kind in {"utkface", "folder"} else ""
        values: dict[str, Any] = {"data": f"{kind}:{path}" if kind in {"utkface", "folder"} else kind}
        if kind == "upload":
            values["data"] = st.session_state.get("own-data", NONE_YET)
            st.caption("Your pictures are sent, and let go of, on the Train page.")
        values["epochs"] = _number("epochs", "Epochs")
        values["lr"] = _number("lr", "Learning rate", "%.4f")
        values["faces"] = _number("faces", "Faces (0 = all)")
        values["augment"] = st.toggle("Augmentation", value=True, key="augment", bind="query-params", help=KNOBS["augment"].help)
        values["dropout"] = _number("dropout", "Dropout", "%.1f")
        values["mixup"] = _number("mixup", "Mixup", "%.1f")
        values["net"] = st.selectbox("Net", list(NETS), key="net", bind="query-params", help=KNOBS["net"].help)
        values["seed"] = _number("seed", "Seed")
    try:
        return TrainSettings(**values)
    except BadInput as problem:
        st.warning(str(problem))
        return TrainSettings()


def _number(name: str, label: str, form: str | None = None) -> Any:
    knob = KNOBS[name]
    assert isinstance(knob.rule, Range)
    kind = knob.kind
    try:
        return st.number_input(
            label,
            kind(knob.rule.lo),
            kind(knob.rule.hi),
            kind(knob.default),
            kind(knob.rule.step),
            form,
            key=name,
            bind="query-params",
            help=knob.help,
        )
    except OverflowError:  # hundreds of digits in the address overflow inside the widget
        st.warning(f"{label}: the number in the address is too large. Using {knob.default}.")
        return knob.default


def visitor() -> str:
    """Who is looking: the browser, so that a page loaded again is not somebody else; without cookies, the session.

    Streamlit's cookie holds a token that stays, under a mask that is new each time: version|mask|token xor mask|time.
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


def run_card(settings: TrainSettings) -> None:
    """Which run the numbers on the page belong to."""
    found = bench().finished(settings)
    name = SOURCE_NAMES.get(settings.data.partition(":")[0], settings.data)
    lines = f"{settings.faces or 'all'} faces · {settings.epochs} epochs · {html.escape(settings.net)}"
    if found:
        pill = (
            f'<span class="pill">live · {found["seconds"]:.0f} s</span>'
            if found["complete"]
            else '<span class="pill none">stopped early</span>'
        )
    elif settings == shipped.SETTINGS:
        pill = f'<span class="pill shipped">shipped · {shipped_run().about["made"]}</span>'
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
    """A link to another page, drawn as a button; unlike `st.switch_page` it carries the bound settings along."""
    with st.container(key=f"{'way' if main else 'side'}-{key}"):
        st.page_link(page, label=label, icon=icon, width="stretch")


def evidence(*parts: str) -> None:
    """The line under a number: interval, n, seed, seconds, controls, live or shipped."""
    st.html(f'<div class="evidence">{html.escape(" · ".join(p for p in parts if p))}</div>')


def verdict(sentence: str, small: str = "") -> None:
    """The finding, in the dark card. `sentence` may mark its key words *so*."""
    parts = html.escape(sentence).split("*")
    marked = "".join(f"<em>{p}</em>" if i % 2 else p for i, p in enumerate(parts))
    st.html(f'<div class="verdict">{marked}<small>{html.escape(small)}</small></div>')


def span(low: float, high: float) -> str:
    """An interval in the house style."""
    if not math.isfinite(high - low):
        return "(a single value has no interval)"
    return f"[{low:.2f}, {high:.2f}]"


def span_percent(low: float, high: float) -> str:
    """An interval of shares in the house style."""
    return f"[{low:.1%}, {high:.1%}]"


LABELS_NOTE = "Gender and race are labels that a data set carries about how somebody looks, never facts about a person."


def run_name(settings: TrainSettings) -> str:
    from mlleak_core.target.settings import run_key

    return run_key(settings)


def address(settings: TrainSettings) -> dict[str, str]:
    """The query parameters that bring a visitor to these settings."""
    kind, _, path = settings.data.partition(":")
    values = {
        k: str(v).lower() if isinstance(v, bool) else str(v) for k, v in settings.as_dict().items() if v != KNOBS[k].default
    }
    if "data" in values:
        values["data"] = SOURCE_NAMES[kind]
    return values | ({"path": path} if path and kind != "upload" else {})


def link(settings: TrainSettings) -> str:
    """The full address of these settings on this server."""
    from urllib.parse import urlencode, urlsplit

    here = urlsplit(st.context.url or "http://localhost:8501/train")
    query = urlencode(address(settings))
    return f"{here.scheme}://{here.netloc}{here.path}" + (f"?{query}" if query else "")


def first_look(settings: TrainSettings, curves: Any) -> None:
    """Before the visitor has trained anything: the shipped run's curves for the default, an invitation for the rest."""
    if settings != shipped.SETTINGS:
        st.info("These settings have not been trained on this server yet.", icon=":material/play_arrow:")
        return
    run = shipped_run()
    task = run.about["task"]
    share = proportion(round(task["accuracy"] * task["n_test"]), task["n_test"])
    evidence(f"shipped {run.about['made']}", f"test accuracy {task['accuracy']:.1%} {span_percent(share.low, share.high)}", f"balanced {task['balanced_accuracy']:.1%}",
             f"majority {task['majority']:.1%}", f"n = {task['n_test']}", f"seed {settings.seed}", f"{run.about['train_seconds']:.0f} s")  # fmt: skip
    curves({k.removeprefix("history_"): v for k, v in run.arrays.items() if k.startswith("history_")}, task["majority"])
