"""Finished runs on disk: weights as safetensors, arrays as npz, the rest as JSON; written atomically, checked on reading."""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from mlleak_core.contract import BadInput
from mlleak_core.data import Split
from mlleak_core.places import runs_home
from mlleak_core.settings import TrainSettings
from mlleak_core.training import Target

FORMAT = 1


class Store:
    """A folder of runs, each a folder named by its key. Reading refuses whatever does not match its own checksums."""

    def __init__(self, root: Path | None = None) -> None:
        self.root = root or runs_home()

    def save(self, target: Target) -> Path:
        """Write a run; a run half written never shows. Raises OSError when the disk is full or not writable."""
        self.root.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=self.root))
        try:
            save_file(
                {f"{e}/{k}": v for e, state in target.states.items() for k, v in state.items()}, draft / "weights.safetensors"
            )
            np.savez(draft / "arrays.npz", **_arrays(target))  # type: ignore[arg-type]
            (draft / "run.json").write_text(json.dumps(_description(target, draft), indent=1))
            home = self.root / target.key
            if home.exists():
                shutil.rmtree(home)
            draft.replace(home)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
        return home

    def load(self, key: str) -> Target:
        """The run called `key`. Raises BadInput when it is missing, incomplete on disk or was altered."""
        home = self.root / key
        try:
            about = json.loads((home / "run.json").read_text())
            for name, digest in about["sha256"].items():
                if _sha256(home / name) != digest:
                    raise BadInput(f"{name} of run {key} as it was written", "other bytes", "Delete the run and train it again.")
            weights = load_file(home / "weights.safetensors")
            with np.load(home / "arrays.npz", allow_pickle=False) as arrays:
                return _target(about, weights, dict(arrays))
        except FileNotFoundError as error:
            raise BadInput(f"a run called {key}", "none on this machine", "Train it first.") from error
        except (KeyError, TypeError, ValueError, OSError, SafetensorError) as error:
            if isinstance(error, BadInput):
                raise
            raise BadInput(
                f"a sound run {key}", f"a damaged one ({type(error).__name__})", "Delete it and train again."
            ) from error

    def has(self, key: str) -> bool:
        return (self.root / key / "run.json").is_file()

    def listing(self) -> Iterator[dict[str, Any]]:
        """Descriptions of all runs, newest first; unreadable ones are passed over."""
        found = sorted(self.root.glob("*/run.json"), key=lambda f: -f.stat().st_mtime) if self.root.is_dir() else []
        for file in found:
            try:
                yield json.loads(file.read_text())
            except (OSError, ValueError):
                continue

    def delete(self, key: str) -> None:
        if key and "/" not in key and not key.startswith("."):
            shutil.rmtree(self.root / key, ignore_errors=True)


def _arrays(target: Target) -> dict[str, NDArray[Any]]:
    split = {f"split_{f.name}": getattr(target.split, f.name) for f in dataclasses.fields(Split)}
    return {
        **split,
        **{f"history_{k}": v for k, v in target.history.items()},
        "test_logits": target.test_logits,
        "mirrored_logits": target.mirrored_logits,
    }


def _description(target: Target, draft: Path) -> dict[str, Any]:
    return {
        "format": FORMAT, "key": target.key, "settings": target.settings.as_dict(), "complete": target.complete,
        "seconds": target.seconds, "samples_per_second": target.samples_per_second, "recipe": target.recipe,
        "made": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "sha256": {name: _sha256(draft / name) for name in ("weights.safetensors", "arrays.npz")},
    }  # fmt: skip


def _target(about: dict[str, Any], weights: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Target:
    states: dict[int, dict[str, Any]] = {}
    for name, tensor in weights.items():
        epoch, _, parameter = name.partition("/")
        states.setdefault(int(epoch), {})[parameter] = tensor
    split = Split(*(arrays[f"split_{f.name}"] for f in dataclasses.fields(Split)))
    history = {k.removeprefix("history_"): v for k, v in arrays.items() if k.startswith("history_")}
    return Target(
        TrainSettings(**about["settings"]), about["key"], split, dict(sorted(states.items())), history, arrays["test_logits"], arrays["mirrored_logits"],
        about["seconds"], about["samples_per_second"], about["complete"], about["recipe"],
    )  # fmt: skip


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
