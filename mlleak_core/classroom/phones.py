"""The page that phones see: join by code, bet, lock, wait for the class. Starlette, beside the app.

Nothing that a phone sends is ever shown to another, and no truth is sent before the reveal. A room speaks its
own language; where there is none, a phone hears the one that it asks for first.
"""

from __future__ import annotations

import asyncio
import functools
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jinja2
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mlleak_core.classroom.questions import Item, checked
from mlleak_core.classroom.results import of_class, of_one
from mlleak_core.classroom.rooms import LEAST, SECONDS, Full, Late, NoRoom, Room, Rooms, tidy
from mlleak_core.contract import BadInput
from mlleak_core.data.source import LABELS_NOTE
from mlleak_core.language import again, mark, say, speak, spoken
from mlleak_core.threat import Asked

LOOKS = Path(__file__).parent / "looks"
BODY = 4096
"""Bytes that a phone may send."""
COOKIE = "phone"
PATIENCE, GLANCE = 20.0, 0.25
"""Seconds for which a phone's question "has anything changed?" is kept, and between looks at the room."""
BROKE = mark("Something in the classroom broke ({kind}). Load the page again.")
HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
STATUS = {NoRoom: 404, Full: 503, Late: 409}


class TooLong(BadInput):
    """A phone sent more than an answer can be."""


def app(rooms: Rooms) -> Starlette:
    """The phones' pages over these rooms."""
    door = Door(rooms)
    routes = [
        Route("/", door.join_page),
        Route("/join", door.join, methods=["POST"]),
        Route("/r/{code}", door.step),
        Route("/r/{code}/bet", door.bet, methods=["POST"]),
        Route("/r/{code}/bet", door.back),
        Route("/r/{code}/wait", door.wait),
        Route("/picture/{step:int}", door.picture),
        Route("/picture/{step:int}/{place:int}", door.picture),
        Route("/phone.css", _file("phone.css", "text/css")),
        Route("/phone.js", _file("phone.js", "text/javascript")),
        Route("/health", door.health),
    ]
    handlers: Any = {BadInput: door.refused, HTTPException: door.elsewhere, Exception: door.broken}
    made = Starlette(routes=routes, exception_handlers=handlers)
    made.router.redirect_slashes = False
    made.add_middleware(Guarded)
    return made


class Guarded:
    """The same headers on every answer."""

    def __init__(self, inner: ASGIApp) -> None:
        self.inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = [(k.encode(), v.encode()) for k, v in HEADERS.items()]
                message["headers"] = [*message.get("headers", ()), *own]
            await send(message)

        await self.inner(scope, receive, guarded)


class Door:
    """What is answered at each address."""

    def __init__(self, rooms: Rooms) -> None:
        self.rooms = rooms
        self._glances: dict[str, tuple[float, int]] = {}
        loader = jinja2.FileSystemLoader(LOOKS)
        self.pages = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
        self.pages.globals["say"] = say

    def page(self, name: str, status: int = 200, **shown: Any) -> HTMLResponse:
        about = {"note": say(LABELS_NOTE), "language": spoken()}
        return HTMLResponse(self.pages.get_template(name).render(about, **shown), status)

    async def speak(self, request: Request) -> None:
        """The language of the room that is asked for, else the phone's own."""
        code = getattr(request.state, "code", request.path_params.get("code", ""))
        own = request.headers.get("accept-language", "")[:2].lower()
        try:
            speak((await run_in_threadpool(self.rooms.room, code)).language if tidy(code) else own)
        except BadInput:
            speak(own)

    async def health(self, _: Request) -> Response:
        return JSONResponse({"mlleak": "classroom"})

    async def join_page(self, request: Request) -> Response:
        request.state.code = request.query_params.get("code", "")
        await self.speak(request)
        return self._join_page(tidy(request.state.code))

    def _join_page(self, code: str = "", problem: str = "", status: int = 200) -> Response:
        return self.page("join.html", status, code=code, problem=problem, least=LEAST)

    async def join(self, request: Request) -> Response:
        request.state.code = code = (await _form(request)).get("code", [""])[0]
        token = request.cookies.get(COOKIE) or secrets.token_urlsafe(16)
        await run_in_threadpool(self.rooms.join, code, token)
        answer = RedirectResponse(f"/r/{tidy(code)}", 303)
        answer.set_cookie(COOKIE, token, max_age=int(SECONDS), httponly=True, samesite="lax")
        return answer

    async def step(self, request: Request) -> Response:
        asked = request.query_params.get("step", "")
        return await run_in_threadpool(self._step, request, asked)

    def _step(self, request: Request, asked: str = "", problem: str = "", status: int = 200) -> Response:
        code, token = request.path_params["code"], request.cookies.get(COOKIE, "")
        room = self.rooms.room(code)
        speak(room.language)
        if not self.rooms.knows(code, token):
            return self._join_page(room.code)
        at = int(asked) if room.own_pace and asked.isdecimal() and len(asked) < 4 else room.step
        at = min(at, len(self.rooms.steps))
        item = self.rooms.steps[at] if at < len(self.rooms.steps) else None
        shown = {"room": room, "at": at, "item": item, "steps": len(self.rooms.steps), "problem": problem}
        shown["here"] = f"/r/{room.code}" + (f"?step={at}" if room.own_pace else "")
        if item is not None:
            shown |= self._of_item(room, at, item, token)
        return self.page("step.html", status, **shown)

    def _of_item(self, room: Room, at: int, item: Item, token: str) -> dict[str, Any]:
        """What a phone sees of a question: the truth, and the class's bets, after the reveal alone."""
        question, mine = item.question, self.rooms.mine(room.code, at, token)
        middle = (question.low + question.high) // 2
        number = mine[0] if mine and question.kind is Asked.NUMBER else middle
        shown: dict[str, Any] = {"question": question, "mine": mine, "number": number, "truth": None}
        if at in room.revealed:
            truth, tally = item.truth(), self.rooms.tally(room.code, at)
            class_ = of_class(question, truth, tally)
            shown |= {"truth": truth, "you": of_one(question, truth, mine), "class_": class_}
        return shown

    async def bet(self, request: Request) -> Response:
        said = await _form(request)
        return await run_in_threadpool(self._bet, request, said)

    def _bet(self, request: Request, said: dict[str, list[str]]) -> Response:
        code, token = request.path_params["code"], request.cookies.get(COOKIE, "")
        step = _step_of(said, len(self.rooms.steps))
        speak(self.rooms.room(code).language)
        try:
            picks = checked(self.rooms.steps[step].question, said.get("pick", []))
            self.rooms.lock(code, step, token, picks)
        except NoRoom:
            raise
        except BadInput as problem:
            return self._step(request, str(step), str(problem), STATUS.get(type(problem), 400))
        return RedirectResponse(f"/r/{tidy(code)}" + (f"?step={step}" if self._alone(code) else ""), 303)

    def _alone(self, code: str) -> bool:
        return self.rooms.room(code).own_pace

    async def back(self, request: Request) -> Response:
        """Whoever loads a bet's address again wants the question."""
        return RedirectResponse(f"/r/{tidy(request.path_params['code'])}", 303)

    async def wait(self, request: Request) -> Response:
        """Answers once the room is no longer as the phone saw it, or after a while."""
        code, seen = request.path_params["code"], request.query_params.get("seen", "")
        end = asyncio.get_running_loop().time() + PATIENCE
        while True:
            version = await self._version(code)
            if str(version) != seen or asyncio.get_running_loop().time() > end:
                return JSONResponse({"version": version})
            await asyncio.sleep(GLANCE)

    async def _version(self, code: str) -> int:
        """Of the room, looked up once for all phones that ask within a glance."""
        now = asyncio.get_running_loop().time()
        at, version = self._glances.pop(code, (-GLANCE, 0))
        if now - at >= 0.8 * GLANCE:
            at, version = now, (await run_in_threadpool(self.rooms.room, code)).version
        self._glances[code] = (at, version)
        return version

    async def picture(self, request: Request) -> Response:
        step, place = request.path_params["step"], request.path_params.get("place")
        try:
            question = self.rooms.steps[step].question
            found = question.picture if place is None else question.pictures[place]
        except IndexError:
            found = b""
        if not found:
            raise HTTPException(404)
        return Response(found, media_type="image/webp")

    async def refused(self, request: Request, problem: Exception) -> Response:
        """What a phone asked for cannot be; said on the page where one joins."""
        status = next((s for kind, s in STATUS.items() if isinstance(problem, kind)), 400)
        status = 413 if isinstance(problem, TooLong) else status
        await self.speak(request)
        words = str(again(str(problem)))
        if request.url.path.endswith("/wait"):
            return JSONResponse({"error": words}, status)
        return self._join_page(problem=words, status=status)

    async def elsewhere(self, request: Request, problem: Exception) -> Response:
        assert isinstance(problem, HTTPException)
        await self.speak(request)
        words = BadInput(say("a page of the classroom"), say("another address"), say("Join with the code."))
        return self._join_page(problem=str(words), status=problem.status_code)

    async def broken(self, request: Request, problem: Exception) -> Response:
        speak(request.headers.get("accept-language", "")[:2].lower())
        return self._join_page(problem=say(BROKE, kind=type(problem).__name__), status=500)


def _step_of(said: dict[str, list[str]], steps: int) -> int:
    """Which question a bet is on. Raises BadInput."""
    word = said.get("step", [""])[0]
    if not (word.isascii() and word.isdecimal() and len(word) < 4 and int(word) < steps):
        raise BadInput(
            say("a bet on a question of the lesson"), say("one on another"), say("Load the page again.")
        )
    return int(word)


async def _form(request: Request) -> dict[str, list[str]]:
    """The fields of a form. Raises TooLong, and BadInput where it comes from another site's page."""
    came = request.headers.get("origin")
    if came not in {None, "null"} and urlsplit(came or "").netloc != request.headers.get("host"):
        raise BadInput(
            say("a form of this page"), say("one of another"), say("Open this page and send it from there.")
        )
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > BODY:
                raise TooLong(
                    say("at most {body:,} bytes", body=BODY),
                    say("more"),
                    say("Choose on the page, then lock."),
                )
    except ClientDisconnect as error:
        raise BadInput(say("a whole form"), say("a part of one"), say("Send it again.")) from error
    try:
        return parse_qs(body.decode("ascii"), max_num_fields=80)
    except ValueError as error:
        raise BadInput(
            say("a form of this page"), say("something else"), say("Choose on the page, then lock.")
        ) from error


def _file(name: str, kind: str) -> Callable[[Request], Awaitable[Response]]:
    async def answer(_: Request) -> Response:
        return Response(_read(name), media_type=kind)

    return answer


@functools.cache
def _read(name: str) -> bytes:
    return (LOOKS / name).read_bytes()
