"""The shipped run is what the program computes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mlleak_core import measure
from mlleak_core.threats.membership import exhibit as showcase


def test_the_shipped_audit_is_computed_not_written():
    """The target and the first shadows trained again must say what the shipped ones say of the same faces."""
    kept, shadows = showcase.load(), 6
    made = showcase.make(replace(showcase.SETTINGS, shadows=shadows))
    assert kept.about["settings"] == {**made.about["settings"], "shadows": showcase.SETTINGS.shadows}
    for name in ("member", "y", "person"):
        np.testing.assert_array_equal(kept.arrays[name], made.arrays[name], name)
    drawn = slice(0, showcase.GUESSES)  # the others are shown for their scores
    np.testing.assert_array_equal(kept.shown[drawn], made.shown[drawn])
    np.testing.assert_array_equal(kept.arrays["inside"][:shadows, drawn], made.arrays["inside"][:, drawn])
    assert np.corrcoef(kept.arrays["target_phi"], made.arrays["target_phi"])[0, 1] > 0.8
    phi = [case.arrays["phi"][:shadows, drawn].astype(float).ravel() for case in (kept, made)]
    assert np.corrcoef(*phi)[0, 1] > 0.8
    assert set(kept.rows) == set(made.rows)
    for name, row in kept.rows.items():
        assert (row["n_members"], row["queries"]) == (
            made.rows[name]["n_members"],
            made.rows[name]["queries"],
        )
    assert made.rows["loss"]["auc"] == pytest.approx(kept.rows["loss"]["auc"], abs=0.06)
    assert made.rows["base"]["auc_low"] > 0.5
    assert made.about["test_accuracy"] == pytest.approx(kept.about["test_accuracy"], abs=0.03)


def test_the_shipped_reports_follow_from_the_shipped_scores():
    kept = showcase.load()
    member = kept.arrays["member"]
    for name, row in kept.rows.items():
        auc = float(measure.auc(kept.arrays[f"score/{name}"], member))
        assert row["auc"] == pytest.approx(auc, abs=0.005), name  # scores are kept in float32
        assert row["n_members"] == member.sum()
    assert kept.rows["lira"]["auc_low"] > 0.5
