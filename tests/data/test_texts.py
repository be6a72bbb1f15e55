"""Reviews: made up ones, and any table with a text, a label and other columns."""

from __future__ import annotations

import csv
import gzip
import io

import numpy as np
import pytest

from mlleak_core.contract import BadInput, drain
from mlleak_core.data import source
from mlleak_core.data.doctors import AUTHORS, REVIEWS, SPECIALTIES


@pytest.fixture(scope="module")
def doctors():
    return drain(source.load("reviews", "texts"))


def table(rows, header=("text", "label", "author")):
    text = io.StringIO()
    csv.writer(text).writerows([header, *rows])
    return text.getvalue()


def written(tmp_path, text, name="reviews.csv", encoding="utf-8"):
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    return drain(source.load(f"reviews:{path}", "texts"))


def rows(count=80, word="fine", author=lambda i: f"author {i % 4}"):
    return [(f"{word} care number {'again' * (i % 3)}, good", "yn"[i % 2], author(i)) for i in range(count)]


def test_the_made_up_reviews_are_of_forty_hands_and_eight_specialties(doctors):
    assert len(doctors) == len(AUTHORS) * REVIEWS
    author, specialty = doctors.attributes
    assert len(author.classes) == 40 and set(specialty.classes) == set(SPECIALTIES)
    assert doctors.task.codes.mean() == pytest.approx(0.5, abs=0.05)
    assert doctors.people == author.classes


def test_neither_author_nor_specialty_goes_with_praise(doctors):
    for name in ("author:Hugo", "specialty:dentist"):
        has = doctors.target(name)
        assert abs(np.corrcoef(has, doctors.task.codes)[0, 1]) < 0.06


def test_words_are_those_of_the_text(doctors):
    for row in (0, 1000):
        found = {doctors.vocabulary[i] for i in np.flatnonzero(doctors.words[row])}
        text = doctors.documents[row].lower()
        assert found and all(word in text for word in found)


def test_they_are_the_same_every_time(doctors):
    again = drain(source.load("reviews", "texts"))
    assert again.documents == doctors.documents


def test_a_table_of_few_authors_deals_texts_out(tmp_path):
    texts = written(tmp_path, table(rows()))
    assert len(texts) == 80 and len(texts.people) == 80
    assert texts.task.classes == ("n", "y")
    assert texts.target("AUTHOR:Author 2").sum() == 20


def test_a_table_of_many_authors_deals_authors_out(tmp_path):
    texts = written(tmp_path, table(rows(author=lambda i: f"author {i % 20}")))
    assert len(texts.people) == 20


def test_a_compressed_table_is_read_too_and_a_cut_one_is_a_sentence(tmp_path):
    packed = gzip.compress(table(rows()).encode())
    path = tmp_path / "reviews.csv.gz"
    path.write_bytes(packed)
    assert len(drain(source.load(f"reviews:{path}", "texts"))) == 80
    path.write_bytes(packed[: len(packed) // 2])
    with pytest.raises(BadInput, match="a whole file in reviews.csv.gz"):
        drain(source.load(f"reviews:{path}", "texts"))


def test_ratings_are_cut_at_their_median(tmp_path):
    found = [(f"nice word {i % 7}", str(i % 5 / 4), "anna") for i in range(100)]
    texts = written(tmp_path, table(found, ("text", "rating", "who")))
    assert texts.task.classes == ("up to 0.5", "above 0.5")
    assert texts.task.codes.sum() == 40


@pytest.mark.parametrize("word", ["Фельдшер внимательный", "医生非常友好", "ο γιατρός ήταν", "الطبيب كان"])
def test_any_script_has_words(tmp_path, word):
    texts = written(tmp_path, table(rows(word=word)))
    assert len(texts.vocabulary) > 4
    assert texts.words.any(1).all()


def test_every_sign_of_a_script_without_blanks_is_a_word(tmp_path):
    assert {"医", "生"} <= set(written(tmp_path, table(rows(word="医生"))).vocabulary)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "a header and rows"),
        (table([]), "60 to 20,000 texts"),
        (table(rows(20)), "60 to 20,000 texts"),
        (table([("", *row[1:]) for row in rows()]), "60 to 20,000 texts"),
        (table(rows(), ("words", "label", "author")), "'text' or 'review'.*got words, label, author"),
        (table(rows(), ("text", "mood", "author")), "'label' or 'sentiment'"),
        (table([(row[0], "abc"[i % 3], row[2]) for i, row in enumerate(rows())]), "two values, or numbers"),
        (table([(row[0], "1", row[2]) for row in rows()]), "two values, or numbers"),
        (table([(f"{i}", *row[1:]) for i, row in enumerate(rows())]), "words in the texts"),
    ],
)
def test_what_cannot_be_used_is_a_sentence(tmp_path, text, words):
    with pytest.raises(BadInput, match=words):
        written(tmp_path, text)


def test_too_much_is_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr("mlleak_core.data.texts.MOST_BYTES", 2000)
    with pytest.raises(BadInput, match="a table of at most 0 MB"):
        written(tmp_path, table(rows()))


def test_fifty_megabytes_are_read(tmp_path):
    long = "the doctor was kind and said what the matter was " * 1050
    text = table([(f"{long}{i}", "yn"[i % 2], f"a{i % 4}") for i in range(1000)])
    assert len(text) > 50 * 2**20 * 0.97
    assert len(written(tmp_path, text)) == 1000


@pytest.mark.parametrize("name", ["author:Nobody", "colour:red", "author", ":"])
def test_a_property_that_no_column_has_is_a_sentence(doctors, name):
    with pytest.raises(BadInput, match="a column and its value in the doctor reviews: author:"):
        doctors.target(name)


def test_a_path_that_is_not_there_is_a_sentence():
    with pytest.raises(BadInput, match="a CSV of texts"):
        drain(source.load("reviews:/nowhere/at/all.csv", "texts"))
