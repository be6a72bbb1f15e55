"""A visitor's own pictures: taken from a ZIP, remembered for the session, never written to disk."""

from __future__ import annotations

import csv
import functools
import io
import zipfile

import streamlit as st
from mlleak_core.contract import BadInput
from mlleak_core.data.upload import NONE_YET
from mlleak_core.threats.features.exhibit import ATLAS_COLUMNS, SPRITE, Shipped
from mlleak_core.server.desk import Workbench
from pages._kit import play
from PIL import Image

EXAMPLE = 400
"""Faces in the example to download."""


def sender(bench: Workbench, run: Shipped) -> None:
    """The uploader; `own-data` in the session names what was brought, or NONE_YET."""
    with st.container(border=True):
        file = st.file_uploader(
            "ZIP of pictures", type="zip", key="own-faces",
            help="Pictures and one CSV: file, person, then label columns. The first label is what the net learns and has two values; "
            "the others are what it is not told. At least 40 faces, at most 5,000.",
        )  # fmt: skip
        if file is not None and st.session_state.get("own-file") != file.file_id:
            st.session_state["own-file"], st.session_state["own-problem"] = file.file_id, ""
            try:
                st.session_state["own-data"] = play.follow(bench.bring(file.getvalue()))
            except BadInput as problem:
                st.session_state["own-problem"], st.session_state["own-data"] = str(problem), NONE_YET
            st.rerun()  # the settings above were made before
        if st.session_state.get("own-problem"):
            st.error(st.session_state["own-problem"])
        elif (name := st.session_state.get("own-data", NONE_YET)) == NONE_YET:
            st.caption("They stay in this server's memory, and so does all that is made of them.")
        else:
            st.caption("Your pictures are in memory, until you let go of them or this server stops. A link cannot carry them.")
            st.button("Let go of them", icon=":material/delete:", key="own-forget", on_click=_forget, args=(bench, name))
        st.download_button(
            "An example (ZIP)",
            example(run),  # a callable's address dies with every rerun, and a click on the old one fails
            "faces.zip",
            "application/zip",
            on_click="ignore",
            icon=":material/download:",
            key="own-example",
        )


def _forget(bench: Workbench, name: str) -> None:
    bench.forget(name)
    st.session_state["own-data"] = NONE_YET


@functools.lru_cache(maxsize=1)
def example(run: Shipped) -> bytes:
    """Drawn faces with their table, as somebody would send their own."""
    sheet = Image.open(io.BytesIO(run.atlas))
    people, classes, arrays = run.arrays["person"][:EXAMPLE], run.about["classes"], run.arrays
    classes = dict(sorted(classes.items(), key=lambda c: len(c[1])))  # plain yes or no first: the first are looked at first
    columns = ["gender", *classes]
    labels = [[run.about["task_classes"][c] for c in arrays["task"][:EXAMPLE]]]
    labels += [[classes[name][c] for c in arrays[f"label/{name}"][:EXAMPLE]] for name in classes]
    table, packed = io.StringIO(), io.BytesIO()
    writer = csv.writer(table)
    writer.writerow(["file", "person", *columns])
    with zipfile.ZipFile(packed, "w") as archive:
        for i, person in enumerate(people):
            picture, (down, right) = io.BytesIO(), divmod(i, ATLAS_COLUMNS)
            box = (right * SPRITE, down * SPRITE, (right + 1) * SPRITE, (down + 1) * SPRITE)
            sheet.crop(box).save(picture, "JPEG", quality=90)
            archive.writestr(f"{i:03d}.jpg", picture.getvalue())
            writer.writerow([f"{i:03d}.jpg", f"person {person}", *(column[i] for column in labels)])
        archive.writestr("faces.csv", table.getvalue())
    return packed.getvalue()
