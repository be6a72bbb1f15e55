"""For every page test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pages._kit.frame import bench


@pytest.fixture(autouse=True)
def no_job_left_behind() -> Iterator[None]:
    """What a page started must not keep the next test's jobs in the queue."""
    yield
    bench().jobs.forget("")
