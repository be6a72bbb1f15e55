"""Small nets with named layers that can be tapped. Parameters are drawn from an explicit generator only."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from mlleak_core.contract import BadInput
from mlleak_core.language import say
from mlleak_core.target.settings import NETS

INPUT_SIDE = 32
Drop = Tensor | None


class ConvNet(nn.Module):
    """Stages of 3x3 convolution, halved by 2x2 max pooling or by stride, and ReLU; one hidden layer; two
    logits.

    Pooled stages are normalised (batch normalisation, Ioffe & Szegedy 2015), after the pooling: a quarter of
    the work. A net is made in evaluation mode, in which it answers about each picture alone.
    """

    def __init__(self, name: str, generator: torch.Generator) -> None:
        super().__init__()
        self.name = name
        if name not in NETS:
            raise BadInput(
                say("a net: {known}", known=", ".join(NETS)), repr(name), say("Choose one of these.")
            )
        shape = NETS[name]
        widths, skip = (3, *shape.channels), torch.nn.utils.skip_init
        self.pooled, stride = not shape.strided, 2 if shape.strided else 1
        self.convs = nn.ModuleList(
            skip(nn.Conv2d, a, b, 3, padding=1, stride=stride)
            for a, b in zip(widths, widths[1:], strict=False)
        )
        self.norms = nn.ModuleList(
            nn.BatchNorm2d(width) if self.pooled else nn.Identity() for width in shape.channels
        )
        self.hidden = skip(
            nn.Linear, widths[-1] * (INPUT_SIDE // 2 ** len(shape.channels)) ** 2, shape.hidden
        )
        self.logits = skip(nn.Linear, shape.hidden, 2)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                _initialise(layer, generator)
        self.eval()

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of what can be tapped, from the input upwards."""
        return ("pixels", *(f"conv{i + 1}" for i in range(len(self.convs))), "hidden", "logits")

    def forward(self, x: Tensor, keep: Drop = None) -> Tensor:
        """Pictures [n, 3, 32, 32] to logits [n, 2]; `keep` [n, hidden] scales the hidden units (dropout)."""
        x = self.hidden(self.entering(x)).relu_()
        return self.logits(x if keep is None else x * keep)  # type: ignore[no-any-return]

    def features(self, x: Tensor) -> Tensor:
        """The hidden layer's units [n, hidden], from which the logits are made."""
        return functional.relu(self.hidden(self.entering(x)))

    def entering(self, x: Tensor) -> Tensor:
        """What enters the hidden layer [n, d]: the last stage's maps, or the pixels where there is none."""
        for stage in range(len(self.convs)):
            x = self._stage(stage, x)
        return x.flatten(1)

    def _stage(self, i: int, x: Tensor) -> Tensor:
        x = self.convs[i](x)
        return self.norms[i](_pooled(x) if self.pooled else x).relu_()  # type: ignore[no-any-return]

    def taps(self, x: Tensor) -> dict[str, Tensor]:
        """The output of every layer, each flattened to [n, units]."""
        found = {"pixels": _in_place(x)}
        for i in range(len(self.convs)):
            x = self._stage(i, x)
            found[f"conv{i + 1}"] = _in_place(x)
        found["hidden"] = functional.relu(self.hidden(x.flatten(1)))
        found["logits"] = self.logits(found["hidden"])
        return found


class WordNet(nn.Module):
    """Embeddings of the words that occur in a text, added up; one hidden layer; two logits.

    The embedding is a layer over which words occur [n, v]: a word that does not gets no gradient.
    """

    WIDTH, HIDDEN, LENGTH = 32, 64, 8.0

    def __init__(self, vocabulary: int, generator: torch.Generator) -> None:
        super().__init__()
        skip = torch.nn.utils.skip_init
        self.words = skip(nn.Linear, vocabulary, self.WIDTH)
        self.hidden = skip(nn.Linear, self.WIDTH, self.HIDDEN)
        self.logits = skip(nn.Linear, self.HIDDEN, 2)
        for layer in (self.words, self.hidden, self.logits):
            _initialise(layer, generator)
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        """Which words occur [n, v], of any type, to logits [n, 2]."""
        return self.logits(self.features(x))  # type: ignore[no-any-return]

    def features(self, x: Tensor) -> Tensor:
        """The hidden layer's units [n, hidden]. Every text has one length, however many its words are."""
        there = x.to(self.words.weight.dtype)
        there = there * (self.LENGTH / there.sum(1, keepdim=True).clamp_min(1).sqrt())
        return functional.relu(self.hidden(functional.relu(self.words(there))))


class NextWordNet(nn.Module):
    """What word follows: one recurrent layer over the words before, read with the embedding they came by.

    The layer is a gated recurrent unit (Cho et al., EMNLP 2014, reset after the product) in plain tensor
    operations, so that it may stand in a stack of nets; input and output weights are tied (Press & Wolf, EACL
    2017), as in the word model of Bagdasaryan et al. (AISTATS 2020).
    """

    WIDTH = 96

    def __init__(self, vocabulary: int, generator: torch.Generator) -> None:
        super().__init__()
        skip, width = torch.nn.utils.skip_init, self.WIDTH
        self.words = nn.Parameter(torch.empty(vocabulary, width))
        self.frequent = nn.Parameter(torch.zeros(vocabulary))
        self.enter, self.recur = skip(nn.Linear, width, 3 * width), skip(nn.Linear, width, 3 * width)
        nn.init.normal_(self.words, std=width**-0.5, generator=generator)
        for layer in (self.enter, self.recur):
            _initialise(layer, generator)
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        """Words before, int64 [n, window], to logits [n, v] of the next one."""
        return functional.linear(self.features(x), self.words, self.frequent)

    def features(self, x: Tensor) -> Tensor:
        """The layer's units after the last word [n, WIDTH], from which the logits are made."""
        entering = self.enter(functional.embedding(x, self.words))
        state = torch.zeros_like(entering[:, 0, : self.WIDTH])
        for place in range(x.shape[1]):
            state = self._next(entering[:, place], state)
        return state

    def _next(self, entering: Tensor, state: Tensor) -> Tensor:
        recurring, gated = self.recur(state), 2 * self.WIDTH
        gates = torch.sigmoid(entering[:, :gated] + recurring[:, :gated])
        reset, kept = gates.split(self.WIDTH, 1)
        drafted = torch.tanh(entering[:, gated:] + reset * recurring[:, gated:])
        return drafted + kept * (state - drafted)


def _pooled(x: Tensor) -> Tensor:
    """2x2 max pooling; where nothing is learned, by two maxima of halves: the same in a third of the time."""
    if torch.is_grad_enabled():
        return functional.max_pool2d(x, 2)
    high = torch.maximum(x[:, :, ::2], x[:, :, 1::2])
    return torch.maximum(high[..., ::2], high[..., 1::2])


def _in_place(x: Tensor) -> Tensor:
    """[n, units] in the order of memory, so that nothing is copied."""
    return x.permute(0, 2, 3, 1).flatten(1)


def _initialise(layer: nn.Conv2d | nn.Linear, generator: torch.Generator) -> None:
    """PyTorch's own default (He et al. 2015, uniform), drawn from our generator."""
    nn.init.kaiming_uniform_(layer.weight, a=math.sqrt(5), generator=generator)
    assert layer.bias is not None
    bound = 1 / math.sqrt(layer.weight[0].numel())
    nn.init.uniform_(layer.bias, -bound, bound, generator=generator)


def as_input(pictures: Tensor, kind: torch.dtype = torch.float32) -> Tensor:
    """uint8 [n, 3, 32, 32] to what the net sees, in [-2, 2): multiples of 1/64, which bfloat16 holds exactly,
    too.
    """
    return pictures.to(kind).mul_(1 / 64).sub_(2)


Device = Literal["auto", "cpu", "cuda", "mps"]


def pick_device(wish: str) -> torch.device:
    """The device asked for; `auto` takes CUDA, then Apple's GPU, then the CPU."""
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wish == "auto":
        return torch.device(next(name for name, ok in there.items() if ok))
    if not there.get(wish, False):
        raise BadInput("a device of this machine", repr(wish), "Use --device auto or cpu.")
    return torch.device(wish)
