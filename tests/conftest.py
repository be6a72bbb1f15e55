"""Everything runs in a throw-away cache folder; real faces are used where they lie beside the project."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import timeit
from collections.abc import Callable, Iterator
from pathlib import Path

from platformdirs import user_cache_dir

ROOT = Path(__file__).parents[1]
os.environ.setdefault("NUMBA_CACHE_DIR", str(Path(user_cache_dir("mlleak")) / "numba"))


def throw_away(purpose: str) -> Path:
    folder = Path(tempfile.mkdtemp(prefix=f"mlleak-{purpose}-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


HOME = throw_away("test")
if "MLLEAK_TEST_DATA" not in os.environ:  # the workers of a run inherit it: they decode and paint only once
    os.environ["MLLEAK_TEST_DATA"] = str(throw_away("test-data"))
(HOME / "data").symlink_to(os.environ["MLLEAK_TEST_DATA"])
os.environ["MLLEAK_CACHE_HOME"] = str(HOME)
os.environ["MLLEAK_WARM"] = "0"
if "MLLEAK_DATA_HOME" not in os.environ and (ROOT.parent / "shared" / "data").is_dir():
    os.environ["MLLEAK_DATA_HOME"] = str(ROOT.parent / "shared" / "data")

import numpy as np  # noqa: E402
import pytest  # noqa: E402
from PIL import Image  # noqa: E402

from mlleak_core.contract import drain  # noqa: E402
from mlleak_core.data import Faces, synthetic  # noqa: E402
from mlleak_core.disk import data_home  # noqa: E402
from mlleak_core.target.settings import TrainSettings  # noqa: E402
from mlleak_core.target.training import Target, fit  # noqa: E402

LONGEST = (
    "test_browser",
    "test_everybody",
    "test_shipped",
    "test_command_line",
    "test_lfw",
    "test_fleet",
    "test_toy",
    "test_contributing",
    "test_desk",
    "test_twins",
    "test_flower",
)
"""Files that take longest: begun first, so that two processes end together."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: LONGEST.index(item.path.stem) if item.path.stem in LONGEST else len(LONGEST))
    there = (data_home() / "lfw" / "lfw_home" / "lfw_funneled").is_dir()
    for item in items:
        if "lfw" in item.keywords and item.get_closest_marker("lfw") and not there:
            item.add_marker(pytest.mark.skip(reason=f"no LFW in {data_home()}; set MLLEAK_DATA_HOME"))


@pytest.fixture(scope="session")
def faces() -> Faces:
    """Six hundred small-scale synthetic faces of 150 people."""
    people = synthetic.draw_people(150, seed=3)
    params, labels = synthetic.draw_photos(people, 4, seed=3)
    return synthetic.as_faces(drain(synthetic.paint_all(params)), labels, 150)


@pytest.fixture(scope="session")
def folder(faces: Faces, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The same faces as a data source: a folder of pictures with a CSV."""
    home, rows = tmp_path_factory.mktemp("faces"), ["file,person,kind"]
    for i, image in enumerate(faces.images):
        Image.fromarray(image).save(home / f"{i}.png")
        rows.append(f"{i}.png,{faces.person[i]},{'ab'[faces.task.codes[i]]}")
    (home / "table.csv").write_text("\n".join(rows))
    return f"folder:{home}"


@pytest.fixture(scope="session")
def target(faces: Faces) -> Target:
    return drain(fit(faces, TrainSettings(epochs=6, seed=1)))


@pytest.fixture
def quickest() -> Callable[[Callable[[], object]], float]:
    """Seconds of the quickest of three: what else the machine does only ever adds to the time."""
    return lambda act: min(timeit.repeat(act, number=1, repeat=3))


@pytest.fixture
def rng() -> Iterator[np.random.Generator]:
    yield np.random.default_rng(0)
