"""The data card, and the door to a run's faces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st
from mlleak_core.contract import BadInput
from mlleak_core.language import mark, say
from mlleak_core.report.evidence import shown
from mlleak_core.target.settings import TrainSettings
from pages._kit import play, table
from pages._kit.evidence import span
from pages._kit.frame import LABELS_NOTE, bench
from pages._kit.words import plain

if TYPE_CHECKING:
    from mlleak_core.data import Faces
    from mlleak_core.data.card import DataCard

COUNTS = mark("**{faces:,} faces of {people:,} people** (at most {most} of one). {task}: {balance}.")
SOURCE = mark("**From** {origin}\n\n**Terms** {terms}")
LABELS = mark("**The labels are** {are}\n\n**They are not** {are_not}")
MEASURES = mark(
    "φ for two classes, Cramér's V for more; V cannot be negative and is biased upwards. Intervals resample "
    "people."
)


def opened(settings: TrainSettings) -> Faces:
    """The faces of a run, with a bar the first time."""
    from mlleak_core.target.training import choose_faces

    faces: Faces = play.follow(bench().faces(settings.data))
    return choose_faces(faces, settings)


def show(settings: TrainSettings) -> None:
    """Counts, contact sheet, associations, provenance; behind a toggle, since it opens the data."""
    if not st.toggle(say("Show the data card"), key="data-card"):
        return
    from mlleak_core.data.card import contact_sheet, describe

    try:
        faces = opened(settings)
    except BadInput as problem:
        st.error(plain(str(problem)))
        return
    card = describe(faces)
    st.header(plain(say(card.provenance.title)))
    left, right = st.columns(2, gap="large")
    with left:
        _facts(card)
    with right:
        labels = [a.name for a in faces.attributes]
        name = st.selectbox(say("Contact sheet by"), labels, key="sheet", format_func=shown)
        classes = ", ".join(map(shown, faces.labelling(name).classes))
        caption = say("A row a class: {classes}", classes=plain(classes))
        st.image(contact_sheet(faces, name), caption=caption, width="stretch")


def _facts(card: DataCard) -> None:
    about = card.provenance
    balance = plain(", ".join(f"{n:,} {shown(c)}" for c, n in card.balance.items()))
    task = plain(shown(card.task.capitalize()))
    counts = {"faces": card.faces, "people": card.people, "most": card.most_photos}
    st.markdown(say(COUNTS, **counts, task=task, balance=balance))
    st.markdown(say(SOURCE, origin=shown(about.origin), terms=shown(about.terms)))
    st.markdown(say(LABELS, are=shown(about.labels_are), are_not=shown(about.labels_are_not)))
    for note in about.notes:
        st.caption(plain(shown(note)))
    st.caption(say(LABELS_NOTE))
    rows = [
        {
            mark("attribute"): a.attribute,
            mark("measure"): a.measure,
            mark("with the task"): round(a.estimate.value, 3),
            mark("95% interval"): span(a.estimate.low, a.estimate.high),
            "n": a.estimate.n,
            mark("share"): f"{a.share.value:.1%}" if a.share else "",
        }
        for a in card.associations
    ]
    table.written(rows, say("How the labels go together with the task"))
    st.caption(say(MEASURES))
