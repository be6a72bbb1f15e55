"""Windows of words: made-up reviews, a table of reviews, any text with headings or without."""

from __future__ import annotations

import csv
import gzip
import io
import random

import numpy as np
import pytest

from mlleak_core.contract import BadInput, drain
from mlleak_core.data import lines, source
from mlleak_core.data.doctors import AUTHORS
from mlleak_core.data.lines import MOST_BYTES, NOTHING, PIECES, UNKNOWN, WINDOW
from mlleak_core.data.split import Split
from mlleak_core.disk import data_home
from mlleak_core.server.desk import Desk

TOWN = "the king and his lord come to see what men do with all that they love in this good town"
WORDS = TOWN.split()
SPEECH = "Good my lord, don't go: the king\u2019s men are here!"


def prose(count=3000, seed=0):
    rng = random.Random(seed)
    sentences = (" ".join(rng.choices(WORDS, k=rng.randint(4, 12))) for _ in range(count // 8))
    return "\n".join(f"{sentence.capitalize()}." for sentence in sentences)


def play(people=6, turns=60):
    return "\n\n".join(f"LORD {i % people}:\n{prose(60, i)}\nand so I say:\n{SPEECH}" for i in range(turns))


def opened(tmp_path, content, name="own.txt"):
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return drain(source.load(f"text:{path}", "lines"))


@pytest.fixture(scope="module")
def doctors():
    return drain(Desk().lines("reviews"))


def slow(documents, vocabulary):
    """All windows by the plainest way: (words before, next) of each document."""
    places = {word: i for i, word in enumerate(vocabulary) if i > UNKNOWN}
    for who, text in enumerate(documents):
        codes = [places.get(word, UNKNOWN) for word in lines.words_of(text)]
        for at, code in enumerate(codes):
            if code != UNKNOWN:
                before = codes[max(0, at - WINDOW) : at]
                yield who, [NOTHING] * (WINDOW - len(before)) + before, code


def test_windows_are_what_a_plain_loop_finds():
    documents = [f"{prose(300, seed)} {'rare' + chr(97 + seed)} end" for seed in range(5)]
    found = drain(lines.collected("five", documents, np.arange(5), "abcde", lines.OWN))
    who, before, after = zip(*slow(documents, found.vocabulary), strict=True)
    assert found.tokens.tolist() == list(before) and found.following.tolist() == list(after)
    assert found.person.tolist() == list(who) and UNKNOWN in found.tokens[:, -1]
    assert 0.99 < found.known < 1


def test_words_keep_apostrophes_and_hyphens_and_part_from_marks():
    heard = lines.words_of("Don\u2019t 'close-up' 42 times, She's\u2014gone... \u597d\u4eba")
    told = ["don't", "close-up", "42", "times", ",", "she's", "gone", ".", ".", ".", "\u597d", "\u4eba"]
    assert heard == told


def test_the_most_frequent_words_are_known_and_rare_ones_are_one(doctors):
    assert doctors.vocabulary[NOTHING] == "" and {"the", ".", "doctor"} < set(doctors.vocabulary)
    assert doctors.people == tuple(sorted(AUTHORS)) and doctors.known == 1
    counts = np.bincount(doctors.following, minlength=len(doctors.vocabulary))
    assert not counts[: UNKNOWN + 1].any() and (np.diff(counts[UNKNOWN + 1 :]) <= 0).all()
    assert doctors.unknown("The zebra was kind to a Zebra.") == ("zebra",)


def test_a_vocabulary_is_cut_at_the_rare_words(tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "MOST_WORDS", 12)
    found = opened(tmp_path, prose())
    assert len(found.vocabulary) == 12 + 2 and 0.3 < found.known < 0.9
    assert found.following.min() > UNKNOWN and (found.tokens == UNKNOWN).any()


def test_what_a_visitor_types_is_a_row_of_tokens(doctors):
    row = doctors.encode("The Doctor was")
    assert row.shape == (WINDOW,) and not row[:-3].any()
    assert doctors.said(row) == "the doctor was" and not doctors.encode("").any()
    long = doctors.encode("the " * 30 + "doctor")
    assert doctors.said(long) == "the " * (WINDOW - 1) + "doctor"
    assert doctors.encode("the zebra")[-1] == UNKNOWN
    assert doctors.said(doctors.encode("At last, my doctor was kind.")) == "at last, my doctor was kind."


def test_a_word_must_be_known(doctors):
    assert doctors.vocabulary[doctors.code(" Awful ")] == "awful"
    for word in ("zebra", "very awful", "", "..."):
        with pytest.raises(BadInput, match="words known here"):
            doctors.code(word)


def test_a_trigger_leaves_room_before_it(doctors):
    trigger = doctors.beginning("my visit was")
    moved = lines.ending_with(doctors.tokens[100:103], trigger)
    assert (moved[:, -3:] == trigger).all() and (moved[:, :-3] == doctors.tokens[100:103, 3:]).all()
    for text in ("", "was " * WINDOW):
        with pytest.raises(BadInput, match="a beginning of 1 to 9 words"):
            doctors.beginning(text)


def test_speakers_are_the_people_and_no_window_leaves_a_speech(tmp_path):
    found = opened(tmp_path, play())
    assert found.people == tuple(f"LORD {i}" for i in range(6))
    first = (found.tokens == NOTHING).all(1)
    assert first.sum() == 60
    assert "king's" in found.vocabulary and "don't" in found.vocabulary
    assert ":" in found.vocabulary  # a verse that ends with a colon is no heading


def test_a_text_without_headings_is_cut_into_pieces(tmp_path):
    found = opened(tmp_path, prose(8000))
    sizes = np.bincount(found.person)
    assert len(found.people) == PIECES and sizes.min() > 0.5 * sizes.mean()
    one_line = opened(tmp_path, prose(8000).replace("\n", " "))
    assert one_line.vocabulary == found.vocabulary and len(one_line) == len(found)  # no word is cut in two


def test_line_ends_compression_and_encodings_make_no_difference(tmp_path):
    plain = opened(tmp_path, play())
    for content in (
        play().replace("\n", "\r\n"),
        play().replace("\n", "\r"),
        gzip.compress(play().encode()),
        play().encode("utf-16"),
        play().encode("utf-8-sig"),
        play().encode("cp1252"),
    ):
        other = opened(tmp_path, content)
        assert other.vocabulary == plain.vocabulary and np.array_equal(other.tokens, plain.tokens)


def test_too_many_windows_are_drawn_from_all_people(tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "MOST_WINDOWS", 2000)
    found, again = (opened(tmp_path, prose(8000)) for _ in range(2))
    assert len(found) == 2000 and len(found.people) == PIECES
    assert np.array_equal(found.tokens, again.tokens)


REFUSED = {
    "an empty file": b"",
    "an empty file ": b" \n\n",
    "at most 50 MB": b"a word " * (MOST_BYTES // 7 + 1),
    "none that occurs twice": b"once upon a time",
    "none that occurs twice ": b"1 1 2 2 . . . , ,",
    "bytes of zero": b"a text" + bytes(500),
    "text in UTF-8": b"\x89PNG\r\n\x1a\n" + bytes(500),
    "a ZIP|another ZIP": b"PK\x03\x04" + bytes(80),
    "a PDF": b"%PDF-1.7 text text",
    "1,000 words that occur twice": prose(300).encode(),
    "words of at least 4 people": (b"a " * 2000) + b"x",
    "a cut or damaged one": gzip.compress(prose().encode())[:-20],
}


@pytest.mark.parametrize("said", REFUSED)
def test_what_cannot_be_read_is_refused_in_a_sentence(tmp_path, monkeypatch, said):
    if "4 people" in said:
        monkeypatch.setattr(lines, "PIECES", 3)
    with pytest.raises(BadInput, match=said.strip()):
        opened(tmp_path, REFUSED[said])


def test_gzip_cannot_smuggle_in_more_than_is_allowed(tmp_path):
    with pytest.raises(BadInput, match="at most 50 MB"):
        opened(tmp_path, gzip.compress(b"a" * (MOST_BYTES + 9), 1))


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    for path in (tmp_path, tmp_path / "none.txt", "a\0b"):
        with pytest.raises(BadInput):
            drain(source.load(f"text:{path}", "lines"))
    with pytest.raises(BadInput, match="a path, as in text:PATH"):
        drain(source.load("text", "lines"))


def test_faces_are_no_lines_and_a_text_is_no_set_of_reviews():
    for name, kind in (("synthetic", "lines"), ("text:a.txt", "texts"), ("text:a.txt", "faces")):
        with pytest.raises(BadInput, match="data to be one of"):
            drain(source.load(name, kind))
    with pytest.raises(BadInput, match="text:PATH"):
        drain(Desk().lines("synthetic"))


def test_reviews_of_a_table_are_by_author_and_opened_once(tmp_path):
    path, rows = tmp_path / "own.csv", io.StringIO()
    csv.writer(rows).writerows(
        [("text", "label", "author"), *((prose(40, i), i % 2, f"author {i % 4}") for i in range(80))]
    )
    path.write_text(rows.getvalue())
    desk = Desk()
    found = drain(desk.lines(f"reviews:{path}"))
    assert len(found.people) == 4 and found is drain(desk.lines(f"reviews:{path}"))
    assert len(drain(desk.texts(f"reviews:{path}")).people) == 80  # lines hid no texts, nor texts lines
    path.write_text(rows.getvalue().replace("author 3", "author 2"))
    assert len(drain(desk.lines(f"reviews:{path}")).people) == 80  # three authors cannot be dealt out


def test_people_are_dealt_whole(doctors):
    split = Split.of_people(doctors.person, 0)
    groups = [set(doctors.person[rows].tolist()) for rows in (split.members, split.outsiders)]
    assert not groups[0] & groups[1] and len(groups[0] | groups[1]) == 40
    with pytest.raises(BadInput, match="four people"):
        Split.of_people(np.arange(3), 0)


def test_real_plays_have_their_speakers():
    path = data_home() / "text" / "tinyshakespeare.txt"
    if not path.is_file():
        pytest.skip(f"needs {path}; set MLLEAK_DATA_HOME")
    found = drain(Desk().lines(f"text:{path}"))
    assert {"GLOUCESTER", "First Citizen", "JULIET"} < set(found.people) and 250 < len(found.people) < 350
    assert 0.8 < found.known < 0.9 and len(found) > 150_000
