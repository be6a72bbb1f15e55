"""The prediction service over a real socket, and a client that believes nothing it is told."""

from __future__ import annotations

import contextlib
import json
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import uvicorn

from mlleak_core import disk
from mlleak_core.contract import BadInput, drain
from mlleak_core.server.desk import Desk
from mlleak_core.target.blackbox import Refused, Remote, softmax
from mlleak_core.target.service import BATCH, app
from mlleak_core.threats.membership.audit import run
from mlleak_core.threats.membership.card import MembershipSettings
from mlleak_core.threats.membership.pool import open_pool
from mlleak_core.threats.membership.target import train_target


@pytest.fixture(scope="module")
def clinic():
    """A kept target on patients, with its pool."""
    settings, desk = MembershipSettings(data="clinic", epochs=20), Desk()
    pool, _ = drain(open_pool(settings, desk))
    subject = drain(train_target(pool, settings))
    desk.store.save_model(subject.key, subject.weights, subject.about)
    return subject, pool


@contextlib.contextmanager
def running(application):
    server = uvicorn.Server(uvicorn.Config(application, host="127.0.0.1", port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)
        assert not thread.is_alive(), "it stops gracefully"


@pytest.mark.parametrize("reveal", ["probabilities", "top1", "label"])
def test_the_service_answers_as_the_model_does(clinic, reveal):
    subject, pool = clinic
    with running(app(subject.key, reveal, "secret")) as address:
        box = Remote(address, "secret")
        assert (box.classes, box.reveal) == (2, reveal)
        found = box.ask(pool.x[:40])
    p = softmax(subject.answer(pool.x[:40]))
    np.testing.assert_array_equal(found.argmax(1), p.argmax(1))
    if reveal == "probabilities":
        np.testing.assert_allclose(found, p)
    if reveal == "label":
        assert set(np.unique(found)) == {0.0, 1.0}
    assert box.queries == 40


def test_an_attack_over_http_is_the_attack_in_this_process(clinic):
    subject, _ = clinic
    settings = MembershipSettings(data="clinic", epochs=20, shadows=4, attack="all")
    with running(app(subject.key)) as address:
        far = drain(run(settings, Desk(service=lambda: Remote(address))))
    near = drain(run(settings, Desk()))
    for name in ("lira", "label-only"):
        np.testing.assert_allclose(far.scores[name], near.scores[name], rtol=1e-5, atol=1e-5)
        assert far.reports[name].queries == near.reports[name].queries


def test_key_size_and_rate_are_limits(clinic):
    subject, pool = clinic
    with running(app(subject.key, api_key="secret", per_minute=50)) as address:
        with pytest.raises(Refused, match="right --key"):
            Remote(address, "wrong")
        box = Remote(address, "secret")
        box.ask(pool.x[:50])
        with pytest.raises(Refused, match="limits the rate"):
            box.ask(pool.x[:1])

        def send(body):
            sent = {"Authorization": "Bearer secret", "Content-Type": "application/json"}
            request = urllib.request.Request(f"{address}/predict", body, sent)
            with pytest.raises(urllib.error.HTTPError) as caught:
                urllib.request.urlopen(request, timeout=10)
            return caught.value.code, json.loads(caught.value.read())["error"]

        assert send(b"x" * 2_000_000)[0] == 413
        rest = '"dtype": "float32"'
        for bad in (
            b"",
            b"[]",
            b"{",
            f'{{"data": "!", "shape": [1, 30], {rest}}}'.encode(),
            f'{{"data": "", "shape": [0, 30], {rest}}}'.encode(),
            f'{{"data": "AAAA", "shape": [{BATCH + 1}, 30], {rest}}}'.encode(),
        ):
            code, words = send(bad)
            assert code == 400
            assert "Expected" in words


def test_a_run_that_is_not_there_or_was_altered(clinic):
    subject, _ = clinic
    with pytest.raises(BadInput, match="none on this machine"):
        app("m000")
    with pytest.raises(BadInput, match="name of a run"):
        app("../../etc")
    file = disk.runs_home() / subject.key / "model.safetensors"
    whole = file.read_bytes()
    file.write_bytes(whole[:-4] + b"evil")
    try:
        with pytest.raises(BadInput, match="other bytes"):
            app(subject.key)
    finally:
        file.write_bytes(whole)


ABOUT = {"classes": 2, "reveal": "probabilities", "batch": 64}


@contextlib.contextmanager
def lying(reply, status=200, delay=0.0):
    """A service that describes itself well and answers badly."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self._send(ABOUT, 200)

        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            time.sleep(delay)
            self._send(reply, status)

        def _send(self, body, code):
            text = body if isinstance(body, bytes) else json.dumps(body).encode()
            with contextlib.suppress(OSError):
                self.send_response(code)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("reply", "status", "words"),
    [
        ({"probabilities": [[0.5, 0.5]] * 3}, 500, "answered 500"),
        ({"probabilities": [[0.2, 0.3, 0.5]] * 3}, 200, "promised 2 classes"),
        ({"probabilities": [[0.9, 0.9]] * 3}, 200, "sum to one"),
        ({"probabilities": [[-0.5, 1.5]] * 3}, 200, "sum to one"),
        ({"probabilities": [["a", "b"]] * 3}, 200, "no table"),
        ({"answer": 1}, 200, "no table"),
        ([1, 2], 200, "JSON object"),
        (b"<html>", 200, "in JSON"),
    ],
)
def test_a_service_that_lies_is_not_believed(reply, status, words):
    with lying(reply, status) as address, pytest.raises(Refused, match=words):
        Remote(address).ask(np.zeros((3, 4), np.float32))


def test_a_service_that_sleeps_or_is_not_there():
    with lying({"probabilities": []}, delay=3) as address, pytest.raises(Refused, match=r"within 0.3 s"):
        box = Remote(address)
        box.timeout = 0.3
        box.ask(np.zeros((1, 4), np.float32))
    with pytest.raises(Refused, match="Is the service running"):
        Remote("http://127.0.0.1:9")
    with pytest.raises(BadInput, match="http"):
        Remote("file:///etc/passwd")
