"""The operator's settings: unusable ones are refused at the start, whoever cannot write is told where."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlleak_core import disk
from mlleak_core.__main__ import main
from mlleak_core.contract import BadInput, Step, drain
from mlleak_core.data.source import load
from mlleak_core.server import wishes
from mlleak_core.server.desk import Desk
from mlleak_core.server.jobs import Jobs
from mlleak_core.target.settings import TrainSettings

NUMBERS: dict[str, Callable[[], int]] = {
    "MLLEAK_JOBS": wishes.workers,
    "MLLEAK_UPLOAD_MB": wishes.upload_megabytes,
    "MLLEAK_CLASSROOM_PORT": wishes.classroom_port,
}


@pytest.mark.parametrize(
    "said", ["0", "-1", "two", "1.5", "²", "1e3", "9" * 30, "9" * 5000, "\N{TELUGU DIGIT ONE}x"]
)
@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_that_is_none_is_refused_before_anything_starts(name, said, monkeypatch, capsys):
    monkeypatch.setenv(name, said)
    with pytest.raises(BadInput, match=rf"^Expected {name} to be a whole number .*Set it to \d+, say\.$"):
        NUMBERS[name]()
    assert main(["app"]) == 2
    assert name in capsys.readouterr().err


@pytest.mark.parametrize("said", ["", " ", "1", " 3 ", "007"])
def test_a_number_is_read_as_people_write_it(said, monkeypatch):
    monkeypatch.setenv("MLLEAK_JOBS", said)
    assert wishes.workers() == (int(said) if said.strip() else max(1, (os.cpu_count() or 2) // 2))


FOLDERS: dict[str, Callable[[], Path]] = {
    "MLLEAK_CACHE_HOME": disk.cache_home,
    "MLLEAK_DATA_HOME": disk.data_home,
    "NUMBA_CACHE_DIR": disk.compiled_home,
}


@pytest.mark.parametrize("name", FOLDERS)
def test_a_tilde_is_the_home_folder(name, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv(name, "~/here")
    assert FOLDERS[name]() == tmp_path / "here"
    monkeypatch.setenv(name, "~nobody-of-that-name/here")
    with pytest.raises(BadInput, match="Write it out"):
        FOLDERS[name]()


@pytest.mark.parametrize("data", ["folder:~nobody-of-that-name/x", "utkface:~nobody-of-that-name/x"])
def test_a_tilde_of_somebody_unknown_is_refused_in_a_path(data):
    with pytest.raises(BadInput, match="Write it out"):
        drain(load(data))


@pytest.fixture
def blocked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder that cannot be: a file stands in its place."""
    file = tmp_path / "file"
    file.write_text("")
    monkeypatch.setenv("MLLEAK_CACHE_HOME", str(file))
    return file


def test_the_command_line_names_the_remedy(blocked, capsys):
    assert main(["membership", "--data", "clinic", "--shadows", "2", "--epochs", "1"]) == 2
    said = capsys.readouterr().err
    assert str(blocked) in said and "Set MLLEAK_CACHE_HOME to a folder that can be written." in said


def test_a_run_that_cannot_be_kept_says_where_it_could_be(blocked, folder):
    notes: list[str] = []
    drain(Desk().target(TrainSettings(data=folder, epochs=1)), lambda step: notes.append(step.note))
    assert any("not kept on disk" in note and "MLLEAK_CACHE_HOME" in note for note in notes)


@pytest.mark.parametrize(
    ("number", "file", "words"),
    [
        (errno.EROFS, "fleets/x", "Set MLLEAK_CACHE_HOME to a folder that can be written."),
        (errno.EACCES, "data/x.npy", "Set MLLEAK_CACHE_HOME to a folder that can be written."),
        (errno.ENOSPC, None, "Free some space, or set MLLEAK_CACHE_HOME"),
        (errno.EDQUOT, "data/x.npy", "Free some space, or set MLLEAK_CACHE_HOME"),
        (errno.ENOMEM, None, "Free some memory"),
        (errno.EACCES, "/elsewhere/table.csv", "Look whether it is there"),
    ],
)
def test_a_job_that_the_machine_refused_names_the_remedy(number, file, words):
    path = None if file is None else str(disk.cache_home() / file)

    def broken() -> Any:
        yield Step(0, 1, "")
        raise OSError(number, os.strerror(number), path)

    jobs, done = Jobs(1), threading.Event()
    jobs.submit("bad", broken)
    for _ in range(500):
        found = jobs.look("bad")
        if found and found.status == "failed":
            break
        done.wait(0.01)
    assert found and found.error.startswith("The machine refused: ") and words in found.error
