"""The shipped audit is what the program computes."""

from __future__ import annotations

from dataclasses import astuple, replace
from typing import Any

import numpy as np
import pytest

from mlleak_core import measure
from mlleak_core.contract import drain
from mlleak_core.server.desk import Desk
from mlleak_core.threat import threat
from mlleak_core.threats.membership.audit import run
from mlleak_core.threats.membership.exhibit import MembershipExhibit
from mlleak_core.threats.membership.facts import GUESSES

SHADOWS = 6


@pytest.fixture(scope="module")
def kept() -> MembershipExhibit:
    found: Any = threat("membership").shipped_exhibits()[0]
    return found


@pytest.mark.timeout(1200)
def test_the_shipped_audit_is_computed_not_written(kept):
    """The target and the first shadows trained again must say what the shipped ones say of the same faces."""
    settings = threat("membership").shipped[0]
    assert kept.about.settings == settings
    desk = Desk()
    try:
        made = drain(run(replace(settings, shadows=SHADOWS), desk, fresh=True)).exhibit()
    finally:
        desk.close()
    for name in ("member", "y", "person"):
        np.testing.assert_array_equal(kept.arrays[name], made.arrays[name], name)
    drawn = slice(0, GUESSES)  # the others are shown for their scores
    np.testing.assert_array_equal(kept.shown[drawn], made.shown[drawn])
    np.testing.assert_array_equal(kept.arrays["inside"][:SHADOWS, drawn], made.arrays["inside"][:, drawn])
    assert np.corrcoef(kept.arrays["target_phi"], made.arrays["target_phi"])[0, 1] > 0.8
    phi = [case.arrays["phi"][:SHADOWS, drawn].astype(float).ravel() for case in (kept, made)]
    assert np.corrcoef(*phi)[0, 1] > 0.8
    assert kept.slugs == made.slugs
    for name in kept.slugs:
        ours, theirs = made.numbers(name), kept.numbers(name)
        assert (ours.n_members, ours.queries) == (theirs.n_members, theirs.queries)
    assert made.numbers("loss").auc.value == pytest.approx(kept.numbers("loss").auc.value, abs=0.06)
    assert made.numbers("base").auc.low > 0.5
    assert made.about.test_accuracy == pytest.approx(kept.about.test_accuracy, abs=0.03)


def test_the_shipped_reports_follow_from_the_shipped_scores(kept):
    member = kept.arrays["member"]
    for name in kept.slugs:
        numbers, scores = kept.numbers(name), kept.arrays[f"score/{name}"]
        assert numbers.auc.value == pytest.approx(float(measure.auc(scores, member)), abs=0.005), name
        assert numbers.n_members == member.sum()
        line = measure.threshold_at_fpr(scores, member, 0.01)
        assert line == np.float32(numbers.line), name  # scores are kept in float32
        if name != "rmia":  # whose ties are broken more finely than that
            again = measure.tpr_at_fpr(scores, member, 0.01)
            for shipped, found in zip(astuple(numbers.tpr_1pct), astuple(again), strict=True):
                assert shipped == pytest.approx(found, rel=1e-9), name  # processors round differently
    assert kept.numbers("lira").auc.low > 0.5
