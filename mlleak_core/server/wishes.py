"""What the operator sets by environment variables, checked before anything starts."""

from __future__ import annotations

import os

from mlleak_core import disk
from mlleak_core.contract import BadInput
from mlleak_core.language import say

UPLOADS = 1024
"""Megabytes for all visitors' uploads together, where nothing else is said."""

EVERY = "0.0.0.0"
"""All of a machine's addresses."""


def workers() -> int:
    """How many jobs run at a time (MLLEAK_JOBS); by default one for every two cores."""
    return _number("MLLEAK_JOBS", max(1, (os.cpu_count() or 2) // 2), 256)


def upload_megabytes() -> int:
    """Memory for all visitors' uploads together (MLLEAK_UPLOAD_MB)."""
    return _number("MLLEAK_UPLOAD_MB", UPLOADS, 2**20)


def classroom_port(app_port: int = 8501) -> int:
    """Where phones join (MLLEAK_CLASSROOM_PORT); by default the port after the app's."""
    return _number("MLLEAK_CLASSROOM_PORT", app_port + 1, 65535)


def classroom_host() -> str:
    """On which address phones join (MLLEAK_CLASSROOM_HOST); by default on the app's, which without one is
    every.
    """
    said = os.environ.get("MLLEAK_CLASSROOM_HOST", "").strip()
    return said or os.environ.get("STREAMLIT_SERVER_ADDRESS", "").strip() or EVERY


def check() -> None:
    """Raise BadInput where a wish cannot be met."""
    workers()
    upload_megabytes()
    classroom_port()
    disk.cache_home()
    disk.data_home()


def _number(name: str, usual: int, most: int) -> int:
    said = os.environ.get(name, "").strip()
    if not said:
        return usual
    if not (said.isdecimal() and len(said) < 20 and 0 < int(said) <= most):
        expected = say("{name} to be a whole number from 1 to {most}", name=name, most=most)
        raise BadInput(expected, repr(said[:40]), say("Set it to {usual}, say.", usual=usual))
    return int(said)
