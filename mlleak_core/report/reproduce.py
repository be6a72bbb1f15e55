"""From settings back to the command that gives them: the inverse of what the command line reads."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any

from mlleak_core.contract import Knob, Settings, knobs
from mlleak_core.data.source import find
from mlleak_core.threat import Threat

OWN = "folder:PATH"
"""Stands for a visitor's own pictures, which have no name that a command line knows."""


def words(threat: Threat, settings: Settings) -> tuple[str, ...]:
    """The options that differ from their defaults, as the command line reads them, after its command."""
    return (threat.card.slug, *(word for knob in _changed(settings) for word in _option(knob, settings)))


def command(*parts: str) -> str:
    """One line for a shell."""
    return shlex.join(("mlleak", *parts))


def beyond(settings: Settings) -> tuple[str, ...]:
    """Settings that the command line has no option for, and that are not at their default."""
    whole = [knob for knob in knobs(type(settings)) if issubclass(knob.kind, Settings)]
    return tuple(k.name for k in whole if settings.applies(k) and getattr(settings, k.name) != k.default)


def _changed(settings: Settings) -> Iterator[Knob]:
    """In field order; what does not apply is at its default."""
    for knob in knobs(type(settings)):
        if not issubclass(knob.kind, Settings) and getattr(settings, knob.name) != knob.default:
            yield knob


def _option(knob: Knob, settings: Settings) -> tuple[str, ...]:
    name, value = knob.name.replace("_", "-"), getattr(settings, knob.name)
    if knob.kind is bool:
        return (f"--{name}" if value else f"--no-{name}",)
    text = OWN if knob.name == "data" and _unnamed(value) else str(value)
    return (f"--{name}", text) if text and not text.startswith("-") else (f"--{name}={text}",)


def _unnamed(data: Any) -> bool:
    return find(str(data))[0].private
