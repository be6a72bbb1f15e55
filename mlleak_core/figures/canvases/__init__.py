"""What the browser draws by itself: a file each of JavaScript and CSS, and the plain data that they take.

The same canvases stand on pages and in reports; whoever shows one adds to its data what is his alone. Their
words are data too, said in the language of who looks.
"""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlleak_core.figures.look import BLUE, GREEN, GREY, ORANGE, PINK, YELLOW
from mlleak_core.figures.scenes import LAYER_NAMES, Frame, Reel, Scene, Tape
from mlleak_core.language import Said, again, mark, plural, say

HERE = Path(__file__).parent
FACE_MAP, FACE_REEL, ROUND_TAPE = "face_map", "face_reel", "round_tape"
FEW = (BLUE, ORANGE, GREEN, PINK, YELLOW)
TEN = (
    "#0072B2",
    "#1E76A8",
    "#3C7B9E",
    "#597F95",
    "#77848B",
    "#8F8277",
    "#A07959",
    "#B2703C",
    "#C3671E",
    "#D55E00",
)

MAP_WORDS = {
    "layers": mark("Layers"),
    "stage": mark(
        "Map of faces: left and right change the epoch, up and down the layer, space plays, n and p go "
        "through the faces, Enter pins, Escape clears"
    ),
    "play": mark("Play through the epochs"),
    "pause": mark("Pause"),
    "epoch": mark("Epoch"),
    "view": mark("View"),
    "keys": mark(
        "← → epoch · ↑ ↓ layer · space plays · n p next face · click or Enter pins a person · drag to "
        "lasso · esc clears"
    ),
    "untrained": mark("untrained"),
    "at": mark("epoch {epoch} of {last}"),
    "now": mark("Now showing {layer}, {epoch}."),
    "person": mark("Person {n}"),
    "pinned": mark("pinned, click to let go"),
    "pin": mark("click to pin"),
    "chosen": mark("{n} faces: {a} {first}, {b} {second}"),
    "linear": mark("linear"),
}
REEL_WORDS = {
    "group": mark("Training photos, each above what was read back of it"),
    "truth": mark("{name}, the training photo"),
    "found": mark("{name}, as read back"),
    "play": mark("▶ Play"),
    "pause": mark("❚❚ Pause"),
    "below": mark("What to show below the training photos"),
}
TAPE_WORDS = {
    "slider": mark("round"),
    "play": mark("▶ Play"),
    "pause": mark("❚❚ Pause"),
    "attacker": mark("the attacker, who takes part"),
    "victim": mark("the one who is watched"),
    "posterior": mark("how probable the attacker holds it, each round that he looks at"),
    "control": mark("the same training without it"),
    "bet": mark("your bet"),
    "alarm": mark("the attacker's alarm"),
    "hidden": mark("In the watched one's batch: hidden until you bet"),
    "bars": mark("What the attacker makes of the joint model's steps"),
    "below": mark("The same training without it"),
    "round": mark("round {n}"),
    "sure": mark("round {n}: {sure}% sure"),
    "enter": mark("Enter bets on this round."),
}
"""By name, what the scripts show; they fill in the fields themselves."""


def css(name: str) -> str:
    """The style sheet of a canvas."""
    return (HERE / f"{name}.css").read_text(encoding="utf-8")


def js(name: str) -> str:
    """The module of a canvas: its default export takes {data, parentElement, setStateValue}."""
    return (HERE / f"{name}.js").read_text(encoding="utf-8")


def markup(name: str) -> str:
    """The element that a canvas looks for."""
    return f'<div class="{name.replace("_", "-")}"></div>'


def of(picture: Scene | Reel | Tape) -> tuple[str, dict[str, Any]]:
    """Which canvas draws a picture, and its data."""
    match picture:
        case Scene():
            return FACE_MAP, scene(picture)
        case Reel():
            return FACE_REEL, reel(picture)
        case Tape():
            return ROUND_TAPE, tape(picture)


def scene(shown: Scene) -> dict[str, Any]:
    """A map as the canvas takes it; before the reveal without the attribute."""
    codes = shown.codes
    return {
        "id": shown.name,
        "n": len(shown.task),
        "layers": list(shown.layers),
        "epochs": list(shown.epochs),
        "frames": {k: _text(v, np.int16) for k, v in shown.frames.items()},
        "layer": shown.layer,
        "layerNames": {layer: say(name) for layer, name in LAYER_NAMES.items()},
        "task": _text(shown.task, np.int8),
        "taskClasses": _all(shown.task_classes),
        "person": _text(shown.person, np.int32),
        "codes": None if codes is None else _text(codes, np.int8),
        "classes": _all(shown.classes),
        "colours": [] if codes is None else colours_for(shown.classes, codes),
        "atlas": base64.b64encode(shown.atlas).decode(),
        "sprite": shown.sprite,
        "columns": shown.columns,
        "compact": False,
        "pinned": -1,
        "keeps": False,
        "hidden": say("{attribute}: guess first", attribute=_shown(shown.attribute)),
        "labels": [] if codes is None else [_label(*label) for label in shown.labels],
        "people": _all(shown.people) if shown.people is not None else None,
        "alt": say(
            "Map of {n} held-out faces; near means alike to the layer. Colour: {attribute}.",
            n=len(shown.task),
            attribute=_shown(shown.attribute),
        ),
        "words": _words(MAP_WORDS),
    }


def colours_for(classes: Sequence[str], codes: NDArray[np.int8]) -> list[str | None]:
    """One meaning a colour: of two classes only the second is coloured; an ordered ten run from blue to
    orange; else the commonest class is left grey, so that the others can be seen.
    """
    if len(classes) == 2:
        return [None, ORANGE]
    if len(classes) > len(FEW):
        return [TEN[round(i * 9 / (len(classes) - 1))] for i in range(len(classes))]
    if len(classes) == 3:
        return [BLUE, GREY, ORANGE]
    commonest = int(np.bincount(codes[codes >= 0], minlength=1).argmax())
    others = iter((ORANGE, BLUE, *FEW[2:]))
    return [None if k == commonest else next(others) for k in range(len(classes))]


def reel(shown: Reel) -> dict[str, Any]:
    """Faces that emerge as the canvas takes them: of all, or of the first `show`."""
    return {
        "name": shown.name,
        "atlas": base64.b64encode(shown.atlas).decode(),
        "columns": len(shown.names),
        "rows": shown.rows,
        "count": shown.show or len(shown.names),
        "names": _all(shown.names),
        "frames": [_frame(each) for each in shown.frames],
        "others": [_frame(each) for each in shown.others],
        "first": _shown(shown.first),
        "clock": _shown(shown.clock),
        "autoplay": shown.autoplay,
        "words": _words(REEL_WORDS),
    }


def tape(shown: Tape) -> dict[str, Any]:
    """The rounds of a joint training as the canvas takes them."""
    title = _shown(shown.title)
    return {
        "name": shown.name,
        "rounds": shown.rounds,
        "at": shown.at.tolist(),
        "posterior": _rounded(shown.posterior),
        "present": None if shown.present is None else [int(p) for p in shown.present],
        "controlAt": None if shown.control_at is None else shown.control_at.tolist(),
        "control": None if shown.control is None else _rounded(shown.control),
        "alarm": shown.alarm,
        "bet": shown.bet,
        "participants": shown.participants,
        "title": title,
        "betting": False,
        "playing": False,
        "words": _words(TAPE_WORDS) | _of_tape(title, shown.rounds, shown.participants),
    }


def _of_tape(title: str, rounds: int, participants: int) -> dict[str, str]:
    """Words of one tape alone."""
    tape = say(
        "Tape of {rounds} rounds: how probable the attacker holds it that the others have {title}.",
        rounds=rounds,
        title=title,
    )
    return {
        "tape": tape,
        "truth": say("{title} in the batch: the truth", title=title),
        "batch": say("In the watched one's batch: {title}", title=title),
        "others": plural("{n} other", "{n} others", participants - 2),
    }


def _frame(shown: Frame) -> dict[str, Any]:
    return dataclasses.asdict(shown) | {"title": _shown(shown.title), "note": _shown(shown.note)}


def _words(marked: Mapping[str, str]) -> dict[str, str]:
    return {name: say(message) for name, message in marked.items()}


def _shown(words: str) -> str:
    """A name or a message, said or not, in the language of who looks."""
    return str(again(words) if isinstance(words, Said) else say(words))


def _all(words: Sequence[str]) -> list[str]:
    return [_shown(each) for each in words]


def _rounded(values: NDArray[Any]) -> list[float]:
    return [round(float(value), 3) for value in values]


def _label(name: str, classes: Sequence[str], codes: NDArray[np.int8]) -> dict[str, Any]:
    return {"name": _shown(name), "classes": _all(classes), "codes": _text(codes, np.int8)}


def _text(values: NDArray[Any], kind: type) -> str:
    return base64.b64encode(np.ascontiguousarray(values, kind).tobytes()).decode()
