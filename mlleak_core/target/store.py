"""Finished runs on disk: weights as safetensors, arrays as npz, the rest as JSON with checksums."""

from __future__ import annotations

import dataclasses
import datetime
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mlleak_core import disk
from mlleak_core.contract import BadInput
from mlleak_core.data import Split
from mlleak_core.language import say
from mlleak_core.target import kinds
from mlleak_core.target.settings import TrainSettings
from mlleak_core.target.training import Target

FORMAT = 1
FILES = ("weights.safetensors", "arrays.npz")
Answer = Callable[[NDArray[Any]], NDArray[np.float32]]
"""Inputs [n, ...] to logits [n, c]."""


class Store:
    """A folder of runs, each a folder named by its key. Reading refuses whatever does not match its own
    checksums.
    """

    def __init__(self, root: Path | None = None) -> None:
        self.root = root or disk.runs_home()

    def save(self, target: Target) -> Path:
        """Write a run; a run half written never shows. Raises OSError when the disk is
        full or not writable.
        """
        home = self.root / target.key
        with disk.draft(home) as draft:
            disk.write_tensors(draft / FILES[0], _weights(target))
            disk.write_arrays(draft / FILES[1], _arrays(target))
            disk.write_json(draft / "run.json", _description(target, draft))
        return home

    def load(self, key: str) -> Target:
        """The run called `key`. Raises BadInput when it is missing, incomplete on disk or was altered."""
        home = self.root / key
        try:
            about = disk.read_json(home / "run.json")
            disk.check(home, about["sha256"])
            return _target(about, disk.read_tensors(home / FILES[0]), disk.read_arrays(home / FILES[1]))
        except FileNotFoundError as error:
            expected = say("a run called {key}", key=key)
            raise BadInput(expected, say("none on this machine"), say("Train it first.")) from error
        except disk.DAMAGE as error:
            raise _damaged(key, error) from error

    def has(self, key: str) -> bool:
        return (self.root / key / "run.json").is_file()

    def listing(self) -> Iterator[dict[str, Any]]:
        """Descriptions of all runs, newest first; unreadable ones are passed over."""
        found = self.root.glob("*/run.json") if self.root.is_dir() else ()
        for file in sorted(found, key=lambda f: -f.stat().st_mtime):
            try:
                yield disk.read_json(file)
            except (OSError, ValueError):
                continue

    def delete(self, key: str) -> None:
        if key and "/" not in key and not key.startswith("."):
            shutil.rmtree(self.root / key, ignore_errors=True)

    def save_model(self, key: str, weights: Mapping[str, NDArray[Any]], about: Mapping[str, Any]) -> Path:
        """Write a bare model where `serve` finds it. about: its kind, the kind's settings, classes, input,
        dtype.
        """
        home = self.root / key
        with disk.draft(home) as draft:
            disk.write_tensors(draft / "model.safetensors", weights)
            digest = disk.digests(draft, ("model.safetensors",))["model.safetensors"]
            disk.write_json(draft / "model.json", {**about, "key": key, "sha256": digest})
        return home

    def load_model(self, key: str) -> tuple[Answer, dict[str, Any]]:
        """A bare model or a run as a function from inputs to logits, with its description. Never unpickles.

        Raises BadInput when there is none, or it is not what was written.
        """
        if not key.isalnum():
            remedy = say("Copy it from `train` or `membership`.")
            raise BadInput(say("the name of a run"), repr(key[:80]), remedy)
        if self.has(key):
            about = {"classes": 2, "input": [3, 32, 32], "dtype": "uint8", "key": key}
            return kinds.answers_of(self.load(key).net()), about
        home = self.root / key
        try:
            about = disk.read_json(home / "model.json")
            disk.check(home, {"model.safetensors": about["sha256"]})
            kind = kinds.by_name(about["recipe"])
            return kind.answers(disk.read_tensors(home / "model.safetensors"), about["settings"]), about
        except FileNotFoundError as error:
            expected, remedy = say("a run called {key}", key=key), say("Run `train` or `membership` first.")
            raise BadInput(expected, say("none on this machine"), remedy) from error
        except (*disk.DAMAGE, RuntimeError) as error:
            raise _damaged(key, error) from error


def _damaged(key: str, error: Exception) -> BadInput:
    if isinstance(error, BadInput):
        return error
    got = say("a damaged one ({problem})", problem=type(error).__name__)
    return BadInput(say("a sound run {key}", key=key), got, say("Delete it and train it again."))


def _weights(target: Target) -> dict[str, NDArray[Any]]:
    return {f"{e}/{k}": v.numpy() for e, state in target.states.items() for k, v in state.items()}


def _arrays(target: Target) -> dict[str, NDArray[Any]]:
    split = {f"split_{f.name}": getattr(target.split, f.name) for f in dataclasses.fields(Split)}
    history = {f"history_{k}": v for k, v in target.history.items()}
    answers = {"test_logits": target.test_logits, "mirrored_logits": target.mirrored_logits}
    return {**split, **history, **answers}


def _description(target: Target, draft: Path) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "key": target.key,
        "settings": target.settings.as_dict(),
        "complete": target.complete,
        "seconds": target.seconds,
        "samples_per_second": target.samples_per_second,
        "recipe": target.recipe,
        "made": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "sha256": disk.digests(draft, FILES),
    }


def _target(about: dict[str, Any], weights: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Target:
    states: dict[int, dict[str, Any]] = {}
    for name, values in weights.items():
        epoch, _, parameter = name.partition("/")
        states.setdefault(int(epoch), {})[parameter] = torch.from_numpy(values)
    return Target(
        settings=TrainSettings(**about["settings"]),
        key=about["key"],
        split=Split(*(arrays[f"split_{f.name}"] for f in dataclasses.fields(Split))),
        states=dict(sorted(states.items())),
        history={k.removeprefix("history_"): v for k, v in arrays.items() if k.startswith("history_")},
        test_logits=arrays["test_logits"],
        mirrored_logits=arrays["mirrored_logits"],
        seconds=about["seconds"],
        samples_per_second=about["samples_per_second"],
        complete=about["complete"],
        recipe=about["recipe"],
    )
