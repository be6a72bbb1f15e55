"""Who is carried off, in which code and by which encoding: settled before any training, and read back so."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mlleak_core.contract import BadInput, Step
from mlleak_core.data import Faces, Split
from mlleak_core.defences.on_weights import State
from mlleak_core.language import say
from mlleak_core.seeds import stream
from mlleak_core.target.blackbox import BlackBox, Local
from mlleak_core.target.models import ConvNet
from mlleak_core.target.training import picture_answers, shrink
from mlleak_core.threats.likeness import Pictures, one_photo_each, prepare
from mlleak_core.threats.reconstruction.capacity import Capacity, capacity, code_name, face_bits
from mlleak_core.threats.reconstruction.card import KEY, ReconstructionSettings
from mlleak_core.threats.reconstruction.carriers import carried
from mlleak_core.threats.reconstruction.codes import Bits, Code, make_code
from mlleak_core.threats.reconstruction.encodings import Encoding, Hidden, configured
from mlleak_core.threats.reconstruction.judge import Claim, Secret, View

PUBLIC = 0.2
"""Share of the people whom nobody trains on and the attacker may know: his code is made from their photos."""
FEWEST_PUBLIC = 50


@dataclass(frozen=True, eq=False, kw_only=True)
class Plan:
    """Who is carried off and in which code, before any training. x: all photos as the net takes them. key: of
    the hiding.
    """

    settings: ReconstructionSettings
    split: Split
    victims: NDArray[np.int64]
    code: Code
    encoding: Encoding
    room: Capacity
    bits: Bits
    secret: Secret
    public: Pictures
    x: NDArray[np.uint8]
    key: str = KEY

    @property
    def average(self) -> Pictures:
        """The mean public face [c, 32, 32]."""
        return self.public.mean(0)

    @property
    def hidden(self) -> Hidden:
        """What is to be carried off."""
        return Hidden(pictures=self.secret.pictures, bits=self.bits, key=self.key)

    def view(self, box: BlackBox | None = None, state: State | None = None, key: str = KEY) -> View:
        """What the attacker reads from: a service or a model file, and his code. The truth stays behind."""
        return View(
            code=self.code,
            faces=len(self.victims),
            bits=len(self.bits),
            key=key,
            average=self.average,
            box=box,
            weights=None if state is None else carried(state),
        )


def make_plan(settings: ReconstructionSettings, faces: Faces, key: str = KEY) -> Plan:
    """Split the people, draw whom to carry off, make the code. Raises BadInput where people are too few."""
    split = Split.by_person(faces, settings.seed, public=PUBLIC)
    x = shrink(faces).contiguous().numpy()
    victims = one_photo_each(faces, split.members, stream(settings.seed, "victims"), settings.faces)
    if len(victims) < settings.faces or len(split.public) < FEWEST_PUBLIC:
        expected = say(
            "{people} people to carry off and {photos} public photos",
            people=settings.faces,
            photos=FEWEST_PUBLIC,
        )
        got = say("{people} and {photos}", people=len(victims), photos=len(split.public))
        raise BadInput(expected, got, say("Use a larger data set or fewer faces."))
    candidates = prepare(x, settings.colour)
    pictures, public = candidates[victims], candidates[split.public]
    encoding, room = configured(settings), capacity(settings)
    code = make_code(code_name(settings), face_bits(settings), public)
    bits = encoding.hide(pictures, code, room.room, key)
    secret = Secret(pictures, faces.person[victims], candidates, faces.person, bits)
    return Plan(
        settings=settings,
        split=split,
        victims=victims,
        code=code,
        encoding=encoding,
        room=room,
        bits=bits,
        secret=secret,
        public=public,
        x=x,
        key=key,
    )


def answers_of(net: ConvNet) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """A net as a function from pictures uint8 [n, 3, 32, 32] to logits [n, 2]."""
    return lambda x: picture_answers(net, x, mirror=False)[0]


def net_of(state: State, name: str) -> ConvNet:
    net = ConvNet(name, torch.Generator())
    net.load_state_dict(dict(state))
    return net.to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload, no-any-return]


def read(
    plan: Plan, state: State, reveal: str = "probabilities", key: str = KEY
) -> Generator[Step, None, Claim]:
    """Read the faces back, by asking or out of the weights, as the encoding does."""
    if plan.encoding.asks:
        box = Local(answers_of(net_of(state, plan.settings.net)), 2, reveal)
        return (yield from plan.encoding.run(plan.view(box, key=key)))
    return (yield from plan.encoding.run(plan.view(state=state, key=key)))
