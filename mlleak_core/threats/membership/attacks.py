"""The catalogue of attacks, a file for each family: was this record in the training set? Light: no torch."""

from __future__ import annotations

from mlleak_core.contract import BadInput
from mlleak_core.language import say
from mlleak_core.threats.membership import label_only, learned, likelihood, relative, thresholds
from mlleak_core.threats.membership.score_attack import ScoreAttack

CONFIGURED: tuple[ScoreAttack, ...] = (
    likelihood.LiRA(),
    likelihood.LiRA(online=False),
    learned.RAPID(),
    likelihood.BaVarIA(),
    likelihood.PMIA(),
    relative.RMIA(),
    relative.BASE(),
    relative.BASE(references=2),
    learned.ShokriShadow(),
    learned.QuantileRegression(),
    thresholds.ModifiedEntropy(),
    thresholds.LossThreshold(),
    label_only.LabelOnly(),
)
"""The attacks. LtIqr stands apart: it is the trainer's risk score, not an attack."""
CATALOGUE: dict[str, ScoreAttack] = {attack.slug: attack for attack in CONFIGURED}
ALL = "all"
"""In place of one attack's slug."""


def title_of(attack: str) -> str:
    """What people call an attack, in the language of who looks."""
    return say(CATALOGUE[attack].title)


def chosen(attack: str) -> tuple[str, ...]:
    """The slugs of an attack or of all. Raises BadInput that names the known."""
    if attack == ALL:
        return tuple(CATALOGUE)
    if attack not in CATALOGUE:
        known = ", ".join((*CATALOGUE, ALL))
        raise BadInput(f"an attack: {known}", repr(attack[:80]), "Choose one of these.")
    return (attack,)
