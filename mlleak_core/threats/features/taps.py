"""What every layer of a net says of pictures."""

from __future__ import annotations

import torch
from torch import Tensor

from mlleak_core.target.models import ConvNet, as_input

Activations = dict[str, Tensor]
"""layer -> [n, units]."""


def activations(net: ConvNet, pictures: Tensor) -> Activations:
    """Every layer's output for uint8 pictures [n, 3, 32, 32], in blocks."""
    with torch.no_grad():
        blocks = [net.taps(as_input(part)) for part in pictures.split(512)]
    return {layer: torch.cat([block[layer] for block in blocks]) for layer in net.layers}


def both_ways(net: ConvNet, pictures: Tensor) -> Activations:
    """Every layer's mean output for a face and its mirror image.

    Who has the picture can ask for both, and they differ by chance.
    """
    ahead, mirrored = activations(net, pictures), activations(net, pictures.flip(3))
    return {layer: ahead[layer].add_(mirrored[layer]).mul_(0.5) for layer in ahead}
