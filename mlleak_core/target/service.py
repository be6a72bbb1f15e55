"""A real prediction service for a run: JSON over HTTP, API key, limits, graceful stop (Starlette and
uvicorn).
"""

from __future__ import annotations

import base64
import contextlib
import hmac
import json
import math
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from mlleak_core.contract import BadInput
from mlleak_core.defences.on_output import REVEALS, revealed
from mlleak_core.door import listening
from mlleak_core.target.blackbox import softmax

BATCH = 512
"""Inputs a request may hold."""
SCALE = "Bring them to the scale of the training data."


def app(key: str, reveal: str = "probabilities", api_key: str = "", per_minute: int = 0) -> Starlette:
    """The service of run `key`. `per_minute` limits the queries of all callers together; 0 means no limit."""
    from mlleak_core.target.store import Store

    if reveal not in REVEALS:
        raise BadInput(f"one of {', '.join(REVEALS)}", repr(reveal), "Choose one of these.")
    answer, about = Store().load_model(key)
    shape, kind, classes = tuple(about["input"]), np.dtype(about["dtype"]), int(about["classes"])
    limit = 4 * BATCH * math.prod(shape) * kind.itemsize // 3 + 4096
    meter = _Meter(per_minute)

    wanted = {f"Bearer {api_key}".encode(), f"Bearer {api_key}".encode("latin-1", "replace")}

    def allowed(request: Request) -> bool:
        sent = request.headers.get("authorization", "").encode("latin-1", "replace")
        return not api_key or any(hmac.compare_digest(sent, key) for key in wanted)

    async def describe(request: Request) -> JSONResponse:
        if not allowed(request):
            return NO_KEY
        return JSONResponse(
            {
                "run": key,
                "classes": classes,
                "reveal": reveal,
                "batch": BATCH,
                "input": shape,
                "dtype": str(kind),
            }
        )

    async def predict(request: Request) -> JSONResponse:
        if not allowed(request):
            return NO_KEY
        try:
            inputs = _inputs(await _body(request, limit), shape, kind)
        except _Unusable as problem:
            return _error(problem.status, problem)
        if not meter.take(len(inputs)):
            return _error(429, BadInput(f"at most {per_minute} queries a minute", "more", "Wait a minute."))
        answers = await run_in_threadpool(answer, inputs)
        if not np.isfinite(answers).all():
            return _error(400, BadInput("inputs that the model has an answer to", "too large values", SCALE))
        return JSONResponse({"probabilities": revealed(softmax(answers), reveal).tolist()})

    routes = [Route("/", describe), Route("/predict", predict, methods=["POST"])]
    made = Starlette(routes=routes, exception_handlers={HTTPException: _elsewhere, Exception: _broken})
    made.router.redirect_slashes = False  # a redirection has no sentence
    return made


async def _elsewhere(request: Request, problem: Exception) -> JSONResponse:
    """An address or a method that the service does not have."""
    assert isinstance(problem, HTTPException)
    asked = f"{request.method} {_shown(request.url.path)}"
    return _error(problem.status_code, BadInput("GET / or POST /predict", asked, "Ask one of these."))


async def _broken(_: Request, problem: Exception) -> JSONResponse:
    """A fault of the service itself; whatever a caller sends is answered before."""
    name = type(problem).__name__
    return JSONResponse({"error": f"Something in the service broke ({name}). Its log says where."}, 500)


def serve(application: Starlette, host: str, port: int, ready: Callable[[], None]) -> None:
    """Serve until interrupted; requests in flight are answered first. ready: called once callers get through.

    Raises BadInput where the port is not free.
    """
    import uvicorn

    settings = uvicorn.Config(application, log_level="warning", timeout_graceful_shutdown=5)
    with (
        listening(host, port, "Choose another --port or --host.") as door,
        contextlib.suppress(KeyboardInterrupt),
    ):
        ready()
        uvicorn.Server(settings).run(sockets=[door])


class _Unusable(BadInput):
    """A request that cannot be answered, and the status that says so."""

    def __init__(self, expected: str, got: str, remedy: str, status: int = 400) -> None:
        super().__init__(expected, got, remedy)
        self.status = status


def _error(status: int, problem: BadInput) -> JSONResponse:
    return JSONResponse({"error": str(problem)}, status)


NO_KEY = _error(401, BadInput("an API key", "none or another", "Send it as `Authorization: Bearer KEY`."))


async def _body(request: Request, limit: int) -> bytes:
    """What was sent, where it says that it is JSON, is whole and not too long."""
    said = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if said != "application/json" or request.headers.get("content-encoding", "identity") != "identity":
        raise _Unusable("plain application/json", ascii(said)[:60], "Send JSON, not compressed.", 415)
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > limit:
                raise _Unusable(f"at most {BATCH} inputs a request", "more", "Send them in parts.", 413)
    except ClientDisconnect as error:
        raise _Unusable("a whole request", "a part of one", "Send it again.") from error
    return bytes(body)


def _inputs(body: bytes, shape: tuple[int, ...], kind: np.dtype[Any]) -> NDArray[Any]:
    """Inputs [n, *shape] of a request, every claim in it checked."""
    try:
        sent = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _Unusable("a JSON object", "none that can be read", "Look how it is written.") from error
    if not isinstance(sent, dict):
        raise _Unusable("a JSON object", "JSON of another kind", "Send dtype, shape and data in one.")
    if sent.get("dtype") != str(kind):
        raise _Unusable(f"dtype {kind}", _shown(sent.get("dtype")), "Convert the inputs.")
    count = _count(sent.get("shape"), shape)
    inputs = np.frombuffer(_data(sent.get("data"), count * math.prod(shape) * kind.itemsize), kind)
    if not np.isfinite(inputs).all():
        raise _Unusable("finite values", "some that are not", "Leave those inputs out, or fill the gaps.")
    return inputs.reshape(count, *shape)


def _count(said: Any, shape: tuple[int, ...]) -> int:
    """The number of inputs that a request says it holds."""
    expected = f"shape [n, {', '.join(map(str, shape))}] with n from 1 to {BATCH}"
    if not isinstance(said, list) or not all(type(n) is int for n in said):
        raise _Unusable(expected, "no list of whole numbers", "Give the shape of the inputs.")
    if tuple(said[1:]) != shape or not 0 < said[0] <= BATCH:
        raise _Unusable(expected, _shown(said), "Bring the inputs into this shape.")
    return int(said[0])


def _data(said: Any, length: int) -> bytes:
    """The bytes of the inputs, as many as there must be."""
    try:
        raw = base64.b64decode(said, validate=True)
    except (TypeError, ValueError) as error:
        raise _Unusable("data in base64", "something else", "Encode the inputs' bytes in base64.") from error
    if len(raw) != length:
        raise _Unusable(f"{length} bytes of data", str(len(raw)), "Send as many as shape and dtype say.")
    return raw


def _shown(said: Any) -> str:
    """A value that somebody sent, short and in ASCII."""
    try:
        return ascii(said)[:60]
    except RecursionError:
        return "one nested too deep"


class _Meter:
    """Queries of the last minute. Thread-safe."""

    def __init__(self, per_minute: int) -> None:
        self.per_minute, self.spent = per_minute, deque[tuple[float, int]]()
        self.lock = threading.Lock()

    def take(self, count: int) -> bool:
        if not self.per_minute:
            return True
        with self.lock:
            now = time.monotonic()
            while self.spent and self.spent[0][0] < now - 60:
                self.spent.popleft()
            if sum(n for _, n in self.spent) + count > self.per_minute:
                return False
            self.spent.append((now, count))
            return True
