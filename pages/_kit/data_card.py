"""The data card, and the door to a run's faces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st
from mlleak_core.contract import BadInput
from mlleak_core.target.settings import TrainSettings
from pages._kit import play, table
from pages._kit.evidence import span
from pages._kit.frame import LABELS_NOTE, bench
from pages._kit.words import plain

if TYPE_CHECKING:
    from mlleak_core.data import Faces
    from mlleak_core.data.card import DataCard


def opened(settings: TrainSettings) -> Faces:
    """The faces of a run, with a bar the first time."""
    from mlleak_core.target.training import choose_faces

    faces: Faces = play.follow(bench().faces(settings.data))
    return choose_faces(faces, settings)


def show(settings: TrainSettings) -> None:
    """Counts, contact sheet, associations, provenance; behind a toggle, since it opens the data."""
    if not st.toggle("Show the data card", key="data-card"):
        return
    from mlleak_core.data.card import contact_sheet, describe

    try:
        faces = opened(settings)
    except BadInput as problem:
        st.error(plain(str(problem)))
        return
    card = describe(faces)
    st.header(plain(card.provenance.title))
    left, right = st.columns(2, gap="large")
    with left:
        _facts(card)
    with right:
        name = st.selectbox("Contact sheet by", [a.name for a in faces.attributes], key="sheet")
        caption = "A row a class: " + plain(", ".join(faces.labelling(name).classes))
        st.image(contact_sheet(faces, name), caption=caption, width="stretch")


def _facts(card: DataCard) -> None:
    about = card.provenance
    balance = plain(", ".join(f"{n:,} {c}" for c, n in card.balance.items()))
    st.markdown(
        f"**{card.faces:,} faces of {card.people:,} people** (at most {card.most_photos} of one). "
        f"{plain(card.task.capitalize())}: {balance}."
    )
    st.markdown(f"**From** {about.origin}\n\n**Terms** {about.terms}")
    st.markdown(f"**The labels are** {about.labels_are}\n\n**They are not** {about.labels_are_not}")
    for note in about.notes:
        st.caption(plain(note))
    st.caption(LABELS_NOTE)
    rows = [
        {
            "attribute": a.attribute,
            "measure": a.measure,
            "with the task": round(a.estimate.value, 3),
            "95% interval": span(a.estimate.low, a.estimate.high),
            "n": a.estimate.n,
            "share": f"{a.share.value:.1%}" if a.share else "",
        }
        for a in card.associations
    ]
    table.written(rows, "How the labels go together with the task")
    st.caption(
        "φ for two classes, Cramér's V for more; V cannot be negative and is biased upwards. "
        "Intervals resample people."
    )
