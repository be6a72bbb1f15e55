"""A class in real browsers: three phones and the teacher."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from benchmarks.classroom import class_serving
from benchmarks.serving import settle
from mlleak_core.classroom.questions import lesson
from mlleak_core.threat import Asked
from tests.browser.conftest import shot

pytestmark = pytest.mark.browser


def fits(page, within="document.documentElement"):
    over = page.evaluate(f"(e => e.scrollWidth - e.clientWidth)({within})")
    assert over <= 0, f"{over} pixels too wide"


def test_three_phones_and_the_teacher(tab):
    with class_serving() as (address, door, _):
        teacher = tab()
        teacher.goto(f"{address}/classroom")
        settle(teacher)
        teacher.get_by_role("button", name="Open a room").click()
        code = teacher.locator(".door b").inner_text().replace(" ", "")
        assert teacher.locator(".door img").evaluate("i => i.complete && i.naturalWidth > 0")
        phones = [tab(390, 844, scheme) for scheme in ("light", "dark", "light")]
        for phone in phones:
            phone.goto(door)
            phone.get_by_label("The code at the front").fill(code.lower())
            phone.get_by_role("button", name="Join").click()
            expect(phone.get_by_role("heading", name=lesson()[0].question.title)).to_be_visible()
        for phone, pick in zip(phones, (1, 2, 2), strict=True):
            phone.get_by_role("radio").nth(pick).check()
            phone.get_by_role("button", name="Lock my bet").click()
            expect(phone.get_by_text("Locked.")).to_be_visible()
        expect(teacher.get_by_text("of 3 have locked")).to_be_visible()
        expect(teacher.locator("[data-testid=stVegaLiteChart]").first).to_be_visible()
        teacher.get_by_role("button", name="Reveal").click()
        for phone in phones:
            expect(phone.locator(".answer")).to_contain_text("of 3 right")
        teacher.get_by_role("button", name="Next").click()
        many = lesson()[1].question
        assert many.kind is Asked.MANY
        for phone in phones:
            expect(phone.get_by_role("heading", name=many.title)).to_be_visible()
            fits(phone)
        boxes = phones[0].get_by_role("checkbox")
        for at in range(many.most):
            boxes.nth(at).check()
        assert boxes.nth(many.most).is_disabled(), "no more than asked for"
        shot(phones[0], "class-phone")
        settle(teacher)
        shot(teacher, "class-teacher")
        fits(teacher, "document.querySelector('[data-testid=stMain]')")
        teacher.get_by_role("button", name="Close the room").click()
        for phone in phones:
            expect(phone.get_by_role("heading", name="Join your class")).to_be_visible()
        for page in (teacher, *phones):
            page.close()
