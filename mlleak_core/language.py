"""The languages of the interface. English stands in the code, whole sentences with {names} in them; every
other language is a file of translations, `assets/words/CODE.po`, which `make words` keeps up to date.

Words are said when they are shown, in the language of who looks: a thread's own. What was said earlier, or in
another thread, remembers what it was made from, and `again` says it anew.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from string import Formatter
from typing import Any, ParamSpec, TypeVar

from mlleak_core import installed

P = ParamSpec("P")
T = TypeVar("T")
ENGLISH = "en"
FOLDER = installed.app_home() / "assets" / "words"
_spoken: ContextVar[str] = ContextVar("language", default=ENGLISH)


class Said(str):
    """Words that remember their message and what was put into it: `message`, `values`."""

    message: str
    values: Mapping[str, Any]

    def __str__(self) -> Said:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _made, (str.__str__(self), self.message, dict(self.values))


def _made(text: str, message: str, values: Mapping[str, Any]) -> Said:
    said = Said(text)
    said.message, said.values = message, values
    return said


class _Template(Formatter):
    """As `str.format`, but what was said before is said again in today's language."""

    def get_value(self, key: int | str, args: Any, kwargs: Any) -> Any:
        return again(super().get_value(key, args, kwargs))


def say(message: str, /, **values: Any) -> str:
    """`message` in the language of who looks, with its {names} filled in as `str.format` does.

    Without values the message is taken as it stands, braces and all.
    """
    found = _catalogue(_spoken.get()).get(message) or message
    shown = _Template().vformat(found, (), values) if values else str.__str__(found)
    return _made(shown, message, values)


def plural(one: str, many: str, n: int, /, **values: Any) -> str:
    """`one` if n is 1, else `many`, in the language of who looks; {n} is there besides the values."""
    return say(one if n == 1 else many, n=n, **values)


def together(*parts: str) -> str:
    """Sentences one after the other, without those that are empty; each is remembered by itself."""
    there = [part for part in parts if part]
    fields = {f"part{number}": part for number, part in enumerate(there)}
    return say(" ".join(f"{{{name}}}" for name in fields), **fields)


def mark(message: str) -> str:
    """The message itself, to be said later: for constants, which are made before anybody looks."""
    return message


def again(words: Any) -> Any:
    """What was said, in the language of who looks now; anything else as it is."""
    return say(words.message, **words.values) if isinstance(words, Said) else words


def spoken() -> str:
    """The language of this thread."""
    return _spoken.get()


def speak(code: str) -> None:
    """From here on this thread speaks a language; one that is not there is English."""
    _spoken.set(code if code in languages() else ENGLISH)


@contextlib.contextmanager
def speaking(code: str) -> Iterator[None]:
    """Meanwhile this thread speaks a language."""
    before = _spoken.get()
    speak(code)
    try:
        yield
    finally:
        _spoken.set(before)


def kept(function: Callable[P, T]) -> Callable[P, T]:
    """The function, to be called in whatever thread in the language that is spoken now."""
    code = _spoken.get()

    @functools.wraps(function)
    def within(*args: P.args, **kwargs: P.kwargs) -> T:
        with speaking(code):
            return function(*args, **kwargs)

    return within


NAME = mark("English")
"""The translation of this message is the language's own name."""


@functools.cache
def languages() -> dict[str, str]:
    """The languages that are there, code -> own name: English first, the others by their files."""
    others = sorted(file.stem for file in FOLDER.glob("*.po"))
    return {ENGLISH: NAME} | {code: _catalogue(code).get(NAME, code) for code in others}


@functools.cache
def _catalogue(code: str) -> Mapping[str, str]:
    """Message -> translation; of English, and of what is not there, nothing."""
    file = FOLDER / f"{code}.po"
    if code == ENGLISH or not file.is_file():
        return {}
    from babel.messages.pofile import read_po

    with file.open("rb") as lines:
        return {str(m.id): str(m.string) for m in read_po(lines) if m.id and m.string}
