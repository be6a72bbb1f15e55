"""A threshold on what the target says of a record: how sure it is, how undecided. Light: no torch.

Sources: Yeom et al. (CSF 2018); Song & Mittal (USENIX Security 2021).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from numpy.typing import NDArray

from mlleak_core.contract import BadInput
from mlleak_core.language import mark, say
from mlleak_core.target.blackbox import LEAST_PROBABILITY
from mlleak_core.threats.membership.confidence import Floats, Rows, log_true
from mlleak_core.threats.membership.score_attack import ScoreAttack
from mlleak_core.threats.membership.view import Answers, Refs, Seen, View


@final
@dataclass(frozen=True)
class LossThreshold(ScoreAttack):
    """Members have a lower loss (Yeom et al. 2018). Setting: black box, no shadows. Score: log p_y."""

    slug: ClassVar[str] = "loss"
    title: ClassVar[str] = mark("Loss threshold")
    why: ClassVar[str] = mark("looks at the confidence alone: easy faces look like members")
    colour: ClassVar[str] = "#009E73"
    needs_shadows: ClassVar[bool] = False
    quick: ClassVar[bool] = True

    def score(self, seen: Seen, refs: Refs, view: View) -> Floats:
        return log_true(seen.logp[0], view.y)

    def alone(self, answers: Answers) -> Floats:
        return answers.true


@final
@dataclass(frozen=True)
class ModifiedEntropy(ScoreAttack):
    """Members are answered with less entropy about the true class (Song & Mittal 2021, eq. 7).

    Setting: black box; a threshold per class from the shadows, subtracted so that zero cuts every class
    alike.
    """

    slug: ClassVar[str] = "entropy"
    title: ClassVar[str] = mark("Modified entropy")
    why: ClassVar[str] = mark("looks at how undecided the answer is")
    colour: ClassVar[str] = "#8C8C8C"

    def score(self, seen: Seen, refs: Refs, view: View) -> Floats:
        own = -modified_entropy(refs.logp[:, 0], view.y)
        scores = -modified_entropy(seen.logp[0], view.y)
        for c in np.unique(view.y):
            at = view.y == c
            scores[at] -= _best_cut(own[:, at].ravel(), refs.inside[:, at].ravel())
        return scores

    def alone(self, answers: Answers) -> Floats:
        """One threshold for all classes."""
        if answers.logp is None:
            needs = say("logits, for {attack}", attack=say(self.title))
            raise BadInput(needs, say("losses alone"), say("Give columns logit_0, logit_1, …"))
        return -modified_entropy(answers.logp, answers.y)


def modified_entropy(logp: Floats, y: Rows) -> Floats:
    """-(1 - p_y) log p_y - sum_{i != y} p_i log(1 - p_i), of [..., n, c]."""
    p = np.exp(logp)
    own = np.arange(p.shape[-1]) == y[:, None]
    rest = np.where(own, 0.0, p * np.log(np.maximum(1 - p, LEAST_PROBABILITY)))
    true = log_true(logp, y)
    return np.asarray(-(1 - np.exp(true)) * true - rest.sum(-1))


def _best_cut(scores: Floats, inside: NDArray[np.bool_]) -> float:
    """The threshold of highest balanced accuracy on the attacker's own shadows."""
    if inside.all() or not inside.any():
        return float(np.median(scores))
    order = np.argsort(scores)
    members = inside[order]
    gap = np.cumsum(~members) / (~members).sum() - np.cumsum(members) / members.sum()
    return float(scores[order[int(gap.argmax())]])
