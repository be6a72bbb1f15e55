"""What a page shows of an audit: concluded here, from the shipped run and from worlds that are planted."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from mlleak_core import measure
from mlleak_core.contract import Estimate
from mlleak_core.threat import threat
from mlleak_core.threats.membership.exhibit import MembershipExhibit
from mlleak_core.threats.membership.facts import GUESSES
from mlleak_core.threats.membership.judge import MembershipVerdict
from mlleak_core.threats.membership.microscope import RecordVerdict


@pytest.fixture(scope="module")
def shipped() -> MembershipExhibit:
    found: Any = threat("membership").shipped_exhibits()[0]
    return found


def judged(exhibit: MembershipExhibit, **changed) -> MembershipExhibit:
    """The exhibit of its leading attack alone, with other numbers."""
    reports = (dataclasses.replace(exhibit.leading, **changed),)
    return dataclasses.replace(exhibit, about=dataclasses.replace(exhibit.about, reports=reports))


def test_the_conclusion_follows_from_the_intervals(shipped):
    sure = Estimate(0.2, 0.15, 0.25, 558)
    cases = {
        MembershipVerdict.VOID: {"blind_p": 0.0005},
        MembershipVerdict.GUESSING: {"auc_among": Estimate(0.52, 0.49, 0.55, 1117)},
        MembershipVerdict.FINDS: {"tpr_1pct": sure, "tpr_1pct_among": sure},
        MembershipVerdict.ON_AVERAGE: {"tpr_1pct_among": Estimate(0.012, 0.005, 0.03, 558)},
    }
    for verdict, changed in cases.items():
        conclusion = judged(shipped, **changed).conclusion()
        assert conclusion.verdict is verdict
        assert conclusion.sentence.count("*") % 2 == 0 and conclusion.small
    assert "finds 20.0% of the members" in judged(shipped, tpr_1pct=sure).conclusion().sentence
    assert "*nobody*" in judged(shipped, named_count=0).conclusion().sentence
    assert "*1* record." in judged(shipped, named_count=1).conclusion().sentence


def test_the_strongest_speaks_for_all_and_pays_for_being_chosen(shipped):
    first = shipped.leading
    surely = [n.tpr_1pct_among.low for n in shipped.about.reports if n.tpr_1pct_among]
    assert first.tpr_1pct_among.low == max(surely) > 0.01 and first.among == len(shipped.about.reports)
    assert first.verdict_among is MembershipVerdict.FINDS
    told = shipped.findings()[0]
    assert told.key == f"{first.attack}/found" and told.estimate == first.tpr_1pct_among
    assert told.estimate.low < first.tpr_1pct.low and told.null == "membership-headline"
    assert f"strongest of {first.among} attacks" in " ".join(told.notes)
    without = tuple(n for n in shipped.about.reports if n is not first)
    other = dataclasses.replace(shipped, about=dataclasses.replace(shipped.about, reports=without))
    assert other.leading is not first and "equivalent" in shipped.equivalent()
    assert f"{shipped.about.tail.value:.1%}" in shipped.foretold()


def test_a_bet_is_counted(shipped):
    was = shipped.bets
    right = [int(i) for i in np.flatnonzero(was)]
    wrong = [int(i) for i in np.flatnonzero(~was)]
    assert len(was) == GUESSES and was.sum() == GUESSES // 2
    assert shipped.guess(right).rates == (0.0, 1.0)
    assert shipped.guess(wrong).rates == (1.0, 0.0)
    assert "**1 of 6** members and raised **2 of 6**" in shipped.guess([right[0], *wrong[:2]]).sentence
    sealed = shipped.to_bet_on()
    assert {tile.mark + tile.tone for tile in sealed} == {""}, "nothing is told before the bet"
    told = shipped.to_bet_on([right[0]], sealed=False)
    assert [tile.mark for tile in told] == ["was in" if w else "was not" for w in was]
    assert told[right[0]].tone == "good" and told[right[1]].tone == "bad" and told[wrong[0]].tone == "good"
    assert {tile.tone for tile in shipped.to_bet_on(None, sealed=False)} == {""}, "just shown"


def test_the_line_is_the_judges(shipped):
    """The microscope, the table and the warning count with one threshold."""
    member = shipped.arrays["member"]
    for numbers in shipped.about.reports:
        above = np.array([shipped.above(numbers.attack, r) for r in range(len(member))])
        found = round(numbers.tpr_1pct.value * numbers.n_members)
        coarse = numbers.attack == "rmia"  # its ties are broken more finely than the float32 that was shipped
        assert above[member].sum() == found or (coarse and above[member].sum() < found), numbers.attack
        assert above[~member].mean() <= 0.01
    first = shipped.leading
    risk, scores = shipped.about.risk, shipped.arrays[f"score/{first.attack}"]
    assert risk.all == first.tpr_1pct.value
    worst = np.argsort(-shipped.arrays["risk"][member])[: risk.n]
    top = scores[member][worst] > np.float32(first.line)
    assert top.mean() == pytest.approx(risk.top, abs=1.5 / risk.n)
    found = measure.proportion(round(risk.top * risk.n), risk.n)
    assert (
        f"{shipped.titles[first.attack]} finds {found.value:.0%} [{found.low:.1%}, {found.high:.1%}]"
        in shipped.warning()
    )


def test_without_enough_outsiders_there_is_no_line(shipped):
    none = {"tpr_1pct": None, "tpr_1pct_among": None, "line": None}
    reports = tuple(dataclasses.replace(n, **none) for n in shipped.about.reports)
    few = dataclasses.replace(shipped, about=dataclasses.replace(shipped.about, reports=reports))
    assert few.above("lira", 0) is None
    row = few.closeup(0, sealed=False).rows[0]
    assert "no line" in row["says"] and "right" not in row
    assert few.worth(0.5) is None and few.dot() is None
    assert few.rows()[0]["found at 1%"] == "cannot be claimed with n = 559"
    assert "cannot be claimed" in few.average("lira").notes[0]
    assert few.headlines()[0].findings[0].key == f"{few.leading.attack}/auc"


def test_the_microscope_keeps_the_seal(shipped):
    for place in range(len(shipped.shown) - GUESSES):
        seen = shipped.closeup(place, sealed=True)
        assert "sealed until your bet" in seen.words and not seen.story and seen.kind is None
        assert all("right" not in row for row in seen.rows)
        told = shipped.closeup(place, sealed=False)
        record = shipped.shown[GUESSES + place]
        was = "**was**" if shipped.arrays["member"][record] else "**was not**"
        assert was in told.words
        assert {row["says"] for row in told.rows} <= {"above the line", "below it"}


def planted(inside_phi: float, outside_phi: float, target: float, shipped: MembershipExhibit):
    """The first record of the gallery with shadows of one's own making; it was in."""
    arrays, at = {k: v.copy() for k, v in shipped.arrays.items()}, GUESSES
    noise = np.random.default_rng(0).normal(0, 0.1, len(arrays["phi"]))
    inside = arrays["inside"][:, at]
    arrays["phi"][:, at] = np.where(inside, inside_phi, outside_phi) + noise
    arrays["target_phi"][shipped.shown[at]] = target
    arrays["member"][shipped.shown[at]] = True
    return dataclasses.replace(shipped, arrays=arrays).closeup(0, sealed=False)


def test_a_record_is_telling_or_easy(shipped):
    easy = planted(3.0, 3.0, 3.0, shipped)
    assert easy.kind is RecordVerdict.EASY and easy.story.startswith("An easy record")
    telling = planted(6.0, 0.0, 5.5, shipped)
    assert telling.kind is RecordVerdict.TELLING
    assert telling.story.endswith("those that had it, as it should.")
    astray = planted(6.0, 0.0, 0.5, shipped)
    assert astray.story.endswith("those that had not, by chance the wrong side.")


def test_a_pinned_person_is_marked_or_spoken_of(shipped):
    person = shipped.arrays["person"]
    shown = int(person[shipped.shown[GUESSES + 7]])
    assert shipped.start(shown) == 7 and shipped.elsewhere(shown, sealed=True) == ""
    assert [tile.tone for tile in shipped.gallery(shown)].count("pin") == 1
    hidden = int(person[shipped.shown[0]])
    words = shipped.elsewhere(hidden, sealed=True)
    title = shipped.titles[shipped.leading.attack]
    assert f"not among those below: {title} puts the record" in words and "training set" not in words
    assert "in the training set" in shipped.elsewhere(hidden, sealed=False)
    assert shipped.elsewhere(-1, sealed=False) == "" and shipped.start(-1) == 0


def test_what_lying_above_the_line_is_worth(shipped):
    tpr = shipped.leading.tpr_1pct.value
    for rate in (0.001, 0.5):
        found = shipped.worth(rate)
        assert found.estimate.value == pytest.approx(rate * tpr / (rate * tpr + (1 - rate) * 0.01))
        assert found.missing() == () and found.chance == rate
        assert f"base rate {100 * rate:g}%" in found.notes


def test_the_table_to_take_away(shipped):
    lines = shipped.scores_csv().splitlines()
    assert len(lines) == 1 + len(shipped.arrays["member"])
    assert '"LiRA, offline"' in lines[0]
    assert len(lines[1].split(",")) == 1 + len(shipped.slugs)


def test_findings_say_average_line_and_names_apart(shipped):
    keys = [finding.key for finding in shipped.findings()]
    first = shipped.leading.attack
    assert keys[:2] == [f"{first}/found", f"{first}/auc"]
    assert "label-only/named" not in keys, "it names nobody"
    numbers = max(shipped.about.reports, key=lambda n: n.named_count)
    named = shipped.named(numbers)
    assert named.estimate == numbers.named_members and named.estimate.n == numbers.named_count > 0
