"""One suite over everything that is discovered: a new room is in it without a line being written here."""

from __future__ import annotations

import dataclasses
import inspect
import io
import json
import math

import html5lib
import numpy as np
import pytest
from PIL import Image

from mlleak_core import contract, sweeps
from mlleak_core.contract import BadInput, fingerprint, knobs
from mlleak_core.report.contents import Report, as_json
from mlleak_core.report.evidence import parts_of
from mlleak_core.report.page import page
from mlleak_core.report.picture import picture
from mlleak_core.threat import SHIPPED, Attack, Exhibit, Verdict, discover, imported, threat

EACH = [pytest.param(found, id=found.card.slug) for found in discover()]
ATTACKS = [
    pytest.param(attack, id=f"{found.card.slug}-{slug}")
    for found in discover()
    for slug, attack in found.catalogue().items()
]
SHOWN = [
    pytest.param(found, i, id=found.shipped_name(settings))
    for found in discover()
    for i, settings in enumerate(found.shipped)
]


@pytest.mark.parametrize("found", EACH)
def test_every_threat_tells_its_story(found):
    card = found.card
    assert card.papers and card.question.endswith("?") and card.call and card.icon.startswith(":material/")
    assert found.settings is type(found.shipped[0])
    for path in (found.run, found.exhibit, found.attacks, found.scores, found.slow_start):
        assert not path or imported(path) is not None
    assert inspect.isgeneratorfunction(imported(found.run)), "run yields steps"
    assert list(inspect.signature(imported(found.run)).parameters)[:2] == ["settings", "desk"]
    assert issubclass(imported(found.exhibit), Exhibit)
    assert threat(card.slug) is found


def test_orders_slugs_and_titles_are_unique():
    for part in ("slug", "order", "title"):
        values = [getattr(found.card, part) for found in discover()]
        assert len(set(values)) == len(values)


def test_an_unknown_threat_is_refused():
    with pytest.raises(BadInput, match="Choose one of these"):
        threat("nonsense")


@pytest.mark.parametrize("found", EACH)
def test_settings_are_frozen_hashable_and_checked(found):
    default = found.settings()
    assert hash(default) == hash(found.settings())
    with pytest.raises(dataclasses.FrozenInstanceError):
        default.seed = 1
    for knob in knobs(found.settings):
        assert knob.help
        knob.check(knob.default)
        with pytest.raises(BadInput):
            knob.check(object())
    for settings in found.shipped:
        assert (
            found.settings(**{k.name: getattr(settings, k.name) for k in knobs(found.settings)}) == settings
        )


@pytest.mark.parametrize("found", EACH)
def test_a_knob_that_does_not_apply_changes_nothing(found):
    default = found.shipped[0]
    for knob in knobs(found.settings):
        if default.applies(knob) or not isinstance(knob.rule, contract.Range | contract.Choice):
            continue
        other = knob.rule.hi if isinstance(knob.rule, contract.Range) else knob.rule.options[-1]
        changed = dataclasses.replace(default, **{knob.name: knob.kind(other)})
        assert changed == default and fingerprint(changed) == fingerprint(default), knob.name
        assert knob.name not in default.as_dict()


@pytest.mark.parametrize("attack", ATTACKS)
def test_every_attack_says_what_it_is_and_checks_its_knobs(attack):
    assert isinstance(attack, Attack) and dataclasses.is_dataclass(attack)
    assert getattr(type(attack), "__final__", False), "attacks are final"
    for word in (attack.slug, attack.title, attack.why, attack.colour):
        assert isinstance(word, str) and word
    assert attack.colour.startswith("#")
    assert type(attack).__doc__ and "run" in dir(attack)
    for knob in knobs(type(attack)):
        with pytest.raises(BadInput):
            type(attack)(**{knob.name: object()})
    assert len(knobs(type(attack))) == len(dataclasses.fields(attack)), "every field is a knob"


@pytest.mark.parametrize("found", EACH)
def test_slugs_of_attacks_are_their_keys(found):
    catalogue = found.catalogue()
    assert [attack.slug for attack in catalogue.values()] == list(catalogue)
    assert len({attack.title for attack in catalogue.values()}) == len(catalogue)


@pytest.mark.parametrize(("found", "which"), SHOWN)
def test_every_shipped_finding_lacks_nothing(found, which):
    exhibit = found.shipped_exhibits()[which]
    findings = exhibit.findings()
    assert findings
    for finding in findings:
        assert finding.missing() == (), (finding.key, finding.missing())
        assert finding.source.startswith("shipped 20")
        assert finding.verdict is None or isinstance(finding.verdict, Verdict)
        assert finding.row()["value"] == finding.estimate.value
    assert len({finding.key for finding in findings}) == len(findings)


@pytest.mark.parametrize(("found", "which"), SHOWN)
def test_a_finding_that_lacks_a_part_is_noticed(found, which):
    finding = found.shipped_exhibits()[which].findings()[0]
    nothing = dataclasses.replace(finding.estimate, n=0)
    for changed in (
        {"estimate": nothing},
        {"estimate": dataclasses.replace(finding.estimate, low=finding.estimate.value + 1, n=2)},
        {"estimate": dataclasses.replace(finding.estimate, value=math.nan)},
        {"chance": None, "controls": ()},
        {"seed": -1},
        {"seconds": 0.0},
        {"source": ""},
        {"what": ""},
    ):
        assert dataclasses.replace(finding, **changed).missing(), changed


@pytest.mark.parametrize(("found", "which"), SHOWN)
def test_an_exhibit_survives_being_written_and_read(found, which, tmp_path):
    kept = found.shipped_exhibits()[which]
    kept.save(tmp_path, "again")
    read = type(kept).load(tmp_path, "again")
    assert read.about == kept.about
    assert read.atlas == kept.atlas
    assert set(read.arrays) == set(kept.arrays)
    for name, values in kept.arrays.items():
        np.testing.assert_array_equal(read.arrays[name], values, name)


@pytest.mark.parametrize(("found", "which"), SHOWN)
def test_a_damaged_exhibit_is_refused_with_a_remedy(found, which, tmp_path):
    kept = found.shipped_exhibits()[which]
    kept.save(tmp_path, "again")
    (tmp_path / "again.json").write_text('{"made": "2026"}')
    with pytest.raises(BadInput, match="mlleak ship"):
        type(kept).load(tmp_path, "again")


@pytest.mark.parametrize("found", EACH)
def test_home_has_something_to_say(found):
    headlines = found.shipped_exhibits()[0].headlines()
    assert headlines
    for headline in headlines:
        assert headline.title and headline.findings
        assert all(finding.missing() == () for finding in headline.findings)


@pytest.mark.parametrize(("found", "which"), SHOWN)
def test_every_exhibit_makes_a_report_to_take_away(found, which):
    report = Report(found, found.shipped_exhibits()[which])
    parsed = html5lib.HTMLParser(strict=True).parse(page(report), transport_encoding="utf-8")
    words = " ".join(" ".join(parsed.itertext()).split())
    for finding in report.findings:
        assert all(" ".join(part.split()) in words for part in parts_of(finding)), finding.key
    assert found.card.question in words and report.reproduction().command in words
    assert all(paper in words for paper in found.card.papers)
    for drawing in report.drawings():
        assert drawing.title and (drawing.picture is None or drawing.alt), "who cannot see it is told"
        assert drawing.picture is not None or drawing.rows
    with Image.open(io.BytesIO(picture(report))) as image:
        assert (image.format, image.size) == ("PNG", (1200, 630))
    numbers = json.loads(as_json(report))
    assert [f["key"] for f in numbers["report"]["findings"]] == [f.key for f in report.findings]
    assert numbers["settings"] == json.loads(json.dumps(report.settings.as_dict()))


def test_what_ships_is_small():
    assert sum(f.stat().st_size for f in SHIPPED.iterdir()) < 1_900_000
    names = {f"{found.shipped_name(s)}" for found in discover() for s in found.shipped}
    beside = {
        "calibration",
        "pace",
        "on-lfw",
        *(f"{found.card.slug}-swept" for found in discover() if found.swept),
    }
    assert {f.stem for f in SHIPPED.iterdir()} - beside == names, "nothing lies there that nobody shows"


@pytest.mark.parametrize("found", [pytest.param(f, id=f.card.slug) for f in discover() if f.swept])
def test_every_dial_that_is_swept_ships_with_all_its_places(found):
    kept = sweeps.shipped(found)
    assert kept is not None, "make it with `mlleak ship --swept`"
    assert [(d.knob, tuple(p.value for p in d.places)) for d in kept.dials] == [
        (k, v) for k, v in found.swept
    ]
    for dial in kept.dials:
        for place in dial.places:
            for each in (place.found, place.control):
                assert each.low <= each.value <= each.high
                assert each.n > 0
        at = [place for place in dial.places if place.value == getattr(found.shipped[0], dial.knob)]
        assert len(at) == 1
        assert at[0].found == found.shipped_exhibits()[0].findings()[0].estimate, "of the shipped run itself"
