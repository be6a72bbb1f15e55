"""From settings to a command line and back: the same settings come out, or what is lacking is said."""

from __future__ import annotations

import dataclasses
import random
import shlex

import pytest

from mlleak_core import __main__ as line
from mlleak_core.commands.options import settings_of
from mlleak_core.contract import Choice, Range, Settings, knobs
from mlleak_core.report import reproduce
from mlleak_core.report.contents import Report
from mlleak_core.target.settings import TrainSettings
from mlleak_core.threat import discover, threat

EACH = [pytest.param(found, id=found.card.slug) for found in discover()]


def read(command):
    """What the command line makes of a command."""
    program, *given = shlex.split(command)
    assert program == "mlleak"
    options, rest = line._parser(given).parse_known_args(given)
    assert not rest
    return settings_of(options, threat(options.threat).settings)


def dealt(found, dice):
    """Settings with every knob somewhere in its range."""
    values = {}
    for knob in knobs(found.settings):
        if knob.kind is bool:
            values[knob.name] = dice.random() < 0.5
        elif isinstance(knob.rule, Choice):
            values[knob.name] = dice.choice(knob.rule.options)
        elif isinstance(knob.rule, Range):
            values[knob.name] = knob.kind(dice.uniform(knob.rule.lo, knob.rule.hi))
        elif knob.name == "attack":
            values[knob.name] = dice.choice(list(found.catalogue()))
        elif knob.kind is str and knob.name != "data":
            values[knob.name] = dice.choice(["", "-1", "two words", 'it\'s, "so"', "-–ü"])
    try:
        return found.settings(**values)
    except ValueError:
        return None


@pytest.mark.parametrize("found", EACH)
def test_the_command_of_a_report_gives_the_same_settings(found):
    dice = random.Random(0)
    drawn = [settings for settings in (dealt(found, dice) for _ in range(150)) if settings is not None]
    assert drawn
    for settings in (*found.shipped, *drawn):
        assert read(reproduce.command(*reproduce.words(found, settings))) == settings


@pytest.mark.parametrize("found", EACH)
def test_what_is_at_its_default_is_left_out(found):
    assert reproduce.words(found, found.settings()) == (found.card.slug,)


def test_what_the_command_line_has_no_option_for_is_said():
    found, page = threat("membership"), TrainSettings(epochs=3)
    settings = found.settings(preset="full", experiment=page)
    assert reproduce.beyond(settings) == ("experiment",)
    assert reproduce.beyond(dataclasses.replace(settings, preset="leaky")) == ()
    exhibit = found.shipped_exhibits()[0]
    about = dataclasses.replace(exhibit.about, settings=settings)
    told = Report(found, dataclasses.replace(exhibit, about=about)).reproduction()
    assert "experiment" in told.notes[0]


def test_a_visitors_own_pictures_are_a_folder_to_be_named():
    found = threat("inversion")
    settings: Settings = found.settings(data="upload:0123456789abcdef")
    assert reproduce.words(found, settings) == ("inversion", "--data", "folder:PATH")
