"""The HTML file: strict, closed to the network, honest about whose records it shows."""

from __future__ import annotations

import base64
import dataclasses
import gzip
import hashlib
import re

import html5lib
import pytest

from mlleak_core.contract import BadInput
from mlleak_core.report import page as made
from mlleak_core.report.contents import OWN, REAL, STOPPED, Report, shipped
from mlleak_core.report.evidence import how_often_wrong
from mlleak_core.report.page import marked, page
from mlleak_core.threat import Conclusion, Drawing, Exhibit

NAMESPACE = "{http://www.w3.org/1999/xhtml}"
NASTY = "</script><script>alert(1)</script><img src=http://x.example/a onerror=alert(2)> & \u2028 *x*"


def of(name, **changed):
    report = shipped(name)
    assert report is not None
    return dataclasses.replace(report, exhibit=dataclasses.replace(report.exhibit, **changed))


def asking(name, **settings):
    """The report of a shipped exhibit as if these had been its settings."""
    about = shipped(name).exhibit.about
    asked = dataclasses.replace(about, settings=dataclasses.replace(about.settings, **settings))
    return of(name, about=asked)


def tree(report):
    return html5lib.HTMLParser(strict=True).parse(page(report), transport_encoding="utf-8")


def words(report):
    return " ".join(tree(report).itertext())


@pytest.fixture
def drawing(monkeypatch):
    """A report whose one drawing is what one says."""

    def draws(**parts):
        monkeypatch.setattr(Exhibit, "drawings", lambda _: (Drawing(**parts),))
        report = shipped("inversion-1")
        monkeypatch.setattr(type(report.exhibit), "drawings", Exhibit.drawings)
        return report

    return draws


def test_the_strict_parser_notices_what_is_wrong():
    with pytest.raises(html5lib.html5parser.ParseError):
        html5lib.HTMLParser(strict=True).parse("<!DOCTYPE html><title>x</title><p></div>")


@pytest.mark.parametrize("name", ["features-0", "membership-0", "inversion-0"])
def test_scripts_run_by_their_hashes_and_nothing_may_be_fetched(name):
    parsed = tree(shipped(name))
    policy = next(
        m.get("content")
        for m in parsed.iter(f"{NAMESPACE}meta")
        if m.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy.startswith("default-src 'none';") and "http" not in policy and "unsafe-eval" not in policy
    assert "'unsafe-inline'" not in policy.partition("script-src")[2]
    scripts = {s.get("type") or "run": s.text for s in parsed.iter(f"{NAMESPACE}script")}
    run = [scripts["run"]]
    if "application/gzip" in scripts:
        run.append(gzip.decompress(base64.b64decode(scripts["application/gzip"])).decode())
    hashes = {f"'sha256-{base64.b64encode(hashlib.sha256(t.encode()).digest()).decode()}'" for t in run}
    assert set(policy.partition("script-src ")[2].split()) == hashes
    fetching = {"src", "srcset", "data", "action", "background", "poster"}
    for element in parsed.iter():
        assert not fetching & set(element.attrib), element.tag
        assert element.tag not in {f"{NAMESPACE}{tag}" for tag in ("link", "iframe", "object", "embed")}
        assert (element.get("href") or "#").startswith("#")
    assert not re.search(r"url\((?!data:)|@import", "".join(parsed.find(f".//{NAMESPACE}style").itertext()))


def test_only_what_is_needed_is_in_it():
    assert len(page(shipped("inversion-0"))) < 60_000, "no Plotly where no chart is"
    assert len(page(shipped("membership-0"))) < 2_500_000, "Plotly, once and packed"


def test_equal_results_make_equal_files():
    assert page(shipped("membership-0")) == page(shipped("membership-0"))


def test_words_from_a_data_set_stay_words(drawing):
    report = drawing(title=NASTY, picture=None, alt=NASTY, rows=[{NASTY: NASTY}], note=NASTY)
    parsed = tree(report)
    assert not list(parsed.iter(f"{NAMESPACE}img"))
    assert not list(parsed.iter(f"{NAMESPACE}script"))
    assert NASTY in "".join(next(parsed.iter(f"{NAMESPACE}th")).itertext())


def test_names_in_figures_cannot_end_the_script(drawing):
    reel = shipped("inversion-1").exhibit.reel()
    picture = dataclasses.replace(reel, names=(NASTY,))
    parsed = tree(drawing(title="x", picture=picture, alt="y"))
    assert len(list(parsed.iter(f"{NAMESPACE}script"))) == 2
    assert not list(parsed.iter(f"{NAMESPACE}img"))


def test_marks_become_emphasis_and_nothing_else_becomes_html():
    assert marked("**a** *b* <c> & 2 * 3") == "<strong>a</strong> <em>b</em> &lt;c&gt; &amp; 2 * 3"


def test_a_figure_of_an_unknown_kind_is_refused(drawing):
    with pytest.raises(BadInput, match="Plotly figure, a scene, a reel or a tape; got str"):
        page(drawing(title="x", picture="nonsense", alt="y"))


def test_it_says_whose_records_it_shows():
    assert OWN not in words(shipped("inversion-0")) and REAL not in words(shipped("inversion-0"))
    assert REAL in words(asking("inversion-0", data="lfw"))
    for own in ("upload:0123456789abcdef", "folder:/somewhere"):
        assert OWN in words(asking("inversion-0", data=own))


def test_it_says_that_a_run_was_stopped():
    assert STOPPED in words(of("inversion-0", source="live, stopped early"))
    assert STOPPED not in words(of("inversion-0", source="live"))


def test_a_verdict_leads_to_how_often_it_is_wrong():
    report = shipped("inversion-0")
    told = how_often_wrong(report.findings[0])
    assert told and told in words(report)
    links = {a.get("href") for a in tree(report).iter(f"{NAMESPACE}a")}
    assert links == {"#wrong"}
    assert any(s.get("id") == "wrong" for s in tree(report).iter(f"{NAMESPACE}section"))


def test_every_setting_is_in_it():
    report = asking("inversion-2", noise=0.25)
    rows = {row["setting"]: row["value"] for row in report.rows()}
    assert rows.keys() == report.settings.as_dict().keys()
    assert rows["noise"] == "0.25"
    assert "mlleak inversion --noise 0.25" in words(report)


def test_words_of_the_command_line_that_are_no_settings_are_part_of_the_command():
    report = dataclasses.replace(shipped("membership-0"), given=("--endpoint", "http://h", "--key", "KEY"))
    command = report.reproduction().command
    assert command == "mlleak membership --attack all --endpoint http://h --key KEY"
    scored = Report(report.threat, report.exhibit, ("--scores", "a b.csv", "--attack", "loss"))
    assert scored.reproduction().command == "mlleak membership --scores 'a b.csv' --attack loss"


def test_a_threat_that_concludes_nothing_speaks_through_its_verdicts(monkeypatch):
    report = shipped("inversion-0")
    monkeypatch.setattr(type(report.exhibit), "conclusions", lambda _: ())
    verdict = report.findings[0].verdict
    expected = verdict.words[0].upper() + verdict.words[1:] + "."
    assert report.conclusions() == (Conclusion(verdict, expected),)


def test_a_canvas_must_have_one_way_in(monkeypatch):
    monkeypatch.setattr(
        made.canvases, "js", lambda _: "export default function a() {} export default function"
    )
    with pytest.raises(BadInput, match="one default export"):
        page(shipped("inversion-0"))
