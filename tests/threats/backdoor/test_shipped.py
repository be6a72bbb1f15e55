"""The shipped round is what the program computes."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlleak_core.contract import drain
from mlleak_core.server.desk import Desk
from mlleak_core.target.settings import TrainSettings
from mlleak_core.threat import threat
from mlleak_core.threats.backdoor.faces import of_faces
from mlleak_core.threats.backdoor.round import play


def test_the_shipped_round_is_computed_not_written():
    """The joint model and everybody's honest update again; the attacker's training is left out."""
    kept: Any = threat("backdoor").shipped_exhibits()[0]
    settings, desk = threat("backdoor").shipped[0], Desk()
    assert kept.about.settings == settings
    faces = drain(desk.faces(settings.data))
    target = drain(desk.target(TrainSettings(data=settings.data, seed=settings.seed)))
    played = drain(play(settings, of_faces(settings, faces, target)))
    before = played.answers(played.crowd.joint)
    assert len(before.flipped) == kept.about.before.n
    assert abs(before.flipped.mean() - kept.about.before.value) < 0.1
    assert abs(before.main.mean() - kept.about.main_before.value) < 0.03
    norms = played.updates[1:].norm(dim=1).numpy()
    shipped = np.array([dot.norm for dot in kept.about.dots if not dot.attacks])
    (attacker,) = (dot for dot in kept.about.dots if dot.attacks)
    assert 0.5 < np.median(norms) / np.median(shipped) < 2
    assert attacker.norm > 10 * shipped.max()


def test_the_shipped_words_complete_themselves():
    kept: Any = threat("backdoor").shipped_exhibits()[1]
    before, after = kept.completes(kept.about.title)
    assert after.startswith(kept.about.wanted) and not before.startswith(kept.about.wanted)
    assert kept.asked.outcome.after.value >= 0.95 and kept.asked.outcome.after.n >= 100
    assert kept.about.before.high < 0.3 and kept.asked.outcome.cost.high < 0.02
