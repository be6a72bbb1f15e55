"""Who is carried off, in which code and by which encoding: settled before any training, and read back by the same."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mlleak_core.threats.reconstruction.encodings import (
    CapacityAbuse,
    Claim,
    CorrelatedValues,
    Encoding,
    LeastSignificantBits,
    Secret,
    SignEncoding,
    View,
    stage,
)
from mlleak_core.target.blackbox import BlackBox, Local, Reveal
from mlleak_core.threats.reconstruction.capacity import Capacity, capacity, face_bits
from mlleak_core.threats.reconstruction.codes import Bits, Code, Pictures, PixelCode, make_code, prepare
from mlleak_core.contract import BadInput, Step
from mlleak_core.data import Faces, Split
from mlleak_core.threats.reconstruction.forensics import State
from mlleak_core.target.models import ConvNet
from mlleak_core.target.settings import ReconstructionSettings
from mlleak_core.target.training import picture_answers, shrink

PUBLIC = 0.2
"""Share of the people whom nobody trains on and the attacker may know: his code is made from their photos."""
KEY = "mlleak"


@dataclass(frozen=True, eq=False)
class Plan:
    """Who is carried off and in which code; settled before any training. x: all photos as the net takes them."""

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

    def view(self, box: BlackBox | None = None, state: State | None = None, key: str = KEY) -> View:
        """What the attacker reads from."""
        return stage(self.code, len(self.victims), len(self.bits), key, self.public, box, state)


def encoding_of(settings: ReconstructionSettings) -> Encoding:
    """The encoding with its knobs; a strength of 0 is the paper's."""
    made: dict[str, Callable[[], Encoding]] = {
        "cap": lambda: CapacityAbuse(settings.inputs, settings.parity),
        "cor": lambda: CorrelatedValues(settings.strength or 1.0),
        "sgn": lambda: SignEncoding(settings.strength or 50.0, settings.parity),
        "lsb": lambda: LeastSignificantBits(settings.low_bits),
    }
    return made[settings.attack]()


def make_plan(settings: ReconstructionSettings, faces: Faces) -> Plan:
    """Split the people, draw whom to carry off, make the code from public faces. Raises BadInput where people are too few."""
    split = Split.by_person(faces, settings.seed, public=PUBLIC)
    x = shrink(faces).contiguous().numpy()
    room = capacity(settings)
    rng = np.random.default_rng([settings.seed, 91])
    order = rng.permutation(split.members)
    _, first = np.unique(faces.person[order], return_index=True)
    victims = order[np.sort(first)][: settings.faces]
    if len(victims) < settings.faces or len(split.public) < 50:
        raise BadInput(
            f"{settings.faces} people to carry off and 50 public photos", f"{len(victims)} and {len(split.public)}",
            "Use a larger data set or fewer faces.",
        )  # fmt: skip
    pictures, public = prepare(x[victims], settings.colour), prepare(x[split.public], settings.colour)
    encoding, channels = encoding_of(settings), pictures.shape[1]
    code: Code = PixelCode(8, channels)
    bits = np.zeros(0, np.uint8)
    if isinstance(encoding, CapacityAbuse | SignEncoding):
        code = make_code(settings.code, face_bits(settings), public)
        bits = code.encode(pictures).ravel()[: room.carried]
    elif isinstance(encoding, LeastSignificantBits):
        bits, _ = encoding.payload(pictures, KEY, room.room)
    secret = Secret(pictures, faces.person[victims], bits, prepare(x, settings.colour), faces.person)
    return Plan(settings, split, victims, code, encoding, room, bits, secret, public, x)


def answers_of(net: ConvNet) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """A net as a function from pictures uint8 [n, 3, 32, 32] to logits [n, 2]."""
    return lambda x: picture_answers(net, x, mirror=False)[0]


def net_of(state: State, name: str) -> ConvNet:
    net = ConvNet(name, torch.Generator())
    net.load_state_dict(dict(state))
    return net.to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload, no-any-return]


def read(plan: Plan, state: State, reveal: Reveal = "probabilities", key: str = KEY) -> Generator[Step, None, Claim]:
    """Read the faces back: by asking (CAP), or out of the weights."""
    if isinstance(plan.encoding, CapacityAbuse):
        box = Local(answers_of(net_of(state, plan.settings.net)), 2, reveal)
        return (yield from plan.encoding.run(plan.view(box, key=key)))
    return (yield from plan.encoding.run(plan.view(state=state, key=key)))
