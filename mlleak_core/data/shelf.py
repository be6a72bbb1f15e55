"""The files of a folder or of a ZIP, under one kind of name: what other systems write differently is levelled
here.
"""

from __future__ import annotations

import io
import os
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO

from mlleak_core import disk
from mlleak_core.contract import BadInput
from mlleak_core.language import say

JUNK = {"__macosx", "thumbs.db", "desktop.ini", "$recycle.bin"}
"""Folders and files that systems leave behind."""
DEPTH = 6
"""Folders deeper than this are not walked."""
Stamp = tuple[str, int, int]
DAMAGED = (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError, ValueError)
"""What reading a damaged entry raises; a `BadInput` is a ValueError, too."""


@dataclass(frozen=True)
class Entry:
    """One file: its name on the shelf, its size, and how it is opened."""

    name: str
    size: int
    opener: Callable[[], IO[bytes]]

    def open(self, _: str = "rb") -> IO[bytes]:
        return self.opener()

    def read(self) -> bytes:
        """All of it. Raises what `DAMAGED` lists."""
        with self.opener() as file:
            return file.read()

    @property
    def suffix(self) -> str:
        return PurePosixPath(self.name).suffix.lower()

    @property
    def stem(self) -> str:
        return PurePosixPath(self.name).stem


def levelled(name: str) -> str:
    """A name as any system may write it, in one form: slashes forward and single, no `./`, composed accents
    (NFC).
    """
    plain = unicodedata.normalize("NFC", name).replace("\\", "/")
    return "/".join(part for part in plain.split("/") if part not in {"", "."})


def leaves(name: str) -> bool:
    """Whether a name points out of its folder: absolute, with a drive, or upwards."""
    plain = name.replace("\\", "/")
    return plain.startswith("/") or ".." in plain.split("/") or plain[1:2] == ":"


def hidden(name: str) -> bool:
    """Whether a file is one of those that systems leave behind (`._x`, `.DS_Store`,
    `__MACOSX`, `Thumbs.db`).
    """
    parts = name.split("/")
    return any(part.startswith(".") or part.lower() in JUNK for part in parts)


@dataclass(frozen=True, eq=False)
class Shelf:
    """Files by their levelled names. title: what messages call it."""

    title: str
    entries: Mapping[str, Entry]
    loose: Mapping[str, tuple[str, ...]] = field(init=False)
    """Names that differ only in case, folder or ending, by what they have in common."""

    def __post_init__(self) -> None:
        found: dict[str, list[str]] = {}
        for name in self.entries:
            for key in _keys(name):
                found.setdefault(key, []).append(name)
        object.__setattr__(self, "loose", {key: tuple(names) for key, names in found.items()})

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries.values())

    def find(self, name: str, beside: str = "") -> Entry | None:
        """The file that a table calls `name`: as written, seen from the folder `beside`, else the only one
        that fits.
        """
        wanted = levelled(name)
        for exact in (levelled(f"{beside}/{wanted}"), wanted):
            if exact in self.entries:
                return self.entries[exact]
        for key in _keys(wanted):
            if len(fits := self.loose.get(key, ())) == 1:
                return self.entries[fits[0]]
        return None

    def lying(self, suffixes: Iterable[str]) -> list[Entry]:
        """The files with one of these endings, by name."""
        wanted = set(suffixes)
        return sorted((e for e in self if e.suffix in wanted), key=lambda e: e.name)


def _keys(name: str) -> tuple[str, ...]:
    """What a file may be looked up by, from the strictest: its whole name, its last part, that without
    ending.
    """
    low = name.casefold()
    last = low.rpartition("/")[2]
    return (f"whole:{low}", f"last:{last}", f"stem:{last.rpartition('.')[0] or last}")


def of_folder(root: str) -> Shelf:
    """Everything in a folder, at any depth. Raises BadInput where there is none."""
    folder = disk.given(root)
    if not folder.is_dir():
        raise BadInput(say("a folder of pictures"), repr(root), say("Give the path of an existing folder."))
    entries = {}
    for path in _walk(folder):
        name = levelled(path.relative_to(folder).as_posix())
        if not hidden(name):
            entries[name] = Entry(name, path.stat().st_size, lambda path=path: path.open("rb"))  # type: ignore[misc]
    return Shelf(folder.name, entries)


def _walk(folder: Path) -> Iterator[Path]:
    for home, folders, files in os.walk(folder):
        here = Path(home)
        if len(here.relative_to(folder).parts) >= DEPTH:
            folders.clear()
        folders.sort()
        yield from (here / name for name in sorted(files))


def stamps(root: str) -> list[Stamp]:
    """Name, time and size of every file in a folder, at any depth; empty where there is none."""
    folder = disk.given(root)
    found = []
    for path in _walk(folder) if folder.is_dir() else ():
        try:
            about = path.stat()
        except OSError:  # gone meanwhile
            continue
        found.append((str(path), about.st_mtime_ns, about.st_size))
    return found


def of_zip(blob: bytes, most_files: int, most_unpacked: int) -> Shelf:
    """The files of a ZIP, its names checked before anything is opened. Raises BadInput.

    `zipfile.Path` is not used: doubled slashes in a name send it round for ever (CVE-2024-8088).
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(blob))
    except DAMAGED as error:
        kind = say("another kind of file, or a damaged one")
        raise BadInput(
            say("a ZIP of pictures"), kind, say("Pack pictures and table into one ZIP.")
        ) from error
    parts = [part for part in archive.infolist() if not part.is_dir()]
    unpacked = sum(part.file_size for part in parts)
    if len(parts) > most_files or unpacked > most_unpacked:
        most = say(
            "at most {files:,} files and {size} GB unpacked",
            files=most_files,
            size=most_unpacked >> 30,
        )
        raise BadInput(
            most,
            say("{files:,} files, {size:.1f} GB", files=len(parts), size=unpacked / 2**30),
            say("Send fewer or smaller pictures."),
        )
    entries = {}
    for part in parts:
        written = _spelt(part)
        name = levelled(written)
        _refuse_odd(part, written)
        if not name or hidden(name):
            continue
        entries[name] = Entry(name, part.file_size, lambda part=part: archive.open(part))  # type: ignore[misc]
    return Shelf("the ZIP", entries)


def _spelt(part: zipfile.ZipInfo) -> str:
    """The entry's name; one in UTF-8 that lacks the flag for it is read as UTF-8."""
    name = part.orig_filename.split("\0")[0]
    if part.flag_bits & 0x800 or name.isascii():
        return name
    try:
        return name.encode("cp437").decode("utf-8")
    except UnicodeError:
        return name


def _refuse_odd(part: zipfile.ZipInfo, name: str) -> None:
    parts = name.replace("\\", "/").split("/")
    if ".." in parts[:-1]:
        raise BadInput(
            say("names inside the ZIP"), repr(name[:80]), say("It leaves the folder: pack the files anew.")
        )
    if part.flag_bits & 1 or part.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise BadInput(
            say("a plain ZIP"),
            say("an encrypted one, or a rare compression"),
            say("Pack it again without a password."),
        )
