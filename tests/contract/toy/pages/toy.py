"""Toy: toss a loaded coin."""

from __future__ import annotations

import streamlit as st
from mlleak_core.threats.toy.card import THREAT, ToySettings

from pages._kit import frame, play, take_away
from pages._kit.dials import Dials
from pages._kit.evidence import big, evidence

frame.open_page(THREAT.card.title)
st.title(THREAT.card.question)
dials = Dials(ToySettings, "t", THREAT.shipped[0])
dials.pick(st, "tosses", "Tosses", bounds=(10, 1000, 10))
settings = dials.settings()


def show(exhibit):
    big(*exhibit.headlines()[0].figures)
    for finding in exhibit.findings():
        evidence(finding)
    take_away.offer(THREAT, exhibit)


if settings is not None:
    room = play.Room(THREAT, "t", "Toss", lambda _: None, show, "Not tossed yet.")
    room.outcome(settings, room.ask(settings))
