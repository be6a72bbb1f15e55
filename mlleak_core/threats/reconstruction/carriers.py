"""The weights that can carry something, as one row: read, replaced, and held on to while a net learns."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mlleak_core.defences.on_weights import State, carriers

Row = NDArray[np.float32]


def carried(state: State) -> Row:
    """All carriers' weights, the largest layer first, [P]."""
    return torch.cat([state[n].detach().contiguous().flatten() for n in carriers(state)]).cpu().numpy()


def with_weights(state: State, weights: Row) -> dict[str, Tensor]:
    """The same model with its carriers' weights [P] replaced."""
    changed, start = dict(state), 0
    for name in carriers(state):
        shape, size = state[name].shape, state[name].numel()
        changed[name] = torch.from_numpy(weights[start : start + size].reshape(shape).copy())
        start += size
    return changed


def first_of(net: torch.nn.Module, count: int) -> Tensor:
    """The first `count` carriers' weights of a net in training, differentiable, [count]."""
    state = dict(net.named_parameters())
    parts, have = [], 0
    for name in carriers(state):
        parts.append(state[name].flatten()[: count - have])
        have += len(parts[-1])
        if have == count:
            break
    return torch.cat(parts)
