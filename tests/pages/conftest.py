"""For every page test."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from pages._kit.frame import bench


@pytest.fixture(autouse=True, scope="module")
def runs_of_ones_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What other tests trained is not there: a page shows what comes with the program."""
    home = tmp_path_factory.mktemp("cache")
    (home / "data").symlink_to(os.environ["MLLEAK_TEST_DATA"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLLEAK_CACHE_HOME", str(home))
        yield


@pytest.fixture(autouse=True)
def no_job_left_behind() -> Iterator[None]:
    """What a page started must not keep the next test's jobs in the queue."""
    yield
    bench().jobs.forget("")
