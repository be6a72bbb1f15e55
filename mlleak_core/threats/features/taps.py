"""What every layer of a net says of pictures."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from mlleak_core.seeds import stream
from mlleak_core.target.models import ConvNet, as_input

Activations = dict[str, Tensor]
"""layer -> [n, units]."""
BLOCK = 256
"""Pictures that go through a net at a time."""
ENOUGH_TO_NORMALISE = 1024


def activations(net: ConvNet, pictures: Tensor) -> Activations:
    """Every layer's output for uint8 pictures [n, 3, 32, 32]."""
    return _gathered(net, pictures, lambda part: net.taps(as_input(part)))


def both_ways(net: ConvNet, pictures: Tensor, without: str = "") -> Activations:
    """Every layer's mean output for a face and its mirror image, but for the layer `without`.

    Who has the picture can ask for both, and they differ by chance.
    """

    def mean(part: Tensor) -> Activations:
        seen = as_input(part)
        ahead, mirrored = net.taps(seen), net.taps(seen.flip(3))
        return {layer: (ahead[layer] + mirrored[layer]).mul_(0.5) for layer in ahead if layer != without}

    return _gathered(net, pictures, mean)


def _gathered(net: ConvNet, pictures: Tensor, taps: Callable[[Tensor], Activations]) -> Activations:
    """Block by block into arrays made once: a block stays in the processor's memory."""
    found: Activations = {}
    with torch.no_grad():
        for start in range(0, len(pictures), BLOCK):
            for layer, values in taps(pictures[start : start + BLOCK]).items():
                if layer not in found:
                    found[layer] = torch.empty(len(pictures), values.shape[1])
                found[layer][start : start + BLOCK] = values
    return found


def untrained(like: ConvNet, pictures: Tensor, seed: int, number: int) -> ConvNet:
    """The `number`-th net of this shape that was never trained, normalised on up to 1,024 of the pictures.

    Without that it would differ from a trained net for a reason that is not learning: batch normalisation
    (Ioffe & Szegedy 2015) takes its means and variances from the training pictures.
    """
    dice = stream(seed, "untrained nets", number)
    net = ConvNet(like.name, torch.Generator().manual_seed(int(dice.integers(2**62))))
    net = net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    chosen = torch.from_numpy(np.sort(dice.permutation(len(pictures))[:ENOUGH_TO_NORMALISE]))
    norms = [layer for layer in net.norms if isinstance(layer, nn.BatchNorm2d)]
    for layer in norms:
        layer.momentum = None  # a plain mean over the blocks
    net.train()
    with torch.no_grad():
        for part in chosen.tensor_split(-(-len(chosen) // BLOCK)) if norms else ():
            net(as_input(pictures[part]))
    return net.eval()
