"""The steps of a lesson: what each threat asks a class, from its shipped exhibit; then the exit ticket."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mlleak_core.contract import BadInput
from mlleak_core.figures.roc import Curve
from mlleak_core.language import mark, say, speaking, spoken
from mlleak_core.threat import Asked, Exhibit, Question, Truth, discover

DIGITS = 6
"""A number that anybody says has no more."""


@dataclass(frozen=True, kw_only=True)
class Item:
    """One step. page: where it is explored further, empty of the exit ticket; source: where its numbers come
    from. truth, rivals: asked for after the reveal alone.
    """

    key: str
    question: Question
    truth: Callable[[], Truth]
    rivals: Callable[[], tuple[Curve, ...]] = tuple
    page: str = ""
    source: str = ""

    @property
    def ticket(self) -> bool:
        """Whether it belongs to the exit ticket."""
        return not self.page


def lesson() -> tuple[Item, ...]:
    """Every step, in the language that is spoken: the threats' own questions in the order of their cards,
    then three of transfer. Their truths are to be asked for in the same language.
    """
    return _lesson(spoken())


@functools.cache
def _lesson(language: str) -> tuple[Item, ...]:
    with speaking(language):
        asked = [_of_threat(slug, exhibit) for slug, exhibit in _exhibits().items()]
        return (*filter(None, asked), *(_transfer(*each) for each in TICKET))


@functools.cache
def _exhibits() -> dict[str, Exhibit]:
    """By slug, what came with the program."""
    return {found.card.slug: found.shipped_exhibits()[0] for found in discover()}


def _of_threat(slug: str, exhibit: Exhibit) -> Item | None:
    question = exhibit.class_question()
    if question is None:
        return None
    return Item(
        key=slug,
        question=question,
        truth=exhibit.class_truth,
        rivals=exhibit.class_rivals,
        page=f"pages/{slug}.py",
        source=exhibit.source,
    )


def _transfer(key: str, title: str, ask: str, options: tuple[str, ...], right: int, why: str) -> Item:
    answers = tuple(say(option) for option in options)
    question = Question(title=say(title), ask=say(ask), kind=Asked.ONE, options=answers)
    return Item(key=key, question=question, truth=lambda: Truth(right=(right,), sentence=say(why)))


TICKET = (
    (
        "ticket-clinic",
        mark("A clinic"),
        mark(
            "A clinic's model is right on 99% of the patients it was trained on and on 71% of all others. It "
            "answers anybody who asks. What can somebody find out who has your record?"
        ),
        (
            mark("Nothing: the model holds no records"),
            mark("Your record, as it was in the clinic's files"),
            mark("Whether you were probably a patient of that clinic"),
            mark("Nothing, unless they have the model's file"),
        ),
        2,
        mark(
            "A model that is far surer of what it was trained on gives away who was in; questions are enough."
        ),
    ),
    (
        "ticket-keyboard",
        mark("A keyboard"),
        mark(
            "A keyboard learns on your phone. No text is sent, only how the learning changed the model. What "
            "is true?"
        ),
        (
            mark("The change can give away what you wrote about"),
            mark("Nothing about your texts leaves the phone"),
            mark("Only the number of texts leaves the phone"),
            mark("The change is safe, since nobody can read a model"),
        ),
        0,
        mark("Whoever receives a change can compare it with changes that texts of their own would make."),
    ),
    (
        "ticket-school",
        mark("A school"),
        mark(
            "Every day a school says how many pupils of a class are ill, and never a number below three. "
            "Yesterday five of twenty, today six of twenty-one: one pupil is new, and everybody else is as "
            "before. What is known?"
        ),
        (
            mark("Nothing: no number was below three"),
            mark("Only that about a quarter of the class is ill"),
            mark("Nothing, as long as no names are given"),
            mark("That the new pupil is ill"),
        ),
        3,
        mark("Two honest numbers have a difference. A smallest count does not hide it; noise does."),
    ),
)
"""What was learned, asked of something else."""


def slots(question: Question) -> tuple[str, ...]:
    """The bars of a question's histogram, by name."""
    if question.kind is not Asked.NUMBER:
        return question.options
    starts = range(question.low, question.high + 1, question.width)
    ends = [min(start + question.width - 1, question.high) for start in starts]
    return tuple(f"{a}–{b}" if b > a else str(a) for a, b in zip(starts, ends, strict=True))


def slots_of(question: Question, picks: Sequence[int]) -> tuple[int, ...]:
    """The bars that an answer stands in."""
    if question.kind is not Asked.NUMBER:
        return tuple(picks)
    return tuple((value - question.low) // question.width for value in picks)


def checked(question: Question, said: Sequence[str]) -> tuple[int, ...]:
    """An answer as numbers: the places of options, or the number. Raises BadInput."""
    if not all(word.isascii() and word.isdecimal() and len(word) <= DIGITS for word in said):
        raise BadInput(_expected(question), say("something else"), say("Choose on the page, then lock."))
    picks = tuple(sorted({int(word) for word in said}))
    low, high, most = _bounds(question)
    if not 1 <= len(picks) <= most or not all(low <= pick <= high for pick in picks):
        got = say("none") if not picks else say("another one")
        if len(picks) > most:
            got = say("{n} of them", n=len(picks))
        raise BadInput(_expected(question), got, say("Choose on the page, then lock."))
    return picks


def _bounds(question: Question) -> tuple[int, int, int]:
    """The least and the largest value, and how many there may be."""
    if question.kind is Asked.NUMBER:
        return question.low, question.high, 1
    return 0, len(question.options) - 1, question.most


def _expected(question: Question) -> str:
    if question.kind is Asked.NUMBER:
        return say("a number from {low} to {high}", low=question.low, high=question.high)
    return say("one choice") if question.most == 1 else say("one to {most} choices", most=question.most)
