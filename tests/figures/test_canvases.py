"""What canvases say: every word that a script shows is in its data, in the language of who looks."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from mlleak_core.figures import canvases
from mlleak_core.figures.scenes import Frame, Reel, Scene, Tape
from mlleak_core.language import ENGLISH, say, speak


@pytest.fixture(autouse=True)
def english():
    yield
    speak(ENGLISH)


FRAME = Frame(row=1, title=say("epoch {epoch} of {last}", epoch=1, last=2), note="", errors=(1.0,))
REEL = Reel(name="r", atlas=b"", rows=2, names=("A",), frames=(FRAME,))
TAPE = Tape(
    name="t",
    rounds=3,
    at=np.arange(3, dtype=np.int32),
    posterior=np.zeros(3, np.float32),
    participants=3,
    title="Glasses",
)
SCENE = Scene(
    name="s",
    frames={"map/0/conv2": np.zeros((2, 2), np.int16)},
    layers=("conv2",),
    epochs=(0,),
    task=np.zeros(2, np.int8),
    task_classes=("female", "male"),
    person=np.arange(2),
    atlas=b"",
    sprite=8,
    columns=2,
    attribute="Glasses",
    classes=("no glasses", "Glasses"),
    codes=np.array([0, 1], np.int8),
    labels=(),
)


@pytest.mark.parametrize("picture", [SCENE, REEL, TAPE], ids=lambda p: type(p).__name__)
def test_a_script_shows_no_word_that_is_not_in_its_data(picture):
    name, data = canvases.of(picture)
    used = set(re.findall(r"\bw(?:ords)?\.(\w+)", canvases.js(name)))
    used |= set(re.findall(r'"(\w+)"', " ".join(re.findall(r"words\[(.*?)\]", canvases.js(name)))))
    assert used <= set(data["words"])
    assert all(data["words"].values()) and json.dumps(data)


def test_canvases_speak_the_language_of_who_looks():
    assert canvases.of(TAPE)[1]["words"]["others"] == "1 other"
    speak("de")
    assert canvases.of(TAPE)[1]["words"]["batch"] == "Im Batch des Beobachteten: Brille"
    assert canvases.of(SCENE)[1]["classes"] == ["keine Brille", "Brille"]
    assert canvases.of(REEL)[1]["frames"][0]["title"] == "Epoche 1 von 2"
