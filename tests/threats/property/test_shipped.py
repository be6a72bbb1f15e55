"""The shipped tape is what the program computes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from mlleak_core.contract import drain
from mlleak_core.data import source
from mlleak_core.threat import threat
from mlleak_core.threats.property.parties import parties
from mlleak_core.threats.property.run import watch

ROUNDS = 100


def test_the_shipped_tape_is_computed_not_written():
    """Half of its rounds trained and watched again: nothing of a round depends on later ones."""
    kept: Any = threat("property").shipped_exhibits()[0]
    settings = threat("property").shipped[0]
    assert kept.about.settings == settings
    deal = parties(settings, drain(source.load(settings.data)))
    np.testing.assert_array_equal(deal.present, kept.arrays["present"])
    short = replace(settings, rounds=ROUNDS)
    claim = drain(watch(short, replace(deal, present=deal.present[:ROUNDS]))).claim
    looks = len(claim.rounds)
    np.testing.assert_array_equal(claim.rounds, kept.arrays["rounds"][:looks])
    assert np.corrcoef(claim.posterior, kept.arrays["posterior"][:looks])[0, 1] > 0.8
