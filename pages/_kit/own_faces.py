"""A visitor's own pictures: taken from a ZIP, remembered for the session, never written to disk."""

from __future__ import annotations

import csv
import functools
import io
import zipfile
from typing import Any

import streamlit as st
from mlleak_core.contract import BadInput
from mlleak_core.data.upload import NONE_YET
from mlleak_core.figures.scenes import Scene
from mlleak_core.language import mark, say
from mlleak_core.server.desk import Desk
from pages._kit import play
from pages._kit.frame import visitor
from pages._kit.words import plain
from PIL import Image

EXAMPLE = 400
"""Faces in the example to download."""
HELP = mark(
    "Pictures and one CSV: file, person, then label columns. The first label is what the net learns and has "
    "two values; the others are what it is not told. At least 40 faces, at most 5,000."
)
IN_MEMORY = mark(
    "Your pictures are in memory, until you let go of them or this server stops. A link cannot carry them."
)


def sender(bench: Desk, faces: Scene) -> None:
    """The uploader; `own-data` in the session names what was brought, or NONE_YET. faces: for an example."""
    with st.container(border=True):
        file = st.file_uploader(say("ZIP of pictures"), type="zip", key="own-faces", help=say(HELP))
        if file is not None and st.session_state.get("own-file") != file.file_id:
            st.session_state["own-file"] = file.file_id
            _take(bench, file.getvalue())
            st.rerun()  # the settings above were made before
        if st.session_state.get("own-problem"):
            st.error(plain(st.session_state["own-problem"]))
        elif (name := st.session_state.get("own-data", NONE_YET)) == NONE_YET:
            st.caption(say("They stay in this server's memory, and so does all that is made of them."))
        else:
            st.caption(say(IN_MEMORY))
            with_name: Any = {"on_click": _forget, "args": (bench, name)}
            st.button(say("Let go of them"), icon=":material/delete:", key="own-forget", **with_name)
        st.download_button(
            say("An example (ZIP)"),
            example(faces),  # a callable's address dies with every rerun, and a click on the old one fails
            "faces.zip",
            "application/zip",
            on_click="ignore",
            icon=":material/download:",
            key="own-example",
        )


def _take(bench: Desk, blob: bytes) -> None:
    try:
        st.session_state["own-data"] = play.follow(bench.bring(blob, visitor()))
        st.session_state["own-problem"] = ""
    except BadInput as problem:
        st.session_state["own-data"] = NONE_YET
        st.session_state["own-problem"] = str(problem)


def _forget(bench: Desk, name: str) -> None:
    bench.forget(name, visitor())
    st.session_state["own-data"] = NONE_YET


@functools.lru_cache(maxsize=1)
def example(faces: Scene) -> bytes:
    """Drawn faces with their table, as somebody would send their own."""
    sheet = Image.open(io.BytesIO(faces.atlas))
    labels = sorted(faces.labels, key=lambda label: len(label[1]))  # plain yes or no first: looked at first
    task = ("gender", faces.task_classes, faces.task)
    columns = [[classes[c] for c in codes[:EXAMPLE]] for _, classes, codes in (task, *labels)]
    table, packed = io.StringIO(), io.BytesIO()
    writer = csv.writer(table)
    writer.writerow(["file", "person", "gender", *(name for name, *_ in labels)])
    with zipfile.ZipFile(packed, "w") as archive:
        for i, person in enumerate(faces.person[:EXAMPLE]):
            archive.writestr(f"{i:03d}.jpg", _photo(sheet, i, faces))
            writer.writerow([f"{i:03d}.jpg", f"person {person}", *(column[i] for column in columns)])
        archive.writestr("faces.csv", table.getvalue())
    return packed.getvalue()


def _photo(sheet: Image.Image, i: int, faces: Scene) -> bytes:
    """One face of the atlas as a JPEG."""
    down, right = divmod(i, faces.columns)
    side, picture = faces.sprite, io.BytesIO()
    sheet.crop((right * side, down * side, (right + 1) * side, (down + 1) * side)).save(
        picture, "JPEG", quality=90
    )
    return picture.getvalue()
