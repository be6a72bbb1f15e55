"""Where records come from: the one list of sources, and the doors to any of them. Light to import."""

from __future__ import annotations

import importlib
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, Literal

from mlleak_core.contract import BadInput, Step
from mlleak_core.language import mark, say

Kind = Literal["faces", "records", "texts", "lines"]
LABELS_NOTE = mark(
    "Gender and race are labels that a data set carries about how somebody looks, never facts about a person."
)


@dataclass(frozen=True)
class Source:
    """One source: its name in settings and on pages, what it holds, and its two functions, imported when
    wanted.

    load: "module:function" of mlleak_core.data, yields Steps and returns `Faces`, `Records`, `Texts` or
    `Lines`; with `needs_path` it takes what follows the colon. identity: the same form, names the records
    behind it and changes when they do. private: a visitor's own, never written to disk. invented: by this
    program, so that nobody real is in it.
    """

    slug: str
    title: str
    kind: Kind
    load: str
    identity: str
    needs_path: bool = False
    private: bool = False
    invented: bool = False

    @property
    def own(self) -> bool:
        """Whether somebody brings these records himself."""
        return self.private or self.needs_path

    @property
    def spelling(self) -> str:
        """How settings write it."""
        return f"{self.slug}:PATH" if self.needs_path else self.slug

    def call(self, function: str, path: str) -> Any:
        module, _, name = function.partition(":")
        found = getattr(importlib.import_module(f"mlleak_core.data.{module}"), name)
        return found(path) if self.needs_path or self.private else found()


SOURCES = (
    Source(
        "synthetic", mark("Synthetic faces"), "faces", "synthetic:load", "synthetic:identity", invented=True
    ),
    Source("lfw", mark("LFW"), "faces", "lfw:load", "lfw:identity"),
    Source("upload", mark("Your upload"), "faces", "upload:load", "upload:identity", private=True),
    Source(
        "utkface", mark("UTKFace folder"), "faces", "folder:load_utkface", "folder:identity", needs_path=True
    ),
    Source("folder", mark("Own folder"), "faces", "folder:load_table", "folder:identity", needs_path=True),
    Source("clinic", mark("Patients"), "records", "records:clinic", "records:clinic_identity", invented=True),
    Source("location", mark("Places visited"), "records", "records:location", "records:location_identity"),
    Source(
        "purchase", mark("Purchase-100"), "records", "records:purchase", "tables:identity", needs_path=True
    ),
    Source("texas", mark("Texas-100"), "records", "records:texas", "tables:identity", needs_path=True),
    Source("csv", mark("Own table"), "records", "records:table", "tables:identity", needs_path=True),
    Source("reviews", mark("Doctor reviews"), "texts", "doctors:load", "doctors:identity", invented=True),
    Source("reviews", mark("Own reviews"), "texts", "texts:load", "tables:identity", needs_path=True),
    Source("text", mark("Own text"), "lines", "lines:load", "tables:identity", needs_path=True),
)


def find(name: str) -> tuple[Source, str]:
    """The source that a setting such as `lfw` or `folder:PATH` names, and its path. Raises BadInput."""
    slug, _, path = name.partition(":")
    for source in SOURCES:
        if source.slug == slug and (bool(path) == source.needs_path or source.private):
            return source, path
        if source.slug == slug and source.needs_path and not path:
            raise BadInput(
                say("a path, as in {spelling}", spelling=source.spelling),
                say("none"),
                say("Name the folder or the table."),
            )
    known = ", ".join(s.spelling for s in SOURCES if not s.private)
    raise BadInput(
        say("data to be one of {known}", known=known), repr(name[:80]), say("Choose one of these.")
    )


def load(name: str, kind: Kind = "faces") -> Generator[Step, None, Any]:
    """Open a source of this kind; uploads live with the desk alone. Raises BadInput."""
    source, path = find(name)
    if source.kind != kind:
        fit = ", ".join(s.spelling for s in SOURCES if s.kind == kind and not s.private)
        raise BadInput(say("data to be one of {fit}", fit=fit), repr(name[:80]), say("Choose one of these."))
    return (yield from source.call(source.load, path))


def identity(name: str) -> str:
    """Names the records behind a source, and changes when they do; cheap, nothing is decoded."""
    source, path = find(name)
    return str(source.call(source.identity, path))


def kind_of(name: str) -> Kind:
    """What a source holds; of an unknown name, faces."""
    slug = name.partition(":")[0]
    return next((s.kind for s in SOURCES if s.slug == slug), "faces")


def is_records(name: str) -> bool:
    """Whether these are rows of numbers."""
    return kind_of(name) == "records"


def is_texts(name: str) -> bool:
    return kind_of(name) == "texts"


def is_faces(name: str) -> bool:
    return kind_of(name) == "faces"


def is_private(name: str) -> bool:
    """Whether nothing about these records may be written to disk: a visitor's upload."""
    slug = name.partition(":")[0]
    return any(s.slug == slug and s.private for s in SOURCES)
