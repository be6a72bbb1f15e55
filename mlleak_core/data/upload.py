"""Your own pictures through the browser: a ZIP of pictures and a table, checked, decoded anew, never written
to disk.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Generator

from mlleak_core.contract import BadInput, Step, now, relay
from mlleak_core.data import shelf
from mlleak_core.data.faces import Faces
from mlleak_core.data.folder import OWN, named_so, open_table, open_utkface, tables_in
from mlleak_core.data.pictures import read_all
from mlleak_core.data.shelf import Shelf
from mlleak_core.language import mark, say

MOST_FILES = 5000
MOST_BYTES, MOST_UNPACKED = 64 * 2**20, 2**30
"""Of the ZIP, and of all that it unpacks to."""
MOST_TABLE = 8 * 2**20
"""Bytes of its table: forty thousand rows, eight times as many as pictures are taken."""
MOST_SECONDS = 120.0
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
        say("pictures that this server remembers"),
        say("none of that name"),
        say("Upload them again: they live in memory only."),
    )
    yield


def open_upload(blob: bytes) -> Generator[Step, None, Faces]:
    """Faces from a ZIP: pictures with one CSV (`file, person`, label columns), or named the UTKFace way.

    Raises BadInput, which lists all that is wrong with the table or the pictures at once, or says that it
    takes too long.
    """
    if len(blob) > MOST_BYTES:
        most = say("a ZIP of at most {most} MB", most=MOST_BYTES >> 20)
        raise BadInput(most, f"{len(blob) >> 20} MB", say("Make the pictures smaller: 64 pixels are used."))
    files = shelf.of_zip(blob, MOST_FILES, MOST_UNPACKED)
    faces = yield from relay(_opened(files), _in_time())
    origin = mark("Pictures you sent; they stay in this server's memory until it stops.")
    own = dataclasses.replace(OWN, title=mark("Your upload"), origin=origin, notes=faces.provenance.notes)
    return dataclasses.replace(faces, name=KIND, provenance=own)


def _opened(files: Shelf) -> Generator[Step, None, Faces]:
    try:
        tables = tables_in(files)
        large = [t.name for t in tables if t.size > MOST_TABLE]
        if large:
            most = say("a table of at most {most} MB", most=MOST_TABLE >> 20)
            raise BadInput(
                most, say("more in {name}", name=large[0]), say("Send the rows of your pictures alone.")
            )
        if tables and not named_so(files):
            return (yield from open_table(files, read_all, MOST_FILES))
        return (yield from open_utkface(files, read_all))
    except BadInput:
        raise
    except shelf.DAMAGED as error:
        got = say("a damaged one ({why})", why=str(error)[:60] or type(error).__name__)
        raise BadInput(say("a ZIP that can be read"), got, say("Pack it again.")) from error


def _in_time() -> Callable[[Step], Step]:
    """Passes steps on until the time is up. Raises BadInput then."""
    began = now()

    def check(step: Step) -> Step:
        if now() - began > MOST_SECONDS:
            raise BadInput(
                say("pictures that are read within {seconds:.0f} s", seconds=MOST_SECONDS),
                say("larger ones"),
                say("Make them smaller: 64 pixels are used."),
            )
        return step

    return check
