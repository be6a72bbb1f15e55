"""One process of a joint training of words over Flower: python -m tests.threats.backdoor.client ROLE …

It leads (serve), attacks (0), or trains honestly (1, 2). Without pytest: Flower's environment has none.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mlleak_core import disk
from mlleak_core.contract import drain
from mlleak_core.data.split import Split
from mlleak_core.defences.aggregator import Aggregator
from mlleak_core.defences.on_updates import CATALOGUE as RULES
from mlleak_core.server.desk import Desk
from mlleak_core.target import flower
from mlleak_core.target.federated import Federation
from mlleak_core.target.models import NextWordNet
from mlleak_core.target.reading import Reader, ReadingSettings
from mlleak_core.threats.backdoor.attacks import CATALOGUE, View
from mlleak_core.threats.backdoor.card import BackdoorSettings
from mlleak_core.threats.backdoor.crowd import Crowd
from mlleak_core.threats.backdoor.round import poisoned_as_honest, rules, workshop
from mlleak_core.threats.backdoor.words import of_lines

SETTINGS = BackdoorSettings(data="reviews", participants=10, epochs=1, after=0)
CLIENTS = 3


def opened(file: Path) -> Crowd:
    """Who has what, around the joint net that lies in `file`."""
    lines = drain(Desk().lines("reviews"))
    net = NextWordNet(len(lines.vocabulary), torch.Generator())
    net.load_state_dict({name: torch.from_numpy(values) for name, values in disk.read_tensors(file).items()})
    reader = Reader(
        settings=ReadingSettings(seed=SETTINGS.seed),
        split=Split.of_people(lines.person, SETTINGS.seed),
        net=net,
        perplexity=0.0,
        by_frequency=0.0,
        seconds=0.0,
        complete=True,
    )
    return of_lines(SETTINGS, lines, reader)


class Honest:
    def __init__(self, crowd: Crowd, who: int) -> None:
        self.crowd, self.who = crowd, who

    def sends(self, number: int, weights: Tensor, behind: int) -> Tensor:
        federation = Federation(self.crowd.net, self.crowd.shares, rules(SETTINGS))
        return federation.sent(np.array([self.who]), number, weights)[0]

    def ends(self, weights: Tensor, behind: int) -> float:
        return 0.0


class Attacker(Honest):
    """He knows the server's rule and how many take part, and replaces the model."""

    def __init__(self, crowd: Crowd, rule: Aggregator) -> None:
        super().__init__(crowd, 0)
        self.rule = rule

    def sends(self, number: int, weights: Tensor, behind: int) -> Tensor:
        view = View(
            workshop=workshop(SETTINGS, self.crowd, 200),
            rule=self.rule,
            claims=torch.ones(CLIENTS),
            places=(0,),
            honest=poisoned_as_honest(SETTINGS, self.crowd),
        )
        return drain(CATALOGUE["replacement"].run(view)).update


def main(role: str, address: str, read: str, kept: str, rule: str) -> None:
    """read: where the joint net lies; kept: where it is written after one round."""
    crowd = opened(Path(read))
    shapes = [p.shape for p in crowd.net.parameters()]
    if role == "serve":
        lead = flower.Lead(
            participants=CLIENTS,
            rounds=1,
            recipe="words",
            wait=120,
            on_round=lambda number, count: None,
            rule=RULES[rule],
        )
        served = flower.serve(crowd.joint.clone(), shapes, address, lead)
        assert served.took_part == [CLIENTS]
        disk.write_tensors(Path(kept), {"weights": served.weights.numpy()})
        return
    who = Attacker(crowd, RULES[rule]) if role == "0" else Honest(crowd, int(role))
    flower.join(who, shapes, who=int(role), server=address, recipe="words", wait=120)


if __name__ == "__main__":
    main(*sys.argv[1:])
