"""What visitors bring: kept in memory, owned by who brought it, within a stated budget. Light to import: no
torch.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlleak_core.contract import BadInput
from mlleak_core.language import mark, say
from mlleak_core.server import wishes

if TYPE_CHECKING:
    from mlleak_core.data import Faces

MOST = mark("pictures of at most {most} MB of all visitors together")
FEWER = mark("Send fewer pictures, or try again when others have let go of theirs.")
IDLE = 2 * 3600.0
"""Seconds after which an upload that nobody has looked at may make room for another."""
RUNS = 6
"""Things made of one upload that are held at a time: trained nets, the last of them."""


@dataclass(eq=False)
class _Upload:
    faces: Faces
    owners: set[str]
    used: float
    made: OrderedDict[str, Any] = field(default_factory=OrderedDict)


class Uploads:
    """Thread-safe. The same bytes are kept once; who lets go takes nothing from others
    who brought them, too.
    """

    def __init__(self, budget: int | None = None) -> None:
        self.budget = (budget or wishes.upload_megabytes()) * 2**20
        self._lock = threading.Lock()
        self._kept: dict[str, _Upload] = {}

    def own(self, name: str, visitor: str) -> bool:
        """Whether it is here already; then the visitor owns it, too."""
        with self._lock:
            found = self._kept.get(name)
            if found:
                found.owners.add(visitor)
                found.used = time.monotonic()
            return found is not None

    def keep(self, name: str, visitor: str, faces: Faces) -> None:
        """Take it in. Raises BadInput where there is no room, before anything of others is lost."""
        with self._lock:
            wanted = faces.images.nbytes
            self._make_room(wanted)
            free = self.budget - self._taken()
            if wanted > free:
                most = say(MOST, most=self.budget >> 20)
                got = say(
                    "{wanted} MB more, with {left} MB left", wanted=wanted >> 20, left=max(free, 0) >> 20
                )
                raise BadInput(most, got, say(FEWER))
            self._kept[name] = _Upload(faces, {visitor}, time.monotonic())

    def _taken(self) -> int:
        return sum(u.faces.images.nbytes for u in self._kept.values())

    def _make_room(self, wanted: int) -> None:
        """Let go of what nobody has looked at for long, the longest first, while room is short."""
        now = time.monotonic()
        idle = [name for name, u in self._kept.items() if now - u.used > IDLE]
        for name in sorted(idle, key=lambda n: self._kept[n].used):
            if self._taken() + wanted <= self.budget:
                return
            del self._kept[name]

    def faces(self, name: str) -> Faces | None:
        """The pictures of that name, or None."""
        with self._lock:
            found = self._kept.get(name)
            if found is None:
                return None
            found.used = time.monotonic()
            return found.faces

    def hold(self, name: str, key: str, value: Any) -> None:
        """Keep something that was made of an upload, for as long as that is here."""
        with self._lock:
            found = self._kept.get(name)
            if found is not None:
                found.made[key] = value
                found.made.move_to_end(key)
                while len(found.made) > RUNS:
                    found.made.popitem(last=False)

    def held(self, key: str) -> Any:
        """What is held under `key` of any upload, or None."""
        with self._lock:
            for found in self._kept.values():
                if key in found.made:
                    found.used = time.monotonic()
                    return found.made[key]
            return None

    def let_go(self, name: str, visitor: str) -> bool:
        """One owner less; whether that was the last one, so that it is gone with all that was made of it."""
        with self._lock:
            found = self._kept.get(name)
            if found is None:
                return True
            found.owners.discard(visitor)
            if found.owners:
                return False
            del self._kept[name]
            return True
