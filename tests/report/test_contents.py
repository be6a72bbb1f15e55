"""What a report says, for programs; and where reports come from."""

from __future__ import annotations

import json
import math

import pytest

from mlleak_core import __version__
from mlleak_core.contract import BadInput
from mlleak_core.report.contents import as_json, finite, kept, shipped
from mlleak_core.threat import SHIPPED


def test_the_json_has_what_the_command_line_prints_and_all_else():
    report = shipped("property-0")
    told = json.loads(as_json(report))
    assert told["report"]["findings"] == [finite(finding.row()) for finding in report.findings]
    assert (told["version"], told["threat"], told["seed"]) == (__version__, "property", 0)
    assert told["conclusions"][0]["verdict"] == report.exhibit.verdict.words
    assert set(told["wrong where nothing is there"]) == {f.null for f in report.findings if f.null}
    assert told["reproduce"]["command"] == "mlleak property"
    assert len(told["figures"][0]["rows"]) == len(report.exhibit.rows())
    assert not told["stopped"]


def test_what_json_cannot_say_is_null():
    assert finite({"a": [math.inf, math.nan, 1.5], "b": (1,)}) == {"a": [None, None, 1.5], "b": [1]}


def test_an_exhibit_is_found_by_its_name_or_its_file():
    assert shipped("nonsense-0") is None and shipped("features-9") is None
    again = kept(SHIPPED / "inversion-1.json")
    assert again.exhibit.about == shipped("inversion-1").exhibit.about


@pytest.mark.parametrize(
    ("name", "words"), [("nonsense-0.json", "THREAT-NUMBER"), ("inversion-7.json", "mlleak ship")]
)
def test_what_is_no_exhibit_is_refused(tmp_path, name, words):
    with pytest.raises(BadInput, match=words):
        kept(tmp_path / name)
