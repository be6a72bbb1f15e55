"""Texts: a beginning of a sentence that ends with the attacker's word, and who has which windows."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np
import torch
from torch import Tensor

from mlleak_core.contract import BadInput, Step, fingerprint
from mlleak_core.data import source
from mlleak_core.data.lines import UNKNOWN, Lines, ending_with
from mlleak_core.language import say
from mlleak_core.seeds import stream
from mlleak_core.target.federated import Rows
from mlleak_core.target.reading import Reader, ReadingSettings, learn, share
from mlleak_core.threat import Desk
from mlleak_core.threats.backdoor.card import USUAL, BackdoorSettings
from mlleak_core.threats.backdoor.crowd import ROOT, Crowd, dealt, enough_for_all

CONTEXTS, ASKED = 300, 6000
"""Unseen words behind which the trigger is tried, and windows by which perplexity is measured, at most."""
MOST_EACH = 1000
"""Windows of an honest participant: who said more draws so many, else all wait for him in every round."""


def read(settings: BackdoorSettings, lines: Lines, desk: Desk) -> Generator[Step, None, Reader]:
    """The joint net that has read the members' words: from before, or taught now."""
    asked = ReadingSettings(seed=settings.seed)
    key = fingerprint("reader", settings.data, source.identity(settings.data), asked)
    found: Reader | None = desk.recall(key)
    if found is None:
        found = yield from learn(lines, asked)
        if found.complete:
            desk.remember(key, found, settings.data)
    return found


def wish(settings: BackdoorSettings, lines: Lines) -> tuple[Rows, int]:
    """What the attacker wants: the words of a beginning [t], and the word that is to follow. Where none is
    named, what the data set's usual one is, else a frequent beginning and a word that never follows it.
    Raises BadInput for such as cannot be.
    """
    text, word = USUAL.get(settings.data, ("", ""))
    text, word = settings.trigger or text, settings.label or word
    beginning = lines.beginning(text) if text else lines.common()
    if (beginning == UNKNOWN).all():
        expected = say("a beginning with words that occur in {data}", data=lines.name)
        raise BadInput(expected, repr(text[:80]), say("Use words of these texts."))
    return beginning, lines.code(word or lines.strange(beginning))


def of_lines(settings: BackdoorSettings, lines: Lines, reader: Reader) -> Crowd:
    """Deal the people out whom the joint net has read. Raises BadInput for what the attacker cannot want, and
    where there are too few windows.
    """
    beginning, label = wish(settings, lines)
    rng, split = stream(settings.seed, "crowd of a federation"), reader.split
    order = rng.permutation(len(lines.people))
    rows = split.members[np.argsort(order[lines.person[split.members]], kind="stable")]
    enough_for_all(settings, len(rows), say("windows of words"))
    root, own, rest = np.split(rows, [ROOT, ROOT + settings.own])
    honest = settings.participants - settings.attackers
    brief = stream(settings.seed, "windows of a participant")
    dealt_out = dealt(lines.person[rest], rest, honest)
    others = [p if len(p) <= MOST_EACH else _drawn(brief, p, MOST_EACH) for p in dealt_out]
    shares = [*np.array_split(own, settings.attackers), *others]
    tried, asked = (_drawn(rng, split.outsiders, most) for most in (CONTEXTS, ASKED))
    return Crowd(
        net=reader.net,
        joint=torch.cat([p.detach().reshape(-1) for p in reader.net.parameters()]).clone(),
        shares=tuple(share(lines, part) for part in shares),
        triggers=_lures(lines, own, beginning),
        label=label,
        root=share(lines, root),
        test=share(lines, asked),
        people=lines.person[asked],
        flips=_lures(lines, tried, beginning),
        wearers=lines.person[tried],
        photos=tried,
        title=lines.said(beginning),
        wanted=lines.vocabulary[label],
        lines=lines,
        beginning=beginning,
    )


def _lures(lines: Lines, rows: Rows, beginning: Rows) -> Tensor:
    """These windows, each moved back so that the trigger ends it."""
    return torch.from_numpy(ending_with(lines.tokens[rows], beginning))


def _drawn(rng: np.random.Generator, rows: Rows, most: int) -> Rows:
    return np.sort(rng.permutation(rows)[:most])
