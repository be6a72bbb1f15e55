"""Knobs as widgets: drawn from the settings, kept in the address, greyed where they do not apply."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st
from mlleak_core.contract import BadInput, Choice, Knob, Range, Settings, knobs
from mlleak_core.language import say
from mlleak_core.report.evidence import shown
from pages._kit import experiment, languages
from pages._kit.words import plain

Bounds = tuple[float, float, float]


class Dials:
    """The controls of one settings class. `usual`: what they stand at, the shipped run's settings."""

    def __init__(self, settings: type[Settings], prefix: str, usual: Settings) -> None:
        self.kind, self.prefix, self.usual = settings, prefix, usual
        self.knobs = {knob.name: knob for knob in knobs(settings)}
        self.values: dict[str, Any] = {}

    def data(self, takes: Sequence[str]) -> str:
        """The experiment's data, as settings write it; said where this page cannot take them."""
        experiment.unfit(takes)
        self.values["data"] = experiment.data(takes)
        return str(self.values["data"])

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
            "help": say(knob.help),
            **more,
        }
        if titles is not None:
            looks["format_func"] = lambda value: shown(titles.get(value, str(value)))
        self.values[name] = self._widget(place, knob, shown(label), options, bounds, looks)
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
        self._misread(knob, options, bounds, looks)
        if isinstance(knob.rule, Choice) or (options and knob.kind is str):
            known = list(options or knob.rule.options)  # type: ignore[union-attr]
            first = known.index(usual) if usual in known else 0
            return place.selectbox(label, known, first, **looks)
        if options:
            return place.select_slider(label, list(options), usual, **looks)
        if knob.kind is bool:
            return place.toggle(label, value=usual, **looks)
        if isinstance(knob.rule, Range):
            low, high, step = bounds or (knob.rule.lo, knob.rule.hi, knob.rule.step)
            draw = place.slider if bounds else place.number_input
            return draw(label, knob.kind(low), knob.kind(high), usual, knob.kind(step), **looks)
        return place.text_input(label, looks.pop("value", usual), **looks)

    @staticmethod
    def _misread(
        knob: Knob, options: Sequence[Any] | None, bounds: Bounds | None, looks: dict[str, Any]
    ) -> None:
        """Say it where the address asks for what this control cannot take."""
        known = list(options or (knob.rule.options if isinstance(knob.rule, Choice) else ()))
        written = looks.get("format_func", str)
        if known:
            languages.reworded(looks["key"], known, written)
            words = {value: str(written(value)) for value in known}
            experiment.misread(looks["key"], list(words.values()))
            looks["format_func"] = lambda value: words.get(value, str(value))
        elif knob.kind is bool:
            experiment.misread(looks["key"], ("true", "false"))
        elif isinstance(knob.rule, Range):
            low, high, step = bounds or (knob.rule.lo, knob.rule.hi, knob.rule.step)
            experiment.misread(looks["key"], Range(low, high, step, ""))

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
