"""An update as a row of numbers: what the readers of an attack see of it.

Source: the authors' code of Melis et al. (S&P 2019): absolute values of all tensors of two axes or more, the
maximum over a kernel, dense layers of more than 5,000 weights reduced to the maximum over their outputs, one
length.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

LARGEST = 5000
Floats = NDArray[np.float32]


def pooled(updates: Tensor, shapes: Sequence[torch.Size]) -> Floats:
    """updates [k, p], of parameters of these shapes, in order -> rows [k, d] of length one."""
    parts = updates.abs().split([shape.numel() for shape in shapes], 1)
    kept = [_of_tensor(part, shape) for part, shape in zip(parts, shapes, strict=True) if len(shape) > 1]
    rows = torch.cat([part for part in kept if part is not None], 1)
    return (rows / rows.norm(dim=1, keepdim=True).clamp_min(1e-12)).numpy()


def _of_tensor(values: Tensor, shape: torch.Size) -> Tensor | None:
    """[k, size] -> [k, d]; None where the authors leave a tensor out."""
    if len(shape) == 2:
        dense = values.unflatten(1, tuple(shape))
        return dense.amax(1) if shape.numel() > LARGEST else values
    maps = shape[0] * shape[1]
    return None if maps > LARGEST else values.reshape(len(values), maps, -1).amax(2)
