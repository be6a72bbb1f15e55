"""A net that foretells the next word, taught on the words of many before a federation goes on with it, and
what it is worth: its perplexity on people whose words it never saw.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from mlleak_core.contract import BadInput, Diverged, Range, Settings, Step, Stop, now
from mlleak_core.data.lines import UNKNOWN, Lines
from mlleak_core.data.split import Split
from mlleak_core.language import mark, say
from mlleak_core.seeds import stream
from mlleak_core.target.federated import Share
from mlleak_core.target.models import NextWordNet
from mlleak_core.target.training import THREADS

BATCH = 256
HIDDEN = 0.02
"""Share of the words that are shown as UNKNOWN: else nothing would be learned of it where no word is rare."""
WARM_UP = 50
"""Batches until the learning rate is reached."""
LONG = 4096
"""Windows that are asked about at once."""

Rows = NDArray[np.int64]
Answer = Callable[[Tensor], Tensor]
"""From windows, int64 [n, WINDOW], to logits [n, v]: a net, or a federation with some weights."""


@dataclass(frozen=True)
class ReadingSettings(Settings):
    """How the joint net learns beforehand. Everything that can change its weights, but for the lines."""

    batches: Annotated[int, Range(10, 20000, 100, mark("Steps of AdamW, 256 windows each."))] = 1200
    lr: Annotated[float, Range(0.0001, 0.1, 0.001, mark("Peak learning rate; it falls as a cosine."))] = 0.004
    seed: Annotated[int, Range(0, 9999, 1, mark("Fixes who is read, the first weights and the batches."))] = 0


@dataclass(frozen=True, eq=False, kw_only=True)
class Reader:
    """A net that has read the members' words.

    perplexity: on the windows of the outsiders. by_frequency: the same of what says every word as often as
    the members do, whatever came before. complete: False where it was stopped.
    """

    settings: ReadingSettings
    split: Split
    net: NextWordNet
    perplexity: float
    by_frequency: float
    seconds: float
    complete: bool


def share(lines: Lines, rows: Rows) -> Share:
    """These windows as a net and a federation take them: int64 [n, WINDOW] and [n]."""
    tokens = torch.from_numpy(lines.tokens[rows].astype(np.int64))
    return tokens, torch.from_numpy(lines.following[rows])


@torch.no_grad()
def answered(answer: Answer, windows: Tensor) -> Tensor:
    """Logits [n, v] for windows, some thousand at a time."""
    return torch.cat([answer(part) for part in windows.split(LONG)])


@torch.no_grad()
def perplexity(answer: Answer, asked: Share) -> float:
    """exp of the mean cross-entropy of the words that follow: among how many equally likely words the net, so
    to say, still hesitates. Raises BadInput where nothing is asked.
    """
    windows, following = asked
    if not len(following):
        remedy = say("Leave some people out of the training.")
        raise BadInput(say("windows to measure on"), say("none"), remedy)
    lost = 0.0
    for part, truth in zip(windows.split(LONG), following.split(LONG), strict=True):
        lost += float(functional.cross_entropy(answer(part), truth, reduction="sum"))
    return math.exp(min(lost / len(following), 700.0))


def by_frequency(lines: Lines, learned: Rows, asked: Rows) -> float:
    """Perplexity on the rows `asked` of saying every word as often as it follows in the rows `learned`, each
    counted once more than it was seen: what a net must beat that has understood anything.
    """
    words = len(lines.vocabulary) - UNKNOWN - 1
    counts = np.bincount(lines.following[learned] - UNKNOWN - 1, minlength=words) + 1.0
    shares = np.log(counts / counts.sum())
    return float(np.exp(-shares[lines.following[asked] - UNKNOWN - 1].mean()))


def completes(answer: Answer, windows: Tensor, word: int) -> NDArray[np.bool_]:
    """Whether the likeliest next word of each window is this one [n]."""
    return (answered(answer, windows).argmax(1) == word).numpy()


def likeliest(lines: Lines, answer: Answer, text: str, count: int = 5) -> tuple[tuple[str, float], ...]:
    """How somebody's text goes on: the likeliest words of the vocabulary with their probabilities."""
    said = answered(answer, torch.from_numpy(lines.encode(text))[None])[0].softmax(0)
    values, places = said[UNKNOWN + 1 :].topk(min(count, len(said) - UNKNOWN - 1))
    words = (lines.vocabulary[place + UNKNOWN + 1] for place in places.tolist())
    return tuple(zip(words, values.tolist(), strict=True))


def learn(
    lines: Lines, settings: ReadingSettings, split: Split | None = None
) -> Generator[Step, None, Reader]:
    """Teach a net the members' words, all in one place. `Stop` thrown in returns what it has learned so far.

    Each step's peek carries the mean "loss" since the last one. Raises Diverged.
    """
    split, started, complete = split or Split.of_people(lines.person, settings.seed), now(), True
    torch.set_num_threads(THREADS)
    net = first_net(lines, settings.seed)
    try:
        yield from _teach(net, share(lines, split.members), settings)
    except Stop:
        complete = False
    return Reader(
        settings=settings,
        split=split,
        net=net.eval(),
        perplexity=perplexity(net, share(lines, split.outsiders)),
        by_frequency=by_frequency(lines, split.members, split.outsiders),
        seconds=now() - started,
        complete=complete,
    )


def first_net(lines: Lines, seed: int) -> NextWordNet:
    """A net that has read nothing yet."""
    drawn = int(stream(seed, "first weights of a reader").integers(2**62))
    return NextWordNet(len(lines.vocabulary), torch.Generator().manual_seed(drawn))


def _teach(net: NextWordNet, known: Share, settings: ReadingSettings) -> Generator[Step, None, None]:
    optimiser = torch.optim.AdamW(net.parameters(), settings.lr, weight_decay=0.01, fused=True)
    hidden, order = stream(settings.seed, "words a reader is not shown"), _batches(len(known[1]), settings)
    losses: list[float] = []
    for number in range(settings.batches):
        rows = torch.from_numpy(next(order))
        falling = 0.5 + 0.5 * math.cos(math.pi * number / settings.batches)
        optimiser.param_groups[0]["lr"] = settings.lr * min(1.0, (number + 1) / WARM_UP) * falling
        loss = functional.cross_entropy(net(_partly_hidden(known[0][rows], hidden)), known[1][rows])
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        losses.append(float(loss.detach()))
        if number % 10 == 9 or number == settings.batches - 1:
            yield _told(number + 1, settings.batches, losses)
            losses = []


def _batches(count: int, settings: ReadingSettings) -> Generator[Rows, None, None]:
    """Rows of batch after batch: everything once in random order, then all over again."""
    rng, left = stream(settings.seed, "batches of a reader"), np.empty(0, np.int64)
    while True:
        while len(left) < BATCH:
            left = np.concatenate([left, rng.permutation(count)])
        yield left[:BATCH]
        left = left[BATCH:]


def _partly_hidden(windows: Tensor, rng: np.random.Generator) -> Tensor:
    """Some words, but nowhere the emptiness before a beginning, as UNKNOWN."""
    hidden = torch.from_numpy(rng.random(windows.shape, np.float32) < HIDDEN)
    return torch.where(hidden & (windows > UNKNOWN), UNKNOWN, windows)


def _told(done: int, total: int, losses: list[float]) -> Step:
    loss = float(np.mean(losses))
    if not math.isfinite(loss):
        raise Diverged(say("The net that foretells words has left the numbers. Lower the learning rate."))
    return Step(done, total, say("batch {done} of {total}", done=done, total=total), {"loss": loss})
