"""Rooms of a class: what counts, what is shown, what is kept, and what an attack on the bars finds."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import numpy as np
import pytest

from mlleak_core import disk
from mlleak_core.classroom import own
from mlleak_core.classroom.questions import checked, lesson, slots, slots_of
from mlleak_core.classroom.results import of_class, of_one, point_of_class, point_of_one
from mlleak_core.classroom.rooms import (
    LEAST,
    PHONES,
    ROOMS,
    SECONDS,
    Full,
    Late,
    NoRoom,
    NotTheTeacher,
    Rooms,
    Tally,
    tidy,
)
from mlleak_core.contract import BadInput
from mlleak_core.language import ENGLISH, speak
from mlleak_core.threat import Asked, Question, Truth, discover

MANY = next(at for at, item in enumerate(lesson()) if item.question.kind is Asked.MANY)
NUMBER = next(at for at, item in enumerate(lesson()) if item.question.kind is Asked.NUMBER)


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def rooms(tmp_path, clock):
    made = Rooms(tmp_path / "deep" / "rooms.sqlite", clock=clock)
    yield made
    made.close_all()


@pytest.fixture
def room(rooms):
    return rooms.open()


def fill(rooms, code, step, bets):
    for number, picks in enumerate(bets):
        rooms.join(code, f"phone {number}")
        rooms.lock(code, step, f"phone {number}", picks)


def test_nothing_is_shown_for_fewer_than_three(rooms, room):
    code, key = room
    for locked in range(1, LEAST + 2):
        rooms.join(code, str(locked))
        rooms.lock(code, 0, str(locked), [1])
        tally = rooms.tally(code, 0)
        assert (tally.joined, tally.locked) == (locked, locked)
        assert (tally.counts is None) == (locked < LEAST)
        assert (rooms.published(code, key, 0, 1.0) is None) == (locked < LEAST)
        first = [row for row in rooms.rows(code, key) if row["step"] == lesson()[0].key]
        assert (first[0]["bets"] == "") == (locked < LEAST)
        assert (rooms.leak(code, key, 0, 1.0) is None) == (locked <= LEAST), "the bars before it, too"


def test_counts_are_of_what_was_bet(rooms, room):
    code, _ = room
    fill(rooms, code, 0, [[0], [2], [2], [5]])
    assert rooms.tally(code, 0).counts == (1, 0, 2, 0, 0, 1)


def test_numbers_are_counted_in_bars(rooms, room):
    code, key = room
    rooms.turn(code, key, NUMBER)
    question = lesson()[NUMBER].question
    fill(rooms, code, NUMBER, [[question.low], [question.high], [question.high]])
    counts = rooms.tally(code, NUMBER).counts
    assert counts is not None and len(counts) == len(slots(question))
    assert (counts[0], counts[-1], sum(counts)) == (1, 2, 3)


def test_a_second_bet_is_refused_and_the_first_one_stands(rooms, room):
    code, _ = room
    rooms.join(code, "a")
    rooms.lock(code, 0, "a", [1])
    for picks in ([1], [2]):
        with pytest.raises(Late, match="Your first one stands"):
            rooms.lock(code, 0, "a", picks)
    assert rooms.mine(code, 0, "a") == (1,)
    assert rooms.tally(code, 0).locked == 1


def test_a_bet_counts_on_the_present_question_before_the_reveal(rooms, room):
    code, key = room
    for phone in "abc":
        rooms.join(code, phone)
    with pytest.raises(Late, match="present question"):
        rooms.lock(code, 1, "a", [1])
    rooms.pace(code, key, True)
    rooms.lock(code, 1, "a", [1])
    rooms.pace(code, key, False)
    rooms.reveal(code, key, 0)
    with pytest.raises(Late, match="after it"):
        rooms.lock(code, 0, "b", [1])
    with pytest.raises(Late, match="Join"):
        rooms.lock(code, 0, "a stranger", [1])


def test_a_reset_forgets_the_bets_and_the_reveal_of_one_question(rooms, room):
    code, key = room
    fill(rooms, code, 0, [[1], [1], [2]])
    rooms.reveal(code, key, 0)
    rooms.reveal(code, key, 1)
    rooms.reset(code, key, 0)
    assert rooms.tally(code, 0) == Tally(joined=3, locked=0, counts=None)
    assert rooms.room(code).revealed == {1}
    rooms.lock(code, 0, "phone 0", [3])


def test_every_change_that_phones_have_to_see_is_a_new_version(rooms, room):
    code, key = room
    seen = [rooms.room(code).version]
    for change in (
        lambda: rooms.turn(code, key, 1),
        lambda: rooms.reveal(code, key, 1),
        lambda: rooms.reset(code, key, 1),
        lambda: rooms.pace(code, key, True),
    ):
        change()
        seen.append(rooms.room(code).version)
    assert seen == sorted(set(seen))
    rooms.join(code, "a")
    assert rooms.room(code).version == seen[-1], "a phone more is no news to the others"


def test_steps_end_with_the_classs_own_bars(rooms, room):
    code, key = room
    rooms.turn(code, key, 10_000)
    assert rooms.room(code).step == len(lesson())
    rooms.turn(code, key, -5)
    assert rooms.room(code).step == 0


def test_only_who_holds_the_key_leads(rooms, room):
    code, _ = room
    _, other = rooms.open()
    for key in ("", other, "x" * 100_000):
        for act in (
            lambda: rooms.check(code, key),  # noqa: B023
            lambda: rooms.turn(code, key, 1),  # noqa: B023
            lambda: rooms.reveal(code, key, 0),  # noqa: B023
            lambda: rooms.reset(code, key, 0),  # noqa: B023
            lambda: rooms.pace(code, key, True),  # noqa: B023
            lambda: rooms.close(code, key),  # noqa: B023
            lambda: rooms.rows(code, key),  # noqa: B023
            lambda: rooms.leak(code, key, 0, 1.0),  # noqa: B023
            lambda: rooms.published(code, key, 0, 1.0),  # noqa: B023
        ):
            with pytest.raises(NotTheTeacher, match="teacher's link"):
                act()
    assert rooms.room(code).step == 0


def test_a_room_holds_so_many_phones_and_says_so(rooms, room):
    code, _ = room
    for number in range(PHONES):
        rooms.join(code, str(number))
    with pytest.raises(Full, match=f"at most {PHONES} phones"):
        rooms.join(code, "one more")
    rooms.join(code, "0")
    assert rooms.tally(code, 0).joined == PHONES


def test_a_server_holds_so_many_rooms_until_some_expire(rooms, clock):
    for _ in range(ROOMS):
        rooms.open()
    with pytest.raises(Full, match=f"at most {ROOMS} open rooms"):
        rooms.open()
    clock.now += SECONDS
    rooms.open()


@pytest.mark.parametrize(
    "code", ["", "BCD", "BCDFGH", "bcd fgh", "AEIOU1", "x" * 1_000_000, "'; --", "²²²²²²"]
)
def test_a_wrong_code_is_a_sentence(rooms, code):
    with pytest.raises(
        NoRoom, match="^Expected the code of an open room; got .* Ask for today's code.$"
    ) as said:
        rooms.join(code, "a")
    assert len(str(said.value)) < 200


def test_a_code_is_read_as_people_type_it(rooms, room):
    code, _ = room
    assert tidy(f" {code[:3].lower()}-{code[3:].lower()} ") == code
    rooms.join(f"{code[:3]} {code[3:]}", "a")
    assert rooms.knows(code, "a") and not rooms.knows(code, "b")


def test_a_room_expires(rooms, room, clock):
    code, key = room
    clock.now += SECONDS - 1
    assert rooms.check(code, key).code == code
    clock.now += 1
    with pytest.raises(NoRoom, match="expired"):
        rooms.check(code, key)


def bytes_of(rooms):
    return b"".join(f.read_bytes() for f in rooms.path.parent.iterdir())


@pytest.mark.parametrize("end", ["closed", "expired"])
def test_nothing_is_kept_of_a_room_that_is_over(rooms, room, clock, end):
    code, key = room
    fill(rooms, code, 0, [[1], [2], [3]])
    assert code.encode() in bytes_of(rooms)
    assert b"phone 1" not in bytes_of(rooms) and key.encode() not in bytes_of(rooms)
    if end == "closed":
        rooms.close(code, key)
    else:
        clock.now += SECONDS
        rooms.purge()
    assert code.encode() not in bytes_of(rooms)
    with pytest.raises(NoRoom):
        rooms.tally(code, 0)


def test_a_restart_loses_no_room(rooms, room):
    code, key = room
    fill(rooms, code, 0, [[1], [2], [3]])
    rooms.turn(code, key, 1)
    again = Rooms(rooms.path, clock=rooms.clock)
    assert again.check(code, key) == rooms.check(code, key)
    assert again.tally(code, 0) == rooms.tally(code, 0)
    again.close_all()


def test_a_process_that_is_killed_loses_no_bet(tmp_path):
    path = tmp_path / "rooms.sqlite"
    script = (
        "import os, sys; from pathlib import Path; from mlleak_core.classroom.rooms import Rooms\n"
        "rooms = Rooms(Path(sys.argv[1])); code, key = rooms.open()\n"
        "for n in range(4): rooms.join(code, str(n)); rooms.lock(code, 0, str(n), [n])\n"
        "print(code, key, flush=True); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=False, timeout=120
    )
    code, key = done.stdout.split()
    rooms = Rooms(path)
    assert rooms.tally(code, 0).locked == 4
    assert rooms.check(code, key).step == 0
    rooms.close_all()


def test_many_at_once_lose_nothing(rooms, room):
    code, _ = room
    other = Rooms(rooms.path, clock=rooms.clock)
    problems = []

    def bet(number):
        try:
            book = (rooms, other)[number % 2]
            book.join(code, str(number))
            book.lock(code, 0, str(number), [number % 6])
        except Exception as problem:  # noqa: BLE001  a thread's failure must fail the test
            problems.append(problem)

    threads = [threading.Thread(target=bet, args=(n,)) for n in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close_all()
    assert not problems
    assert rooms.tally(code, 0).counts == (5,) * 6


def test_a_damaged_or_forbidden_book_is_a_sentence(tmp_path):
    (tmp_path / "rooms.sqlite").write_bytes(b"no database at all, but long enough to be looked at" * 100)
    with pytest.raises(BadInput, match="MLLEAK_CACHE_HOME"):
        Rooms(tmp_path / "rooms.sqlite")
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="MLLEAK_CACHE_HOME"):
        Rooms(tmp_path / "file" / "rooms.sqlite")


def test_results_are_without_persons(rooms, room):
    code, key = room
    fill(rooms, code, 0, [[1], [2], [2]])
    rows = rooms.rows(code, key)
    assert {row["right"] for row in rows} == {""}
    assert all(set(row) == {"step", "question", "answer", "bets", "phones", "right"} for row in rows)
    assert sum(row["bets"] or 0 for row in rows) == 3
    rooms.reveal(code, key, 0)
    said = [row["right"] for row in rooms.rows(code, key) if row["step"] == lesson()[0].key]
    assert said.count("yes") >= 1 and said.count("no") >= 1


# The questions.


def test_every_question_has_an_answer_among_its_bars():
    assert len(lesson()) > 3 + 3
    assert sum(item.ticket for item in lesson()) == 3
    for item in lesson():
        question, truth = item.question, item.truth()
        assert question.title and question.ask and truth.sentence
        assert checked(question, [str(value) for value in truth.right[: question.most]])
        assert set(slots_of(question, truth.right)) <= set(range(len(slots(question))))
        assert len(set(truth.right)) < len(slots(question)), "not everything is right"
        assert not question.pictures or len(question.pictures) == len(question.options)
        assert question.kind is not Asked.MANY or item.rivals()


def test_threats_ask_by_themselves():
    asked = [t.card.slug for t in discover() if t.shipped_exhibits()[0].class_question() is not None]
    assert [item.key for item in lesson() if not item.ticket] == asked


def test_a_question_does_not_hold_its_answer():
    """The truth of a shipped question is what the judge of the exhibit says, and nowhere in the question."""
    for item in lesson():
        truth = item.truth()
        shown = " ".join((item.question.title, item.question.ask, item.question.alt))
        assert truth.sentence not in shown
        assert not truth.attacker or truth.attacker not in shown


@pytest.mark.parametrize(
    "said", [[], ["x"], ["-1"], ["99"], ["1", "2"], ["1.5"], ["9" * 5000], ["²"], [""], ["<b>"]]
)
def test_an_answer_that_is_none_is_a_sentence(said):
    with pytest.raises(BadInput, match="Choose on the page, then lock"):
        checked(lesson()[0].question, said)


def test_picks_are_limited():
    question = lesson()[MANY].question
    enough = [str(i) for i in range(question.most)]
    assert checked(question, enough[::-1]) == tuple(range(question.most))
    with pytest.raises(BadInput, match=f"one to {question.most} choices"):
        checked(question, [*enough, str(question.most)])


# What came of bets.

TWO_OF_FOUR = Question(title="", ask="", kind=Asked.MANY, options=("1", "2", "3", "4"), most=2)
FIRST_TWO = Truth(right=(0, 1), sentence="")


def test_the_class_is_one_point_the_mean_of_its_phones():
    bets = [(0, 1), (0, 2), (2, 3), (1,)]
    counts = tuple(own.as_bets(bets, 4).sum(0).tolist())
    mean = np.mean([point_of_one(TWO_OF_FOUR, FIRST_TWO, picks) for picks in bets], axis=0)
    assert point_of_class(TWO_OF_FOUR, FIRST_TWO, Tally(joined=9, locked=4, counts=counts)) == tuple(mean)
    assert point_of_one(TWO_OF_FOUR, FIRST_TWO, (0, 2)) == (0.5, 0.5)


def test_too_few_are_no_point_and_no_words():
    few = Tally(joined=2, locked=2, counts=None)
    assert point_of_class(TWO_OF_FOUR, FIRST_TWO, few) is None
    assert "nothing is shown" in of_class(TWO_OF_FOUR, FIRST_TWO, few)


def test_what_a_phone_hears():
    number = lesson()[NUMBER]
    right = number.truth().right[0]
    assert of_one(number.question, number.truth(), (right,)).endswith("right on it")
    assert of_one(number.question, number.truth(), (right + 2,)).endswith("off by 2")
    assert of_one(TWO_OF_FOUR, FIRST_TWO, (0, 2)) == "1 of 2 found, 1 false alarms"
    assert of_one(TWO_OF_FOUR, FIRST_TWO, None) == "no bet"


# The class attacks its own bars.


@pytest.mark.parametrize("kind", [Asked.ONE, Asked.MANY])
def test_exact_bars_give_every_bet_away_and_much_noise_none(kind):
    dice = np.random.default_rng(1)
    question = Question(
        title="", ask="", kind=kind, options=tuple("abcdef"), most=3 if kind is Asked.MANY else 1
    )
    picks = [dice.choice(6, size=question.most, replace=False) for _ in range(25)]
    bets = own.as_bets([p.tolist() for p in picks], 6)
    found = [own.leak(question, bets, epsilon) for epsilon in (0.01, 0.3, 3.0, 100.0)]
    assert all(leak.exact == 1 for leak in found)
    noisy = [leak.noisy for leak in found]
    assert noisy == sorted(noisy)
    assert noisy[0] == pytest.approx(found[0].guess, abs=0.03)
    assert noisy[-1] > 0.99
    assert found[0].guess < 0.75


def test_the_noise_is_as_private_as_it_says():
    """Of two neighbouring counts no value is more than e^ε times as likely under one as under the other."""
    epsilon, scale, n = 1.0, 2, 400_000
    drawn = own.noise(np.random.default_rng(0), epsilon, scale, n)
    share = {value: np.mean(drawn == value) for value in range(-4, 5)}
    for value in range(-4, 4):
        assert (
            np.exp(-epsilon / scale) * 0.95 < share[value] / share[value + 1] < np.exp(epsilon / scale) * 1.05
        )
    assert abs(np.mean(drawn)) < 0.02


def test_noise_is_the_same_however_often_it_is_asked_for(rooms, room):
    code, key = room
    fill(rooms, code, 0, [[1], [2], [3], [3], [5]])
    first = rooms.published(code, key, 0, 0.3)
    assert all(rooms.published(code, key, 0, 0.3) == first for _ in range(5))
    assert first is not None and min(first) >= 0
    assert len({rooms.published(code, key, 0, epsilon) for epsilon in own.EPSILONS}) > 1


def test_the_book_lies_in_the_cache():
    from mlleak_core.classroom.rooms import home

    assert home().is_relative_to(disk.cache_home())
    assert os.environ["MLLEAK_CACHE_HOME"] in str(home())


def test_a_room_keeps_its_language_and_one_from_before_there_were_any_is_english(rooms):
    speak("de")
    code, key = rooms.open()
    titles = [item.question.title for item in rooms.steps]
    speak(ENGLISH)
    assert rooms.room(code).language == rooms.check(code, key).language == "de"
    assert "Eine Klinik" in titles and "A clinic" in [item.question.title for item in rooms.steps]
    rooms._db.execute("DELETE FROM spoken")
    assert rooms.room(code).language == ENGLISH
    rooms.close(code, key)
    speak("de")
    rooms.close(*rooms.open())
    speak(ENGLISH)
    assert not rooms._db.execute("SELECT * FROM spoken").fetchall()
