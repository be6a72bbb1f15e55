"""A real prediction service for a run: JSON over HTTP, API key, limits, graceful stop (Starlette and
uvicorn).
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import math
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

from mlleak_core.defences.on_output import REVEALS, revealed
from mlleak_core.target.blackbox import softmax
from mlleak_core.contract import BadInput

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

    def allowed(request: Request) -> bool:
        return not api_key or hmac.compare_digest(
            request.headers.get("authorization", ""), f"Bearer {api_key}"
        )

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
        return JSONResponse({"probabilities": shown.tolist()})

    return Starlette(routes=[Route("/", describe), Route("/predict", predict, methods=["POST"])])


def serve(application: Starlette, host: str, port: int) -> None:
    """Serve until interrupted; requests in flight are answered first."""
    import uvicorn

    uvicorn.run(application, host=host, port=port, log_level="warning", timeout_graceful_shutdown=5)


def _error(status: int, expected: str, got: str) -> JSONResponse:
    return JSONResponse({"error": f"Expected {expected}; got {got}."}, status)


def _inputs(body: bytes, shape: tuple[int, ...], kind: np.dtype[Any]) -> NDArray[Any]:
    """Inputs [n, *shape] of a request, every claim in it checked."""
    try:
        sent = json.loads(body)
        raw = base64.b64decode(sent["data"], validate=True)
        count = int(sent["shape"][0])
    except (KeyError, TypeError, IndexError, UnicodeDecodeError, binascii.Error) as error:
        raise ValueError(f"a request that cannot be read ({type(error).__name__})") from error
    if sent.get("dtype") != str(kind) or tuple(sent["shape"][1:]) != shape or not 0 < count <= BATCH:
        raise ValueError(f"dtype {str(sent.get('dtype'))[:20]}, shape {str(sent['shape'])[:60]}")
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
