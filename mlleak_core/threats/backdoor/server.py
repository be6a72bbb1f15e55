"""The server: the rules by which it makes one step out of the updates, and how it repairs the model after.

Sources: `defences.on_updates`; an outlier rule and clean fine-tuning together: Hammer and Anvil (2025).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from mlleak_core.defences.accounting import epsilon
from mlleak_core.defences.aggregator import Aggregator
from mlleak_core.defences.distances import norms
from mlleak_core.defences.on_updates import CATALOGUE, ClippedMean, Krum, MultiKrum
from mlleak_core.language import say
from mlleak_core.seeds import stream
from mlleak_core.target.federated import Share
from mlleak_core.threats.backdoor.card import ARMS, BackdoorSettings
from mlleak_core.threats.backdoor.poison import flat, loaded

REPAIRS, REPAIR_RATE, REPAIR_BATCH = 60, 0.01, 32
"""Steps of clean fine-tuning, their learning rate and batch."""
TUNED = {"tuning": "mean", "outliers-tuning": "outliers"}
"""Arms that repair, and the rule before."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Arm:
    """One way to defend: a rule, and whether the model is repaired after."""

    slug: str
    rule: Aggregator
    repairs: bool

    @property
    def title(self) -> str:
        title = self.rule.title
        return say("{rule}, then clean fine-tuning", rule=title) if self.repairs else title


def arm(slug: str, settings: BackdoorSettings, updates: Tensor, root: Callable[[], Tensor]) -> Arm:
    """A defence as this server sets it: it reckons with as many malicious ones as there are, and clips to the
    median length of the updates [k, p]. root: an update of the server's own records.
    """
    rule = CATALOGUE[TUNED.get(slug, "clip" if slug == "clip-noise" else slug)]
    if isinstance(rule, ClippedMean):
        noise = settings.noise if slug == "clip-noise" else 0.0
        middle = float(norms(updates).quantile(0.5))
        rule = dataclasses.replace(rule, norm=max(middle, 1e-6), noise=noise, seed=settings.seed)
    if isinstance(rule, Krum):
        rule = dataclasses.replace(rule, malicious=settings.attackers)
    if isinstance(rule, MultiKrum):
        honest = len(updates) - settings.attackers
        rule = dataclasses.replace(rule, malicious=settings.attackers, kept=max(1, honest - 2))
    if slug == "fltrust":
        rule = dataclasses.replace(rule, root=root)
    if slug == "flame":
        rule = dataclasses.replace(rule, seed=settings.seed)
    return Arm(slug=slug, rule=rule, repairs=slug in TUNED)


def check(settings: BackdoorSettings) -> None:
    """Raise BadInput where too few take part for the asked rule, before anything is trained."""
    if settings.aggregator == "all":
        return
    few = torch.randn(settings.in_a_round, 8, generator=torch.Generator().manual_seed(0))
    rule = arm(settings.aggregator, settings, few, lambda: few[0]).rule
    rule.in_round(0).whom(few, torch.ones(len(few)))


def arms(slug: str) -> tuple[str, ...]:
    """What `all` stands for."""
    return ARMS if slug == "all" else (slug,)


def privacy(settings: BackdoorSettings) -> float:
    """What a round with clipping and noise tells of one participant's presence: ε at δ = 1 / participants."""
    return epsilon(settings.noise, 1, settings.share, 1 / settings.participants)


def repaired(net: torch.nn.Module, weights: Tensor, root: Share, seed: int) -> Tensor:
    """The joint model [p] after a little training on the server's own clean records."""
    own, (x, y) = loaded(net, weights), root
    optimiser = torch.optim.SGD(own.parameters(), REPAIR_RATE, momentum=0.9)
    rng = stream(seed, "batches of a repair")
    for _ in range(REPAIRS):
        rows = torch.from_numpy(rng.choice(len(y), REPAIR_BATCH, replace=len(y) < REPAIR_BATCH))
        loss = functional.cross_entropy(own(x[rows]), y[rows])
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    return flat(own).detach()
