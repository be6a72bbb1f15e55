"""A model as its users meet it: inputs in, as much of an answer as the service reveals out, every query
counted.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any, Protocol
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from mlleak_core.contract import BadInput
from mlleak_core.defences.on_output import REVEALS, revealed

Probabilities = NDArray[np.float64]
LEAST_PROBABILITY = 1e-12


class Refused(RuntimeError):
    """The service did not answer as it should: what was asked, what came, what to do."""


class BlackBox(Protocol):
    """What an attacker of a prediction service has. `ask` returns probabilities [n, classes], as far as they
    are revealed; reveal: how far that is.
    """

    classes: int
    queries: int
    reveal: str

    def ask(self, inputs: NDArray[Any]) -> Probabilities: ...


def softmax(logits: NDArray[Any]) -> Probabilities:
    """Probabilities from logits [..., c], in double precision."""
    z = np.asarray(logits, np.float64)
    z = np.exp(z - z.max(-1, keepdims=True))
    return np.asarray(z / z.sum(-1, keepdims=True))


@dataclass(eq=False)
class Local:
    """A model in this process behind the same counter. `answer` maps inputs [n, ...] to logits [n, c]."""

    answer: Callable[[NDArray[Any]], NDArray[Any]]
    classes: int
    reveal: str = "probabilities"
    budget: int = 0
    queries: int = 0

    def ask(self, inputs: NDArray[Any]) -> Probabilities:
        """Raises Refused when the budget (0: none) would be overdrawn."""
        _spend(self, len(inputs))
        return revealed(softmax(self.answer(inputs)), self.reveal)


@dataclass(eq=False)
class Remote:
    """A prediction service over HTTP. Every reply is checked before it is believed."""

    endpoint: str
    key: str = ""
    timeout: float = 10.0
    budget: int = 0
    batch: int = 256
    queries: int = 0
    classes: int = field(init=False, default=0)
    reveal: str = field(init=False, default="probabilities")

    def __post_init__(self) -> None:
        if not self.endpoint.startswith(("http://", "https://")):
            expected = "an endpoint that begins with http:// or https://"
            raise BadInput(expected, repr(self.endpoint[:80]), "Give its full address.")
        about = self._call("/", None)
        try:
            self.classes, batch = int(about["classes"]), int(about["batch"])
            self.reveal = REVEALS[REVEALS.index(about["reveal"])]
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            does_not = "does not describe itself as a prediction service of this program does"
            raise Refused(f"{self.endpoint} {does_not}: {error}.") from error
        if self.classes < 2 or batch < 1:
            speaks = f"{self.endpoint} speaks of {self.classes} classes and {batch} inputs a request."
            raise Refused(f"{speaks} Is it the right endpoint?")
        self.batch = min(self.batch, batch)

    def ask(self, inputs: NDArray[Any]) -> Probabilities:
        """Raises Refused on a time-out, an error status, or a reply that contradicts what the service says of
        itself.
        """
        _spend(self, len(inputs))
        parts = [self._ask(inputs[i : i + self.batch]) for i in range(0, len(inputs), self.batch)]
        return np.concatenate(parts)

    def _ask(self, inputs: NDArray[Any]) -> Probabilities:
        sent = {
            "dtype": str(inputs.dtype),
            "shape": list(inputs.shape),
            "data": base64.b64encode(np.ascontiguousarray(inputs).tobytes()).decode(),
        }
        reply = self._call("/predict", sent)
        try:
            shown = np.asarray(reply["probabilities"], np.float64)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            nothing = "The service's reply holds no table of probabilities."
            raise Refused(f"{nothing} Is it the right endpoint?") from error
        if shown.shape != (len(inputs), self.classes):
            promised = f"The service promised {self.classes} classes for {len(inputs)} inputs"
            raise Refused(f"{promised} and sent a table of {shown.shape}.")
        if not (np.isfinite(shown).all() and (shown >= 0).all() and np.allclose(shown.sum(1), 1, atol=0.02)):
            wrong = "The service sent probabilities that are negative, not numbers or do not sum to one."
            raise Refused(f"{wrong} Nothing was computed from them.")
        return shown

    def _call(self, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        import requests

        with requests.Session() as session:
            session.trust_env = not _is_here(self.endpoint)  # no proxy stands between this machine and itself
            try:
                reply = session.request(
                    "GET" if body is None else "POST",
                    self.endpoint.rstrip("/") + path,
                    data=None if body is None else json.dumps(body),
                    headers={
                        "Content-Type": "application/json",
                        "Authorization": f"Bearer {self.key}".encode(),
                    },
                    timeout=self.timeout,
                )
            except (requests.ConnectionError, requests.Timeout) as error:
                silent = f"No answer from {self.endpoint} within {self.timeout:g} s."
                raise Refused(f"{silent} Is the service running?") from error
            except (requests.RequestException, UnicodeError, ValueError) as error:
                said = str(error)[:100] or type(error).__name__
                raise Refused(f"{self.endpoint} cannot be asked: {said}. Look at address and key.") from error
        if not reply.ok:
            hint = HINTS.get(reply.status_code, "Look at its log, then try again.")
            raise Refused(f"The service answered {reply.status_code}. {hint}")
        try:
            found = reply.json()
        except (ValueError, RecursionError) as error:
            other = f"{self.endpoint} did not answer in JSON."
            raise Refused(f"{other} Is it a prediction service?") from error
        if not isinstance(found, dict):
            raise Refused(f"{self.endpoint} did not answer with a JSON object.")
        return found


HINTS = {
    400: "It cannot use these inputs: is it a service of the same data?",
    401: "Give the right --key.",
    413: "Lower the batch.",
    429: "It limits the rate: wait, or ask for less.",
}
"""What to do about an error status."""


def _is_here(endpoint: str) -> bool:
    """Whether an endpoint is on this machine."""
    try:
        host = urlsplit(endpoint).hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _spend(box: Local | Remote, count: int) -> None:
    if box.budget and box.queries + count > box.budget:
        raise Refused(
            f"The budget of {box.budget} queries is spent ({box.queries} used, {count} more asked). "
            "Raise it or ask less."
        )
    box.queries += count
