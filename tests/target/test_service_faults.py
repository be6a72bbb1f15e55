"""Requests as careless or hostile programs send them: an answer, or one sentence that says what to do."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette

from mlleak_core.contract import BadInput
from mlleak_core.target import service, store
from mlleak_core.target.blackbox import Refused, Remote

SHAPE = (3, 2)
KEY = "Schlüssel"
SENTENCE = re.compile(r"Expected .+; got .+\. [A-Z].+\.")
JSON = b"application/json"


@dataclass
class Sent:
    """A request as bytes; cut: the connection ends before the body does."""

    body: bytes
    method: str = "POST"
    path: str = "/predict"
    key: bytes = f"Bearer {KEY}".encode()
    kind: bytes = JSON
    more: list[tuple[bytes, bytes]] = field(default_factory=list)
    cut: bool = False


def call(application: Starlette, sent: Sent) -> tuple[int, dict[str, Any]]:
    """What the service answers, without a socket: a fault of its own would be raised here."""
    headers = [
        (b"authorization", sent.key),
        *([(b"content-type", sent.kind)] if sent.kind else []),
        *sent.more,
    ]
    scope = {
        "type": "http",
        "method": sent.method,
        "path": sent.path,
        "headers": headers,
        "query_string": b"",
    }
    waiting = [{"type": "http.request", "body": sent.body, "more_body": sent.cut}]
    said: list[Any] = []

    async def receive():
        return waiting.pop() if waiting else {"type": "http.disconnect"}

    async def send(message):
        said.append(message)

    asyncio.run(application(scope, receive, send))
    return said[0]["status"], json.loads(b"".join(part.get("body", b"") for part in said[1:]))


def body(**changes: Any) -> bytes:
    """A sound request with some fields changed."""
    raw = base64.b64encode(np.ones((2, *SHAPE), np.float32).tobytes()).decode()
    return json.dumps({"dtype": "float32", "shape": [2, *SHAPE], "data": raw} | changes).encode()


def data(value: float) -> str:
    return base64.b64encode(np.full((2, *SHAPE), value, np.float32).tobytes()).decode()


def sums(inputs: np.ndarray) -> np.ndarray:
    """A model whose answer overflows where the inputs are large."""
    with np.errstate(over="ignore", invalid="ignore"):
        total = (inputs.reshape(len(inputs), -1) * np.float32(2)).sum(1, dtype=np.float32)
        return np.column_stack([total, -total])


@pytest.fixture(scope="module")
def served() -> Iterator[Starlette]:
    """The service of that model, with a key beyond ASCII."""
    about = {"input": list(SHAPE), "dtype": "float32", "classes": 2}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store.Store, "load_model", lambda *_: (sums, about))
        yield service.app("run", api_key=KEY)


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


def deep(name: str, depth: int = 900) -> bytes:
    """A field nested so deep that it can be read and hardly be written."""
    return body(**{name: "HERE"}).replace(b'"HERE"', nested(depth).encode())


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just(10**4000),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)
fields = st.sampled_from(["dtype", "shape", "data"])
shapes = st.lists(st.sampled_from([2, 3, 0, -1, 1, 600, 2.0, 1e308, True, 10**30, None]), max_size=5)


@st.composite
def torn(draw: st.DrawFn) -> bytes:
    """A sound body with bytes lost, changed or put in."""
    blob = bytearray(body())
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(blob)))
        blob[at : at + draw(st.integers(0, 20))] = draw(st.binary(max_size=6))
    return bytes(blob)


bodies = st.one_of(
    st.builds(lambda name, value: body(**{name: value}), fields, values),
    st.builds(lambda shape: body(shape=shape), shapes),
    st.builds(lambda value: body(data=data(value)), st.floats(width=32)),
    st.builds(deep, fields, st.sampled_from([500, 900, 990, 5_000, 100_000])),
    st.builds(lambda depth: nested(depth).encode(), st.sampled_from([10, 990, 100_000])),
    values.map(lambda value: json.dumps(value).encode()),
    st.sampled_from(["utf-16", "utf-32", "utf-8-sig"]).map(lambda code: body().decode().encode(code)),
    torn(),
    st.binary(max_size=60),
)
requests = st.builds(
    Sent,
    bodies,
    method=st.sampled_from(["POST", "POST", "POST", "GET", "PUT", "DELETE", "BREW"]),
    path=st.sampled_from(["/predict", "/predict", "/predict", "/", "/predict/", "/\ud800", "/ä", "//x"]),
    key=st.just(f"Bearer {KEY}".encode()) | st.binary(max_size=12),
    kind=st.sampled_from(
        [JSON, JSON, b"Application/JSON; charset=utf-8", b"", b"text/plain", b"\xff\xfe", b";"]
    ),
    more=st.lists(
        st.sampled_from([(b"content-encoding", b"gzip"), (b"content-length", b"9" * 40)]), max_size=1
    ),
    cut=st.booleans(),
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(sent=requests)
@example(sent=Sent(deep("shape")))
@example(sent=Sent(deep("dtype")))
@example(sent=Sent(body(data=data(3e38))))
@example(sent=Sent(body(shape=[float("inf"), *SHAPE])))
@example(sent=Sent(body(shape=[10**4000, *SHAPE])))
@example(sent=Sent(body(dtype="\ud800")))
@example(sent=Sent(body(), cut=True))
@example(sent=Sent(body(), key="Bearer schlüssel".encode("latin-1")))
def test_whatever_is_sent_there_is_an_answer_or_a_sentence(served, sent):
    status, found = call(served, sent)
    if status == 200:
        assert "probabilities" in found or found["run"] == "run"
    else:
        assert 400 <= status < 500, (status, found)
        assert SENTENCE.fullmatch(found["error"]), found
        assert len(found["error"]) < 250 and found["error"].isascii()


@pytest.mark.parametrize(
    ("sent", "status", "words"),
    [
        (Sent(body(), kind=b"text/plain"), 415, "plain application/json; got 'text/plain'"),
        (Sent(body(), more=[(b"content-encoding", b"gzip")]), 415, "not compressed"),
        (Sent(body(), key="Bearer schlüssel".encode("latin-1")), 401, "Authorization: Bearer KEY"),
        (Sent(body(), path="/other"), 404, "GET / or POST /predict; got POST '/other'"),
        (Sent(body(), method="GET"), 405, "GET / or POST /predict; got GET '/predict'"),
        (Sent(body(), cut=True), 400, "a whole request; got a part of one"),
        (Sent(b"x" * 2_000_000), 413, "Send them in parts"),
        (Sent(deep("shape")), 400, "shape [n, 3, 2] with n from 1 to 512"),
        (Sent(body(shape=[2, 2, 3])), 400, "got [2, 2, 3]"),
        (Sent(body(shape=[True, 3, 2])), 400, "no list of whole numbers"),
        (Sent(body(dtype="int8")), 400, "dtype float32; got 'int8'"),
        (Sent(body(data="ü")), 400, "in base64"),
        (Sent(body(shape=[3, 3, 2])), 400, "72 bytes of data; got 48"),
        (Sent(body(data=data(float("nan")))), 400, "finite values"),
        (Sent(body(data=data(3e38))), 400, "an answer to; got too large values"),
    ],
)
def test_the_sentence_says_what_to_do(served, sent, status, words):
    found = call(served, sent)
    assert found[0] == status
    assert words in found[1]["error"]


@pytest.mark.parametrize("key", [KEY.encode(), KEY.encode("latin-1")])
def test_a_key_beyond_ascii_opens_in_either_encoding(served, key):
    assert call(served, Sent(body(), key=b"Bearer " + key))[0] == 200


def test_a_fault_of_the_service_itself_is_told_apart():
    found = asyncio.run(service._broken(None, ValueError("secret")))  # type: ignore[arg-type]
    assert found.status_code == 500 and b"secret" not in found.body


ANSWERS = {
    "another protocol": b"SSH-2.0-OpenSSH_9.6\r\n",
    "nothing": b"",
    "less than said": b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n{",
    "broken chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "a circle": b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n",
    "a page to log in": b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>",
    "deep JSON": b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n" + nested(100_000).encode(),
    "huge numbers": b'HTTP/1.1 200 OK\r\nContent-Length: 33\r\n\r\n{"classes": 1e999, "batch": 1e999}',
}


@pytest.mark.parametrize("case", ANSWERS)
def test_whatever_answers_the_client_ends_in_a_sentence(case):
    with socket.create_server(("127.0.0.1", 0)) as here:

        def talk() -> None:
            while True:
                try:
                    other, _ = here.accept()
                except OSError:
                    return
                with other:
                    other.recv(10_000)
                    other.sendall(ANSWERS[case])

        threading.Thread(target=talk, daemon=True).start()
        with pytest.raises(Refused, match=r"[.?]$"):
            Remote(f"http://127.0.0.1:{here.getsockname()[1]}", "密钥", timeout=3)


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:port", "http://[::1:8700", "http://127.0.0.1:99999", "ftp://x"]
)
def test_an_address_that_is_none_is_refused(address):
    with pytest.raises((Refused, BadInput)):
        Remote(address)
