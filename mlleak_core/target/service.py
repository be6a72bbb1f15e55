"""A real prediction service for a run: JSON over HTTP, API key, limits, graceful stop (Starlette and
uvicorn).
"""

from __future__ import annotations

import base64
import hmac
import json
import math
import socket
import threading
import time
from collections import deque
from typing import Any

import numpy as np
from numpy.typing import NDArray
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from mlleak_core.contract import BadInput
from mlleak_core.defences.on_output import REVEALS, revealed
from mlleak_core.target.blackbox import softmax

BATCH = 512
"""Inputs a request may hold."""


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
            return _error(401, "an API key", "none or another")
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
            return _error(401, "an API key", "none or another")
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > limit:
                return _error(413, f"at most {BATCH} inputs a request", "more")
        try:
            inputs = _inputs(body, shape, kind)
        except ValueError as problem:
            return _error(
                400,
                f"JSON with dtype {kind}, shape [n, {', '.join(map(str, shape))}] and base64 data",
                str(problem),
            )
        if not meter.take(len(inputs)):
            return _error(429, f"at most {per_minute} queries a minute", "more")
        shown = revealed(softmax(await run_in_threadpool(answer, inputs)), reveal)
        if not np.isfinite(shown).all():
            return _error(400, "inputs that the model has an answer to", "values too large")
        return JSONResponse({"probabilities": shown.tolist()})

    routes = [Route("/", describe), Route("/predict", predict, methods=["POST"])]
    return Starlette(routes=routes, exception_handlers={Exception: _broken})


async def _broken(_: Request, problem: Exception) -> JSONResponse:
    """Whatever breaks, the caller gets a sentence."""
    return JSONResponse({"error": f"Something in the service broke ({type(problem).__name__})."}, 500)


def serve(application: Starlette, host: str, port: int) -> None:
    """Serve until interrupted; requests in flight are answered first. Raises BadInput where the port is
    not free.
    """
    import uvicorn

    if not 0 < port < 65536:
        raise BadInput("a port between 1 and 65535", str(port), "Choose another --port.")
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            got = error.strerror or str(error)
            raise BadInput(
                f"a free port {port} on {host}", got, "Choose another --port or --host."
            ) from error
    uvicorn.run(application, host=host, port=port, log_level="warning", timeout_graceful_shutdown=5)


def _error(status: int, expected: str, got: str) -> JSONResponse:
    return JSONResponse({"error": f"Expected {expected}; got {got}."}, status)


def _inputs(body: bytes, shape: tuple[int, ...], kind: np.dtype[Any]) -> NDArray[Any]:
    """Inputs [n, *shape] of a request, every claim in it checked."""
    try:
        sent = json.loads(body)
        raw = base64.b64decode(sent["data"], validate=True)
        count, *rest = sent["shape"]
        asked = (str(sent.get("dtype")), tuple(rest))
        sound = isinstance(count, int) and asked == (str(kind), shape) and 0 < count <= BATCH
    except (KeyError, TypeError, IndexError, AttributeError, RecursionError, ValueError) as error:
        raise ValueError(f"a request that cannot be read ({type(error).__name__})") from error
    if not sound:
        raise ValueError(f"dtype {ascii(asked[0])[:20]}, shape {ascii(sent['shape'])[:60]}")
    if len(raw) != count * math.prod(shape) * kind.itemsize:
        raise ValueError(f"{len(raw)} bytes of data")
    inputs = np.frombuffer(raw, kind).reshape(count, *shape)
    if not np.isfinite(inputs).all():
        raise ValueError("values that are not finite")
    return inputs


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
