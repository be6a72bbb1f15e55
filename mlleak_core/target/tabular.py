"""Small nets for records, many at once: one batched matrix product trains all shadows of a block."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from mlleak_core.contract import Diverged
from mlleak_core.language import say
from mlleak_core.target.settings import TableSettings

BATCH = 128
Weights = list[Tensor]
"""Of k nets with one hidden layer: [k, d, h], [k, 1, h], [k, h, c], [k, 1, c]."""


def initial(width: int, classes: int, settings: TableSettings, seeds: Sequence[int]) -> Weights:
    """First weights of a net for each seed, uniform as those of torch.nn.Linear."""
    sizes = ((width, settings.hidden), (settings.hidden, classes))
    stacks: list[list[Tensor]] = [[], [], [], []]
    for seed in seeds:
        generator = torch.Generator().manual_seed(seed)
        for layer, (fan_in, fan_out) in enumerate(sizes):
            bound = 1 / math.sqrt(fan_in)
            for part, shape in enumerate(((fan_in, fan_out), (1, fan_out))):
                drawn = torch.empty(shape).uniform_(-bound, bound, generator=generator)
                stacks[2 * layer + part].append(drawn)
    return [torch.stack(s) for s in stacks]


def forward(weights: Weights, x: Tensor) -> Tensor:
    """Logits [k, b, c] for inputs [k, b, d] or [b, d]."""
    hidden = torch.relu(torch.matmul(x, weights[0]) + weights[1])
    return torch.matmul(hidden, weights[2]) + weights[3]


def train(
    x: NDArray[np.float32],
    y: NDArray[np.int64],
    members: Sequence[NDArray[np.int64]],
    settings: TableSettings,
    seeds: Sequence[int],
    classes: int,
    after_epoch: Callable[[Weights], None] | None = None,
) -> Weights:
    """Train one net a seed, each on its own members, all of one length. x [n, d], y [n].

    Raises Diverged when the loss leaves the numbers.
    """
    inputs, labels = torch.tensor(x), torch.tensor(y)
    weights = [w.requires_grad_() for w in initial(x.shape[1], classes, settings, seeds)]
    optimiser = torch.optim.AdamW(weights, settings.lr, weight_decay=0.0, fused=True)
    order = [torch.Generator().manual_seed(seed + 1_000_003) for seed in seeds]
    rows = torch.from_numpy(np.stack(members))
    for _ in range(settings.epochs):
        deals = zip(rows, order, strict=True)
        dealt = torch.stack([r[torch.randperm(len(r), generator=g)] for r, g in deals])
        for batch in dealt.split(BATCH, dim=1):
            logits = forward(weights, inputs[batch])
            loss = functional.cross_entropy(logits.flatten(0, 1), labels[batch].flatten()) * len(seeds)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
        if not torch.isfinite(loss):
            raise Diverged(say("A shadow diverged: its loss is no number any more. Lower the learning rate."))
        if after_epoch:
            after_epoch(weights)
    return [w.detach() for w in weights]


@torch.no_grad()
def logits(weights: Weights, x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Logits [k, n, c] of all nets for records [n, d]."""
    return forward(weights, torch.tensor(x)).numpy()
