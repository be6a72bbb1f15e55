"""What all attacks share: asking, constants chosen on own shadows, p-values. Light: no torch."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from mlleak_core.contract import BadInput, Step
from mlleak_core.language import say
from mlleak_core.threat import Attack
from mlleak_core.threats.membership.confidence import Floats, log_probabilities
from mlleak_core.threats.membership.view import Answers, Claim, Refs, Seen, View

EARLY = 0.1
"""False positives up to which an attacker looks when he chooses his constants."""
STAND_INS = 8
"""Own shadows that are attacked in the target's place, to learn how non-members score."""


class ScoreAttack(Attack):
    """An attack that turns answers into scores. Abstract: a subclass writes `score`.

    views: in how many ways it asks for a record, for pictures also mirrored; not in such as training did not
    use, unless `untaught`. needs_shadows: without them it says something else. quick: judged again and again
    while shadows come in. The p-values come from the attacker's own shadows, attacked in the target's place:
    he knows who was in them.
    """

    views: ClassVar[int] = 1
    untaught: ClassVar[bool] = False
    needs_population: ClassVar[bool] = False
    needs_shadows: ClassVar[bool] = True
    null_from_shadows: ClassVar[bool] = True
    quick: ClassVar[bool] = False

    def score(self, seen: Seen, refs: Refs, view: View) -> Floats:
        """Higher = more likely a member, [n]."""
        raise NotImplementedError

    def alone(self, answers: Answers) -> Floats:
        """Scores [n] from answers alone: no shadows, nobody to ask. Raises BadInput where that is not
        enough.
        """
        needs = say("a model to train shadows for and to ask, for {attack}", attack=say(self.title))
        raise BadInput(needs, say("a table of answers"), say("Attack the model itself."))

    def run(self, view: View) -> Generator[Step, None, Claim]:
        if self.needs_population and not len(view.z_y):
            needs = say("records that nobody trained on, for {attack}", attack=say(self.title))
            raise BadInput(needs, say("none in this pool"), say("Use the leaky preset."))
        before = view.box.queries
        yield Step(0, 2, say("{attack} asks", attack=say(self.title)))
        seen = self.ask(view)
        yield Step(1, 2, say("{attack} scores", attack=say(self.title)))
        best = self.tuned(view)
        scores = best.score(seen, view.refs, view)
        queries = view.box.queries - before
        wanted = view.named and self.null_from_shadows
        return Claim(scores, best.p_values(scores, view) if wanted else None, queries)

    def looks(self, view: View) -> int:
        """In how many ways it asks for each record."""
        most = self.views if self.untaught else min(self.views, view.taught)
        return min(most, view.refs.logp.shape[1])

    def ask(self, view: View) -> Seen:
        q = self.looks(view)

        def answers(x: NDArray[Any]) -> Floats:
            shown = (np.ascontiguousarray(v) for v in view.kind.views(x)[:q])
            return np.stack([log_probabilities(view.box.ask(v)) for v in shown])

        z = answers(view.z_x) if self.needs_population else np.empty((q, 0, view.refs.logp.shape[-1]))
        return Seen(answers(view.x), z)

    def candidates(self) -> tuple[Self, ...]:
        """The constants that it may take, the usual ones first."""
        return (self,)

    def tuned(self, view: View) -> Self:
        """With the constants that do best against own shadows in the target's place: the target is not
        asked.
        """
        tried = self.candidates()
        if len(tried) == 1 or len(view.refs.logp) < 3:
            return tried[0]
        return max(tried, key=lambda attack: attack.strength(view))

    def strength(self, view: View) -> float:
        """Mean over the stand-ins of the AUC of those records that most look like members."""
        return float(np.mean([_early_auc(scores, inside) for scores, inside in self._posing(view)]))

    def _posing(self, view: View) -> Iterator[tuple[Floats, NDArray[np.bool_]]]:
        """Scores and membership [n] of own shadows, each attacked with the others."""
        refs, q = view.refs, self.looks(view)
        for j in range(min(len(refs.logp), STAND_INS)):
            stand_in = Seen(refs.logp[j, :q], refs.z_logp[j, :q])
            yield self.score(stand_in, refs.without(j), view), refs.inside[j]

    def p_values(self, scores: Floats, view: View) -> Floats | None:
        """The share of known non-members of own shadows that score as high (with the usual +1), [n]."""
        if len(view.refs.logp) < 3:
            return None
        pooled = np.sort(np.concatenate([said[~inside] for said, inside in self._posing(view)]))
        above = len(pooled) - np.searchsorted(pooled, scores, side="left")
        return np.asarray((1 + above) / (1 + len(pooled)))


def _early_auc(scores: Floats, inside: NDArray[np.bool_]) -> float:
    """The area under the ROC up to EARLY false positives, over the chance level (McClish 1989)."""
    from sklearn.metrics import roc_auc_score

    if inside.all() or not inside.any():
        return 0.5
    return float(roc_auc_score(inside, scores, max_fpr=EARLY))
