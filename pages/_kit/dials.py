"""Knobs as widgets: drawn from the settings, kept in the address, greyed where they do not apply."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st
from mlleak_core.contract import BadInput, Choice, Knob, Range, Settings, knobs
from mlleak_core.data.source import SOURCES, find
from mlleak_core.data.upload import NONE_YET
from pages._kit.frame import paths_allowed
from pages._kit.words import plain

Bounds = tuple[float, float, float]


class Dials:
    """The controls of one settings class. `usual`: what they stand at, the shipped run's settings."""

    def __init__(self, settings: type[Settings], prefix: str, usual: Settings) -> None:
        self.kind, self.prefix, self.usual = settings, prefix, usual
        self.knobs = {knob.name: knob for knob in knobs(settings)}
        self.values: dict[str, Any] = {}

    def source(
        self, place: Any, label: str, slugs: Sequence[str], on_change: Callable[[], None] | None = None
    ) -> str:
        """Which data, as settings write it. A visitor may name folders only where the operator allows it."""
        allowed = {s.title: s for s in SOURCES if s.slug in slugs and (paths_allowed() or not s.needs_path)}
        first = find(self.usual.as_dict()["data"])[0].title
        more: dict[str, Any] = {"key": f"{self.prefix}-data", "bind": "query-params", "on_change": on_change}
        chosen = allowed[place.selectbox(label, list(allowed), list(allowed).index(first), **more)]
        data = chosen.slug
        if chosen.private:
            data = str(st.session_state.get("own-data", NONE_YET))
        elif chosen.needs_path:
            path = st.text_input("Path of the table or folder", key=f"{self.prefix}-path")
            data = f"{chosen.slug}:{path}"
        self.values["data"] = data
        return data

    def pick(
        self,
        place: Any,
        name: str,
        label: str,
        *,
        options: Sequence[Any] | None = None,
        titles: Mapping[Any, str] | None = None,
        bounds: Bounds | None = None,
        key: str = "",
        **more: Any,
    ) -> Any:
        """One knob. options: a choice of values; bounds: a slider from, to, by; titles:
        words for the values.
        """
        knob = self.knobs[name]
        looks = {
            "key": f"{self.prefix}-{key or name}",
            "bind": "query-params",
            "disabled": not self.applies(name),
            "help": knob.help,
            **more,
        }
        if titles is not None:
            looks["format_func"] = lambda value: titles.get(value, str(value))
        self.values[name] = self._widget(place, knob, label, options, bounds, looks)
        return self.values[name]

    def _widget(
        self,
        place: Any,
        knob: Knob,
        label: str,
        options: Sequence[Any] | None,
        bounds: Bounds | None,
        looks: dict[str, Any],
    ) -> Any:
        usual = getattr(self.usual, knob.name)
        if isinstance(knob.rule, Choice) or (options and knob.kind is str):
            shown = list(options or knob.rule.options)  # type: ignore[union-attr]
            first = shown.index(usual) if usual in shown else 0
            return place.selectbox(label, shown, first, **looks)
        if options:
            return place.select_slider(label, list(options), usual, **looks)
        if knob.kind is bool:
            return place.toggle(label, value=usual, **looks)
        if isinstance(knob.rule, Range):
            low, high, step = bounds or (knob.rule.lo, knob.rule.hi, knob.rule.step)
            draw = place.slider if bounds else place.number_input
            return draw(label, knob.kind(low), knob.kind(high), usual, knob.kind(step), **looks)
        return place.text_input(label, looks.pop("value", usual), **looks)

    def applies(self, name: str) -> bool:
        """Whether a knob means anything beside those picked so far."""
        now = {**{k: getattr(self.usual, k) for k in self.knobs}, **self.values}
        return all(when.holds(now[when.name]) for when in self.knobs[name].when)

    def settings(self, **fixed: Any) -> Any:
        """What was picked, with `fixed` values; None where they contradict one another,
        which is then said.
        """
        usual = {name: getattr(self.usual, name) for name in self.knobs}
        try:
            return self.kind(**{**usual, **self.values, **fixed})
        except BadInput as problem:
            st.error(plain(str(problem)))
            return None
