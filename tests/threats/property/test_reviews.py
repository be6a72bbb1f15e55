"""Property inference from reviews: who wrote them, about whom, in which words."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch

from mlleak_core.contract import BadInput, drain
from mlleak_core.data import source
from mlleak_core.target.federated import Federation, FederationSettings, seen_by
from mlleak_core.target.models import WordNet
from mlleak_core.threat import threat
from mlleak_core.threats.property.card import PropertySettings
from mlleak_core.threats.property.judge import PropertyVerdict
from mlleak_core.threats.property.parties import VICTIM, parties
from mlleak_core.threats.property.run import watch
from mlleak_core.threats.property.words import occurring

QUICK = PropertySettings(data="reviews", property="author:Hugo", rounds=80, enters=0.2, batch=16)


@pytest.fixture(scope="module")
def texts():
    return drain(source.load("reviews", "texts"))


@pytest.fixture(scope="module")
def watched(texts):
    return drain(watch(QUICK, parties(QUICK, texts)))


@pytest.mark.parametrize("attack", ["online", "passive", "active"])
def test_the_author_is_found(texts, watched, attack):
    settings = dataclasses.replace(QUICK, attack=attack)
    report = watched.report if attack == "online" else drain(watch(settings, parties(settings, texts))).report
    assert report.auc.value > 0.85
    assert report.verdict is PropertyVerdict.SHOWS


def test_a_coin_is_not(texts):
    settings = dataclasses.replace(QUICK, property="coin")
    assert drain(watch(settings, parties(settings, texts))).report.verdict is PropertyVerdict.HIDDEN


def test_of_an_author_who_is_looked_for_nobody_else_has_texts_and_the_test_has_none(texts):
    settings = dataclasses.replace(QUICK, participants=4)
    deal = parties(settings, texts)
    has = texts.target(QUICK.property) == 1
    mine = len(deal.learn.having[1]) + len(deal.check.having[1])
    assert len(deal.having) + mine == has.sum()
    known = {tuple(np.flatnonzero(row)) for row in texts.words[has]}
    assert not any(tuple(np.flatnonzero(row)) in known for row in deal.test[0].numpy())


def test_words_of_the_batch_are_read_and_no_others(texts):
    deal = parties(QUICK, texts)
    net = WordNet(len(texts.vocabulary), torch.Generator().manual_seed(0))
    federation = Federation(net, deal.shares, FederationSettings(rounds=3, batch=8, lr=0.1))
    for number in range(3):
        rows = federation._batches(VICTIM, number)[0]
        glimpse = seen_by(0, federation.round(number))
        assert glimpse is not None
        there = texts.words[deal.photos[rows]].any(0)
        np.testing.assert_array_equal(occurring(glimpse, federation.shapes[0]), there)


def test_noise_marks_every_word(texts):
    settings = dataclasses.replace(QUICK, rounds=40, noise=0.3)
    watched = drain(watch(settings, parties(settings, texts)))
    assert watched.heard is not None
    precision, recall = watched.heard.judged(texts.words[parties(settings, texts).photos], watched.records)
    assert recall.value > 0.99 and precision.value < 0.8


def test_persons_of_texts_are_authors(texts):
    with pytest.raises(BadInput, match="a column and its value"):
        parties(dataclasses.replace(QUICK, property="person:Hugo"), texts)


def test_the_shipped_reviews_say_what_their_numbers_say():
    found: Any = threat("property").shipped_exhibits()[2:]
    for exhibit in found:
        assert exhibit.verdict is PropertyVerdict.SHOWS
        assert exhibit.about.words.precision.value > 0.99 and exhibit.about.words.recall.value > 0.95
        assert exhibit.about.words.elsewhere[0].high < exhibit.about.words.precision.low
        assert "What gave reviews" in exhibit.told() and exhibit.about.texts[0]
        assert not any(finding.missing() for finding in exhibit.findings())
        assert "photo" not in " ".join([exhibit.conclusion().sentence, *exhibit.generosities()])
