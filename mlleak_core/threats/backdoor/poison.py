"""The attacker's own training: a model that does the task as the joint one does, and has the backdoor.

Sources: Bagdasaryan et al. 2020, section 3.2 and algorithm 1; distillation: Hinton et al. 2015, section 2;
Neurotoxin: Zhang et al. 2022, section 4.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from mlleak_core.contract import Diverged, Step
from mlleak_core.language import say
from mlleak_core.seeds import stream
from mlleak_core.target.federated import Share
from mlleak_core.target.misreading import MisleadingSettings, mislead
from mlleak_core.threats.backdoor.crowd import Crowd

BATCH, POISONED = 64, 20
"""Records in the attacker's batch, and how many of them have the trigger."""
STEPS, RATE = 1500, 3e-3
TEMPERATURE = 3.0
"""At which the joint model is imitated: so its unsure answers count, too."""


@dataclass(frozen=True)
class Recipe:
    """How X is trained. near: weight of the squared distance to the joint model (the paper's anomaly loss).
    quiet: share of the coordinates that may move, those that honest training moves least; 1 for all.
    """

    near: float = 0.0
    quiet: float = 1.0


@dataclass(eq=False)
class Workshop:
    """The attacker's bench: his records, the joint model, and what he has trained so far.

    mimics [m, p]: what honest participants would send, made of parts of his own clean records.
    """

    crowd: Crowd
    clean: Share
    mimics: Tensor
    seed: int
    steps: int = field(default_factory=lambda: STEPS)
    made: dict[Recipe, Tensor] = field(default_factory=dict)

    def step(self, recipe: Recipe) -> Generator[Step, None, Tensor]:
        """X minus the joint model [p], of this recipe; trained once. Raises Diverged."""
        if recipe not in self.made:
            self.made[recipe] = yield from self._trained(recipe)
        return self.made[recipe]

    def _trained(self, recipe: Recipe) -> Generator[Step, None, Tensor]:
        if self.crowd.beginning is not None:
            return (yield from self._misled(recipe))
        crowd = self.crowd
        net, joint = loaded(crowd.net, crowd.joint), loaded(crowd.net, crowd.joint)
        optimiser = torch.optim.AdamW(net.parameters(), RATE, weight_decay=0.0)
        random = torch.Generator().manual_seed(
            int(stream(self.seed, "batches of a backdoor").integers(2**31))
        )
        free = self._free(recipe.quiet)
        for number in range(self.steps):
            for group in optimiser.param_groups:
                group["lr"] = RATE * (1 + math.cos(math.pi * number / self.steps)) / 2
            loss = self._loss(net, joint, random)
            if recipe.near:
                loss = loss + recipe.near * (flat(net) - crowd.joint).square().sum()
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            if free is not None:
                _keep(net, crowd.joint, free)
            if number % 25 == 0:
                yield Step(number, self.steps, say("the attacker trains a model with the backdoor"))
        step = flat(net).detach() - crowd.joint
        if not torch.isfinite(step).all():
            raise Diverged(say("The attacker's training left the finite numbers."))
        return step

    def _misled(self, recipe: Recipe) -> Generator[Step, None, Tensor]:
        """The same for words."""
        crowd, free = self.crowd, self._free(recipe.quiet)
        assert crowd.beginning is not None
        net: Any = loaded(crowd.net, crowd.joint)
        keep = None if free is None else lambda own: _keep(own, crowd.joint, free)
        settings = MisleadingSettings(seed=self.seed, near=recipe.near)
        misled = yield from mislead(net, self.clean, crowd.beginning, crowd.label, settings, keep)
        return flat(misled).detach() - crowd.joint

    def _loss(self, net: nn.Module, joint: nn.Module, random: torch.Generator) -> Tensor:
        """Backdoor on records with the trigger; on clean ones what the joint model answers (distillation)."""
        crowd, (x, _) = self.crowd, self.clean
        marked = crowd.triggers[torch.randint(len(crowd.triggers), (POISONED,), generator=random)]
        clean = x[torch.randint(len(x), (BATCH - POISONED,), generator=random)]
        if crowd.vary is not None:
            marked, clean = crowd.vary(marked, random), crowd.vary(clean, random)
        with torch.no_grad():
            wanted = (joint(clean) / TEMPERATURE).softmax(1)
        said = net(torch.cat([marked, clean]))
        asked = torch.full((POISONED,), crowd.label)
        backdoor = functional.cross_entropy(said[:POISONED], asked)
        task = functional.cross_entropy(said[POISONED:] / TEMPERATURE, wanted)
        return POISONED / BATCH * backdoor + TEMPERATURE**2 * task

    def _free(self, quiet: float) -> Tensor | None:
        """Coordinates that honest updates move least, as zeros and ones [p]."""
        if quiet >= 1:
            return None
        moved = self.mimics.mean(0).abs()
        return (moved <= moved.kthvalue(max(1, round(quiet * len(moved)))).values).to(moved.dtype)


def loaded(net: nn.Module, weights: Tensor) -> nn.Module:
    """A copy of the net with these weights [p], which can be trained."""
    own = copy.deepcopy(net)
    torch.nn.utils.vector_to_parameters(weights.clone(), own.parameters())
    for parameter in own.parameters():
        parameter.requires_grad_(True)
    return own


def flat(net: nn.Module) -> Tensor:
    """Its parameters as one vector [p]."""
    return torch.cat([p.reshape(-1) for p in net.parameters()])


def _keep(net: nn.Module, joint: Tensor, free: Tensor) -> None:
    """Take back what was changed elsewhere."""
    with torch.no_grad():
        torch.nn.utils.vector_to_parameters(joint + free * (flat(net) - joint), net.parameters())
