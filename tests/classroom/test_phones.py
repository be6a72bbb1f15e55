"""What phones are sent, and what becomes of all that they send."""

from __future__ import annotations

import re
import time

import pytest
from starlette.testclient import TestClient

from mlleak_core.classroom import phones as served
from mlleak_core.classroom.phones import BODY, app
from mlleak_core.classroom.questions import lesson
from mlleak_core.classroom.rooms import PHONES, SECONDS, Rooms
from mlleak_core.language import ENGLISH, speak, spoken
from mlleak_core.threat import Asked

MANY = next(at for at, item in enumerate(lesson()) if item.question.kind is Asked.MANY)


@pytest.fixture
def rooms(tmp_path):
    made = Rooms(tmp_path / "rooms.sqlite")
    yield made
    made.close_all()


@pytest.fixture
def lesson_of(rooms):
    """A room, and phones that have joined it."""
    code, key = rooms.open()
    application = app(rooms)

    def phone(joins=True):
        client = TestClient(application, follow_redirects=True)
        if joins:
            assert client.post("/join", data={"code": code}).status_code == 200
        return client

    return code, key, phone


def problem(reply):
    found = re.search(r'<p class="problem" role="alert">(.*?)</p>', reply.text)
    return found[1].replace("&#39;", "'") if found else ""


def test_a_lesson(rooms, lesson_of):
    code, key, phone = lesson_of
    class_ = [phone() for _ in range(3)]
    for client in class_:
        page = client.post(f"/r/{code}/bet", data={"step": "0", "pick": "1"})
        assert "Locked." in page.text and page.url.path == f"/r/{code}"
    rooms.reveal(code, key, 0)
    page = class_[0].get(f"/r/{code}").text
    assert lesson()[0].truth().sentence.replace("“", "“") in page
    assert "of 3 right" in page
    rooms.turn(code, key, MANY)
    page = class_[0].get(f"/r/{code}").text
    assert page.count("<img") == len(lesson()[MANY].question.pictures)
    sent = class_[0].post(f"/r/{code}/bet", data={"step": str(MANY), "pick": ["0", "3"]})
    assert "Locked." in sent.text
    rooms.turn(code, key, len(lesson()))
    assert "own histogram" in class_[0].get(f"/r/{code}").text


def test_the_truth_is_not_sent_before_the_reveal(rooms, lesson_of):
    code, key, phone = lesson_of
    clients = [phone() for _ in range(4)]
    for at, item in enumerate(lesson()):
        rooms.turn(code, key, at)
        truth = item.truth()
        before = [clients[0].get(f"/r/{code}").text]
        pick = str(item.question.low) if item.question.kind is Asked.NUMBER else "0"
        for client in clients[:3]:
            before.append(client.post(f"/r/{code}/bet", data={"step": str(at), "pick": pick}).text)
        for page in before:
            assert truth.sentence.partition(".")[0] not in page.replace("&#39;", "'")
            assert 'class="answer"' not in page and "option right" not in page
        rooms.reveal(code, key, at)
        assert 'class="answer"' in clients[0].get(f"/r/{code}").text


def test_what_every_answer_carries(lesson_of):
    code, _, phone = lesson_of
    client = phone()
    for path in ("/", f"/r/{code}", "/phone.js", "/phone.css", f"/picture/{MANY}/0", "/nowhere", "/health"):
        headers = client.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
    page = client.get(f"/r/{code}").text
    assert not re.search(r"(?:src|href)=\"(?:https?:)?//", page), "nothing from elsewhere"
    assert not re.search(r"<script(?![^>]*src=)|\son\w+=|style=", page), "nothing inline"


def test_the_cookie_is_for_this_page_alone(lesson_of):
    code, _, phone = lesson_of
    set_ = phone(False).post("/join", data={"code": code}, follow_redirects=False).headers["set-cookie"]
    assert "HttpOnly" in set_ and "SameSite=lax" in set_ and f"Max-Age={int(SECONDS)}" in set_


def test_looking_at_a_link_joins_nobody(rooms, lesson_of):
    code, _, phone = lesson_of
    page = phone(False).get(f"/r/{code}")
    assert page.status_code == 200 and f'value="{code}"' in page.text
    assert rooms.tally(code, 0).joined == 0


@pytest.mark.parametrize("code", ["", "ZZZZZZ", "no", "<script>alert(1)</script>", "x" * 3000])
def test_a_wrong_code(lesson_of, code):
    _, _, phone = lesson_of
    reply = phone(False).post("/join", data={"code": code})
    assert reply.status_code == 404
    assert problem(reply).startswith("Expected the code of an open room; got")
    assert "<script>alert" not in reply.text
    assert phone(False).get("/r/ZZZZZZ").status_code == 404


def test_an_expired_room(rooms, lesson_of):
    code, _, phone = lesson_of
    client = phone()
    rooms.clock = lambda: time.time() + SECONDS
    for reply in (
        client.get(f"/r/{code}"),
        client.get(f"/r/{code}/wait?seen=1"),
        client.post(f"/r/{code}/bet", data={"step": "0", "pick": "1"}),
        client.post("/join", data={"code": code}),
    ):
        assert reply.status_code == 404
        assert "expired" in reply.text


def test_a_full_room(rooms, lesson_of):
    code, _, phone = lesson_of
    for number in range(PHONES):
        rooms.join(code, str(number))
    reply = phone(False).post("/join", data={"code": code})
    assert reply.status_code == 503
    assert f"at most {PHONES} phones" in problem(reply)


@pytest.mark.parametrize("field", ["name", "pick", "code", "step"])
def test_a_megabyte(rooms, lesson_of, field):
    code, _, phone = lesson_of
    client = phone()
    for path in ("/join", f"/r/{code}/bet"):
        reply = client.post(path, data={field: "a" * 2**20})
        assert reply.status_code == 413
        assert f"at most {BODY:,} bytes" in problem(reply)
        assert len(reply.text) < 4000
    assert rooms.tally(code, 0).locked == 0


def test_nothing_that_was_sent_is_shown_as_text(rooms, lesson_of):
    code, _, phone = lesson_of
    client = phone()
    word = "ugly-word-nobody-wants"
    reply = client.post(f"/r/{code}/bet", data={"step": "0", "pick": "1", "name": word, "note": word})
    assert reply.status_code == 200
    for path in (f"/r/{code}", f"/r/{code}?step={word}", f"/?code={word}", f"/r/{word}", f"/{word}"):
        assert word not in client.get(path).text.lower()
    reply = client.post(f"/r/{code}/bet", data={"step": "0", "pick": word})
    assert reply.status_code == 400 and word not in reply.text


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"step": "0"},
        {"step": "0", "pick": "-1"},
        {"step": "0", "pick": "77"},
        {"step": "99", "pick": "1"},
        {"step": "²", "pick": "1"},
        {"step": "0", "pick": ["1", "2"]},
        {"step": "0", "pick": "1e3"},
    ],
)
def test_a_bet_that_is_none(rooms, lesson_of, sent):
    code, _, phone = lesson_of
    reply = phone().post(f"/r/{code}/bet", data=sent)
    assert reply.status_code == 400
    assert problem(reply).startswith("Expected ")
    assert rooms.tally(code, 0).locked == 0


@pytest.mark.parametrize("body", [b"\xff\xfe\x00", b"&" * 500 + b"a=1&" * 200, b"[1, 2", b"%zz=%00"])
def test_a_body_that_is_no_form(rooms, lesson_of, body):
    code, _, phone = lesson_of
    reply = phone().post(f"/r/{code}/bet", content=body)
    assert reply.status_code == 400
    assert problem(reply).startswith("Expected ")


def test_a_form_of_another_site(rooms, lesson_of):
    code, _, phone = lesson_of
    reply = phone().post(
        f"/r/{code}/bet", data={"step": "0", "pick": "1"}, headers={"origin": "https://elsewhere.example"}
    )
    assert reply.status_code == 400 and "another" in problem(reply)
    assert rooms.tally(code, 0).locked == 0


def test_a_double_lock_says_so(rooms, lesson_of):
    code, _, phone = lesson_of
    client = phone()
    client.post(f"/r/{code}/bet", data={"step": "0", "pick": "1"})
    reply = client.post(f"/r/{code}/bet", data={"step": "0", "pick": "2"})
    assert reply.status_code == 409
    assert "Your first one stands" in problem(reply)
    assert re.search(r'value="1" checked', reply.text) and not re.search(r'value="2" checked', reply.text)
    assert client.get(f"/r/{code}/bet").url.path == f"/r/{code}", "loaded again, it is the question"


def test_a_phone_that_slept_comes_back_where_the_class_is(rooms, lesson_of):
    code, key, phone = lesson_of
    client = phone()
    stale = client.get(f"/r/{code}").text
    seen = re.search(r'data-seen="(\d+)"', stale)[1]
    rooms.turn(code, key, 1)
    assert client.get(f"/r/{code}/wait?seen={seen}").json()["version"] > int(seen)
    reply = client.post(f"/r/{code}/bet", data={"step": "0", "pick": "1"})
    assert reply.status_code == 409
    assert "This bet does not count" in problem(reply)
    assert lesson()[1].question.title in reply.text
    client.post("/join", data={"code": code})
    assert rooms.tally(code, 0).joined == 1, "it is the same phone"


def test_a_phone_that_has_not_joined_cannot_bet(rooms, lesson_of):
    code, _, phone = lesson_of
    reply = phone(False).post(f"/r/{code}/bet", data={"step": "0", "pick": "1"})
    assert "Join your class" in reply.text
    assert rooms.tally(code, 0).locked == 0


def test_waiting_ends_by_itself_and_at_once_where_something_has_changed(rooms, lesson_of, monkeypatch):
    code, _, phone = lesson_of
    client = phone()
    monkeypatch.setattr(served, "PATIENCE", 0.5)
    began = time.monotonic()
    version = client.get(f"/r/{code}/wait?seen={rooms.room(code).version}").json()["version"]
    assert version == rooms.room(code).version and time.monotonic() - began >= 0.5
    for seen in ("0", "", "x" * 1000):
        assert client.get(f"/r/{code}/wait", params={"seen": seen}).json()["version"] == version


def test_at_their_own_pace(rooms, lesson_of):
    code, key, phone = lesson_of
    client = phone()
    assert lesson()[0].question.title in client.get(f"/r/{code}?step=2").text, "the teacher paces"
    rooms.pace(code, key, True)
    assert lesson()[2].question.title in client.get(f"/r/{code}?step=2").text
    reply = client.post(f"/r/{code}/bet", data={"step": "2", "pick": "1"})
    assert "Locked." in reply.text and reply.url.query == b"step=2"
    assert client.get(f"/r/{code}?step=999").status_code == 200


def test_a_restart_in_mid_lesson(rooms, lesson_of, tmp_path):
    code, key, phone = lesson_of
    client = phone()
    client.post(f"/r/{code}/bet", data={"step": "0", "pick": "1"})
    again = Rooms(rooms.path)
    after = TestClient(app(again), cookies=dict(client.cookies))
    assert "Locked." in after.get(f"/r/{code}").text
    again.turn(code, key, 1)
    assert lesson()[1].question.title in after.get(f"/r/{code}").text
    again.close_all()


def test_a_fault_of_its_own_is_a_sentence(rooms, lesson_of, monkeypatch):
    code, _, phone = lesson_of
    client = TestClient(app(rooms), raise_server_exceptions=False)
    monkeypatch.setattr(rooms, "room", lambda code: 1 / 0)
    reply = client.get(f"/r/{code}")
    assert reply.status_code == 500 and "Load the page again" in problem(reply)


@pytest.mark.parametrize(
    "path", ["/picture/99", "/picture/0/99", f"/picture/{MANY}", "/r", "/join", "/r/a/b/c"]
)
def test_addresses_that_are_none(lesson_of, path):
    _, _, phone = lesson_of
    reply = phone(False).get(path)
    assert reply.status_code in {404, 405}
    assert problem(reply).startswith("Expected a page of the classroom")


@pytest.fixture
def german(rooms):
    """A room that was opened in German, and a phone that asks for English."""
    speak("de")
    code, key = rooms.open()
    speak(ENGLISH)
    client = TestClient(app(rooms), follow_redirects=True, headers={"accept-language": "en"})
    return code, key, client


def test_a_room_speaks_the_language_in_which_it_was_opened(rooms, german):
    code, key, client = german
    assert "Der Code von vorn" in client.get(f"/r/{code}").text
    page = client.post("/join", data={"code": code}).text
    assert '<html lang="de">' in page and "Frage · 1 von" in page and "Tipp festlegen" in page
    sent = client.post(f"/r/{code}/bet", data={"step": "0", "pick": ["0", "1"]})
    assert problem(sent).startswith("Erwartet: eine Antwort; bekommen: 2 davon.")
    assert "Festgelegt." in client.post(f"/r/{code}/bet", data={"step": "0", "pick": "0"}).text
    assert problem(client.post(f"/r/{code}/bet", data={"step": "x"})).startswith("Erwartet: ein Tipp")
    rooms.turn(code, key, len(lesson()) - 1)
    assert "Eine Schule" in client.get(f"/r/{code}").text
    rooms.reveal(code, key, len(lesson()) - 1)
    assert "Rauschen schon." in client.get(f"/r/{code}").text
    rooms.turn(code, key, len(lesson()))
    assert "euer eigenes Histogramm" in client.get(f"/r/{code}").text
    assert spoken() == ENGLISH


def test_where_there_is_no_room_a_phone_hears_its_own_language(rooms, lesson_of):
    client = TestClient(app(rooms), headers={"accept-language": "de-AT,de;q=0.9,en;q=0.8"})
    assert "Der Code von vorn" in client.get("/").text
    assert problem(client.post("/join", data={"code": "BBBBBB"})).startswith("Erwartet: der Code")
    assert "The code at the front" in client.get(f"/?code={lesson_of[0]}").text
    client.headers["accept-language"] = "xx"
    assert "The code at the front" in client.get("/").text
