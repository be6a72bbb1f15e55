"""docs/teaching.md is true word for word: what a lesson names is on the page that it names, and works. So is
every other language's, on the pages in that language.
"""

from __future__ import annotations

import functools
import html
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Block

from mlleak_core.classroom.questions import lesson
from mlleak_core.classroom.rooms import LEAST, PHONES, ROOMS, SECONDS, Rooms, home
from mlleak_core.contract import drain
from mlleak_core.data.source import SOURCES
from mlleak_core.handouts.lessons import DOCS, Lesson, Row, lessons, preface
from mlleak_core.handouts.lessons import italics as marked
from mlleak_core.language import languages, say, speaking, spoken
from mlleak_core.target.settings import TrainSettings
from mlleak_core.threat import discover, threat
from pages._kit.frame import bench
from tests.pages.driver import EXPLAINED, page, press, text, until

SMALL = TrainSettings(faces=600, epochs=2, seed=11)
PAGES = {"Home": "app.py", "Train": "pages/train.py", "Classroom": "pages/classroom.py"}
PAGES |= {found.card.title: f"pages/{found.card.slug}.py" for found in discover()}
LITERAL = re.compile(r'"((?:[^"\\\n]|\\.)*)"|`([^`]*)`')


def rows(code: str) -> list[tuple[str, Lesson, Row]]:
    """The steps on pages, of all lessons in a language."""
    with speaking(code):
        return [(code, about, row) for about in lessons() for row in about.rows if row.page]


ROWS = [each for code in languages() for each in rows(code)]


@pytest.fixture
def visitor(code: str) -> Iterator[None]:
    """Somebody who speaks a test's language: what is chosen on a page is compared by its words."""
    with speaking(code):
        yield


@pytest.fixture(scope="module")
def trained(runs_of_ones_own) -> None:
    """A run of this server, small: what a page shows once *First steps* has been trained."""
    bench().store.save(drain(bench().target(SMALL)))


def of_run(name: str) -> AppTest:
    address = {"faces": SMALL.faces, "epochs": SMALL.epochs, "seed": SMALL.seed, "lang": spoken()}
    return page(name, **{key: str(value) for key, value in address.items()})


def of_a_bet() -> AppTest:
    """The membership page for somebody who has bet: a point of their own is on its chart."""
    at = page(PAGES["Membership"], lang=spoken())
    case: Any = threat("membership").shipped_exhibits()[0]
    at.session_state[f"m-bet-{case.job}"] = [0, 1, 2, 3, 4, 5]
    return at.run()


# What can be read on a page.


def said(at: AppTest) -> set[str]:
    """All that is written on a page, a label, option or paragraph each; of canvases what scripts write."""
    found = (words for node in nodes(at._tree) for words in strings(getattr(node, "proto", None)))
    return {plain(part) for words in found for part in parts(words)}


def nodes(node: Any) -> Iterator[Any]:
    yield node
    if isinstance(node, Block):
        for child in node.children.values():
            yield from nodes(child)


def strings(message: Any) -> Iterator[str]:
    """Every text in a message, however deep."""
    for field, value in message.ListFields() if hasattr(message, "ListFields") else ():
        if field.name in {"id", "css_content", "icon"}:
            continue
        for each in value if isinstance(value, list) or hasattr(value, "append") else [value]:
            if isinstance(each, str | bytes):
                yield each if isinstance(each, str) else each.decode("utf-8", "ignore")
            else:
                yield from strings(each)


def parts(words: str) -> Iterator[str]:
    """A text; of data what its values say, of a script what stands in quotation marks."""
    if words.startswith(("{", "[")):
        yield from values(json.loads(words))
    elif "export default" in words:
        yield from (one or other for one, other in LITERAL.findall(words))
    else:
        yield words


def values(data: Any) -> Iterator[str]:
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict | list):
        for each in data.values() if isinstance(data, dict) else data:
            yield from values(each)


def plain(words: str) -> str:
    """Without marks, as people read it."""
    words = re.sub(r"<[^>]+>", " ", EXPLAINED.sub(r"\1", words))
    return " ".join(html.unescape(re.sub(r"\*|\\(?=[^\w\s])|\u2060", "", words)).split())


def is_on(name: str, written: set[str]) -> bool:
    """A number must be a label or an option; words may stand within a sentence."""
    if name in written:
        return True
    bounded = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")
    return bool(re.search(r"[^\W\d]", name)) and any(map(bounded.search, written))


def called() -> dict[str, str]:
    """What pages are called in the language that is spoken, and what in English."""
    return {say(title): title for title in PAGES}


def seen(row: Row) -> set[str]:
    """What a row's page says, before and after its bets, on the data that the row names."""
    titles = {say(source.title): source.slug for source in SOURCES}
    sources = tuple(titles[name] for name in row.names if name in titles)
    name = called()[row.page]
    return of_a_class(spoken()) if name == "Classroom" else of_a_page(name, sources, spoken())


@functools.cache
def of_a_page(name: str, sources: tuple[str, ...], code: str) -> set[str]:
    """The words of a page, of all that opens on it without a live attack, in a language."""
    opened = [page(PAGES[name], data=s, lang=code) for s in sources] or [page(PAGES[name], lang=code)]
    if name in {"Train", "Features"}:
        opened.append(of_run(PAGES[name]))
    if name == "Membership":
        opened.append(of_a_bet())
    return set().union(*(told for at in opened for told in through(at)))


def through(at: AppTest) -> Iterator[set[str]]:
    """A page's words, bet after bet."""
    for _ in range(3):
        assert not at.exception
        yield said(at)
        waiting = [b for b in at.button if b.label == say("Just show me")]
        if not waiting:
            return
        at = waiting[0].click().run()


@functools.cache
def of_a_class(language: str) -> set[str]:
    """The words of a whole lesson, from the open door to the class's own bars, in a language."""
    rooms, at = Rooms(home()), page(PAGES["Classroom"], lang=language)
    found = said(at)
    at = press(at, say("Open a room"))
    code, _, _ = str(at.query_params["class"]).partition(".")
    try:
        for number in range(5):
            rooms.join(code, f"phone {number}")
            rooms.lock(code, 0, f"phone {number}", [number])
        for step in range(len(lesson())):
            found |= said(at.run())
            if step == 0:
                found |= said(press(at, say("Reveal")))
            press(at, say("Next") if step + 1 < len(lesson()) else say("Attack our own bars"))
        return found | said(at)
    finally:
        rooms.close_all()


# The document.


@pytest.mark.parametrize(
    ("code", "about", "row"), ROWS, ids=[f"{code}, {a.number}, {r.minutes}" for code, a, r in ROWS]
)
def test_what_a_row_names_stands_on_its_page(code, about, row, trained, visitor):
    written = seen(row)
    missing = [name for name in row.names if not is_on(name, written)]
    assert not missing, f"{about.title}, {row.minutes}: not on {row.page}: {missing}"


@pytest.mark.parametrize("code", languages())
def test_every_row_that_leads_to_a_page_says_what_to_use_there(code, visitor):
    silent = [(a.title, row.minutes) for _, a, row in rows(code) if not row.names]
    assert len(silent) <= 2, f"rows that name nothing cannot be checked: {silent}"
    assert {row.page for _, _, row in rows(code)} <= set(called())


def test_a_word_that_is_not_there_is_noticed():
    """The check above can fail."""
    written = said(page(PAGES["Membership"]))
    assert is_on("Lock my bet", written) and is_on("the label only", written) and is_on("50", written)
    assert not any(
        is_on(name, written) for name in ("Lock the bet", "the label onl", "51", "0.9", "Experiment")
    )


@pytest.mark.parametrize("code", languages())
def test_what_stands_round_the_lessons_is_named_as_the_app_names_it(code, visitor):
    at = {name: said(page(PAGES[name], lang=code)) for name in ("Home", "Train", "Classroom")}
    names = {"Tour: three minutes": "Home", "Tour: fifteen minutes": "Home", "Present": "Home"}
    names |= {"First steps": "Train", "To print": "Classroom"}
    italic, *used = (n for w in (*preface(), *(w for a in lessons() for w in a.before)) for n in marked(w))
    assert italic not in names, "the word for what it is itself"
    in_a_room = {say("Reveal"), say("Everybody at their own pace")}
    assert set(used) - in_a_room == set(map(say, names))
    assert all(is_on(say(name), at[where]) for name, where in names.items())


def test_the_numbers_of_the_classroom_are_the_programs():
    told = (DOCS / "teaching.md").read_text(encoding="utf-8")
    hours = SECONDS / 3600
    assert f"from {LEAST} phones on; a room holds {PHONES} phones, a server {ROOMS} rooms" in told
    assert f"after {hours:.0f} hours" in told
    asked = [item for item in lesson() if not item.ticket]
    assert len(asked) == 5 and len(lesson()) - len(asked) == 3, "the five questions, three transfers"


# Each lesson's main steps, done.


def test_first_steps_are_the_run_that_ships(monkeypatch):
    asked = []
    monkeypatch.setattr(
        type(bench()), "train", lambda _, settings, replay=0: asked.append(settings) or "none"
    )
    at = press(page(PAGES["Train"], epochs="5"), "First steps")
    assert asked == [TrainSettings()] and not at.exception


def test_the_same_seed_gives_the_same_numbers_and_another_does_not(trained):
    at = of_run(PAGES["Train"])
    before = [m.value for m in at.metric][:2]
    at = until(press(at, "Replay, same seed"), "Its surest mistakes")
    assert [m.value for m in at.metric][:2] == before, "replayed, the numbers do not move"
    at = until(press(at, "New seed"), f"seed {SMALL.seed + 1}")
    at = until(at, "Its surest mistakes")
    assert [m.value for m in at.metric][:2] != before, "with another seed they do"


def test_open_it_up(trained):
    at = page(PAGES["Features"], attribute="Glasses")
    at.segmented_control(key="pick-bet-shipped-Glasses").set_value("conv3").run()
    at = press(at, "Lock my bet")
    assert "Your bet: **conv 3**" in " ".join(m.value for m in at.markdown)
    for measure in ("all photos", "40 photos"):
        at.segmented_control(key="measure").set_value(measure).run()
        assert not at.exception
    at.selectbox(key="attribute").select("Darker tone").run()
    at = press(at, "Just show me")
    assert "merely kept" in text(at)
    live = press(of_run(PAGES["Features"]), "Another layout")
    assert live.session_state["layout"] == 1 and not live.exception


def test_was_this_face_in():
    at = of_a_bet()
    assert "You found" in text(at) and '"you"' in at.get("plotly_chart")[0].proto.spec
    before = text(at)
    at.select_slider(key="m-base").set_value(1).run()
    assert "of those above the line were really in" in text(at) and text(at) != before
    at.selectbox(key="m-reveal").set_value("label").run()
    at.slider(key="m-records").set_value(1000).run()
    assert "have not been attacked yet" in text(at) and ready(at, "Run it live")
    at = page(PAGES["Membership"], data="clinic")
    assert "have not been attacked yet" in text(at) and ready(at, "Run it live")


def test_the_model_that_remembers():
    at = page(PAGES["Reconstruction"])
    at.radio[0].set_value("Model A").run()
    at = press(at, "Lock my bet")
    assert "the faces are in the model" in text(at).lower() and not at.exception
    at.select_slider(key="r-faces").set_value(64).run()
    at.selectbox(key="r-net").set_value("strided-3").run()
    at.toggle(key="r-augment").set_value(True).run()
    assert "64 faces" in " ".join(said(at)) and ready(at, "Run it live") and not at.exception


def test_who_trains_beside_you():
    at = page(PAGES["Property"])
    at.selectbox(key="p-property").set_value("coin").run()
    assert "cannot be told from chance" in text(press(at, "Just show me"))
    for key, value in (("p-batch_share", 0.1), ("p-participants", 16), ("p-noise", 1.0)):
        at = page(PAGES["Property"])
        at.select_slider(key=key).set_value(value).run()
        assert "has not been watched yet" in text(at) and ready(at, "Watch it live")
    at = press(page(PAGES["Property"], data="reviews"), "Just show me")
    assert "What gave reviews by Hugo away" in text(at)


def test_noise_ends_it():
    at = page(PAGES["Inversion"])
    at.select_slider(key="g-noise").set_value(0.001).run()
    at = until(press(at, "Invert it live"), "Who sent it?", seconds=120)
    assert not at.exception


def test_who_writes_the_model():
    at = page(PAGES["Backdoor"])
    at = press(at, "Lock my bet")
    assert "after one round" in text(at)
    exhibit: Any = threat("backdoor").shipped_exhibits()[0]
    at.session_state[f"b-who-{exhibit.job}"] = [3]
    at.run()
    assert "What each rule made of model replacement" in text(at)
    assert {"How far may he go?", "Who was it?"} <= {h.value for h in at.header}
    at.toggle(key="b-oops").set_value(True).run()
    at.select_slider(key="b-share").set_value(0.1).run()
    assert "has not been attacked yet" in text(at) and ready(at, "Send one update")


def ready(at: AppTest, label: str) -> bool:
    """Whether a button can be pressed."""
    return any(b.label == label and not b.disabled for b in at.button)
