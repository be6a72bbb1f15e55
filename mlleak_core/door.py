"""Where somebody listens: a socket that is open before anybody is told of it."""

from __future__ import annotations

import socket

from mlleak_core.contract import BadInput
from mlleak_core.language import say

WAITING = 2048
"""Connections that may wait to be let in."""


def listening(host: str, port: int, remedy: str, whose: str = "") -> socket.socket:
    """A socket that already listens there; whose: words for the error. Raises BadInput."""
    if not 0 < port < 65536:
        raise BadInput(say("a port between 1 and 65535"), str(port), say("Choose another --port."))
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=WAITING)
    except (OSError, UnicodeError) as error:
        got = getattr(error, "strerror", None) or str(error)
        raise BadInput(
            say("a free port {port} on {host}{whose}", port=port, host=host, whose=whose), got, remedy
        ) from error
