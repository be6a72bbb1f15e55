"""Your own pictures through the browser: a ZIP of pictures and a table, checked, decoded anew, never written to disk."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import zipfile
from collections.abc import Generator

from mlleak_core.contract import BadInput, Step
from mlleak_core.data.faces import Faces
from mlleak_core.data.folder import OWN, Folder, open_table, open_utkface, tables_in
from mlleak_core.data.pictures import read_all

MOST_FILES = 5000
MOST_BYTES, MOST_UNPACKED = 64 * 2**20, 2**30
"""Of the ZIP, and of all that it unpacks to."""
KIND = "upload"
NONE_YET = f"{KIND}:none"
"""What settings say before anything was sent."""


def name_of(blob: bytes) -> str:
    """What settings call these pictures: the same bytes, the same name."""
    return f"{KIND}:{hashlib.sha256(blob).hexdigest()[:24]}"


def identity(name: str) -> str:
    """The bytes' own hash."""
    return name


def load(_: str) -> Generator[Step, None, Faces]:
    """Nobody but the desk knows an upload. Raises BadInput."""
    raise BadInput(
        "pictures that this server remembers", "none of that name", "Upload them again: they live in memory only."
    )
    yield


def open_upload(blob: bytes) -> Generator[Step, None, Faces]:
    """Faces from a ZIP: pictures with one CSV (`file, person`, label columns), or named the UTKFace way.

    Raises BadInput, which lists all that is wrong with the table or the pictures at once.
    """
    with _archive(blob) as archive:
        folder = _inside(zipfile.Path(archive))
        faces = yield from (open_table if tables_in(folder) else open_utkface)(folder, read_all)
    own = dataclasses.replace(
        OWN, title="Your upload", origin="Pictures you sent; they stay in this server's memory until it stops."
    )
    return dataclasses.replace(faces, name=KIND, provenance=own)


def _archive(blob: bytes) -> zipfile.ZipFile:
    if len(blob) > MOST_BYTES:
        raise BadInput(
            f"a ZIP of at most {MOST_BYTES >> 20} MB", f"{len(blob) >> 20} MB", "Make the pictures smaller: 64 pixels are used."
        )
    try:
        archive = zipfile.ZipFile(io.BytesIO(blob))
    except zipfile.BadZipFile as error:
        raise BadInput(
            "a ZIP of pictures", "another kind of file, or a damaged one", "Pack pictures and table into one ZIP."
        ) from error
    parts = archive.infolist()
    unpacked = sum(p.file_size for p in parts)
    if len(parts) > MOST_FILES or unpacked > MOST_UNPACKED:
        raise BadInput(
            f"at most {MOST_FILES:,} files and {MOST_UNPACKED >> 30} GB unpacked", f"{len(parts):,} files, {unpacked / 2**30:.1f} GB",
            "Send fewer or smaller pictures.",
        )  # fmt: skip
    if any(p.flag_bits & 1 or p.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED} for p in parts):
        raise BadInput("a plain ZIP", "an encrypted one, or a rare compression", "Pack it again without a password.")
    return archive


def _inside(folder: zipfile.Path) -> Folder:
    """The folder with the pictures: the top, or the only folder there."""
    parts = [p for p in folder.iterdir() if p.name != "__MACOSX" and not p.name.startswith(".")]
    return parts[0] if len(parts) == 1 and parts[0].is_dir() else folder
