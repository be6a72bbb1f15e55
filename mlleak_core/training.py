"""Training the target: a generator of steps that returns the trained model and all there is to know of how it came."""

from __future__ import annotations

import ctypes
import math
import sys
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from mlleak_core import data
from mlleak_core.contract import Diverged, Step, Stop
from mlleak_core.data import Faces, Split
from mlleak_core.measure import balanced_accuracy
from mlleak_core.models import INPUT_SIDE, ConvNet, as_input, pick_device
from mlleak_core.settings import TrainSettings, run_key

BATCH = 128
DROPOUT = 0.5
BLOWN_UP = 20.0
"""A loss beyond this, thirty times a coin's, or no number at all: training has diverged."""
FRAMES = (0, 1, 2, 4, 7, 11, 16, 24, 36, 54, 81)
"""Epochs whose weights are kept for the maps, besides the last one; 0 is the net before training."""

State = dict[str, Tensor]


@dataclass(frozen=True, eq=False)
class Target:
    """A trained model with its split, recipe and history.

    states: epoch -> weights, from 0 (untrained) to the last. history: name -> [epochs run]. test_logits [outsiders, 2].
    """

    settings: TrainSettings
    key: str
    split: Split
    states: dict[int, State]
    history: dict[str, NDArray[np.float64]]
    test_logits: NDArray[np.float32]
    seconds: float
    samples_per_second: float
    complete: bool
    recipe: dict[str, Any]

    def net(self, epoch: int | None = None) -> ConvNet:
        """The net as it was after `epoch` (default: the last)."""
        net = ConvNet(self.settings.net, torch.Generator())
        net.load_state_dict(self.states[max(self.states) if epoch is None else epoch])
        return net.to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload, no-any-return]

    def report(self, faces: Faces) -> dict[str, float | int]:
        """The headline numbers of the task itself, on people never seen."""
        truth = faces.task.codes[self.split.outsiders]
        predicted = self.test_logits.argmax(1)
        return {
            "accuracy": float((predicted == truth).mean()),
            "balanced_accuracy": balanced_accuracy(predicted, truth),
            "majority": float(max(truth.mean(), 1 - truth.mean())),
            "n_train": len(self.split.members),
            "n_test": len(truth),
            "samples_per_second": self.samples_per_second,
        }


def open_faces(settings: TrainSettings) -> Generator[Step, None, Faces]:
    """The faces that a training is about, from its source."""
    faces = yield from data.load(settings.data)
    return choose_faces(faces, settings)


def choose_faces(faces: Faces, settings: TrainSettings) -> Faces:
    """`settings.faces` faces, taking whole people in random order; all of them for 0."""
    if not 0 < settings.faces < len(faces):
        return faces
    order = np.random.default_rng([settings.seed, 7]).permutation(faces.person.max() + 1)
    rank = np.argsort(order)[faces.person]
    return faces.subset(np.sort(np.argsort(rank, kind="stable")[: settings.faces]))


def shrink(faces: Faces, rows: NDArray[np.int64] | None = None) -> Tensor:
    """Pictures as the net takes them: uint8 [n, 3, 32, 32], channels last."""
    picked = faces.images if rows is None else faces.images[rows]
    blocks = []
    for start in range(0, len(picked), 1024):
        block = torch.from_numpy(np.array(picked[start : start + 1024])).permute(0, 3, 1, 2).float()
        block = functional.avg_pool2d(block, block.shape[-1] // INPUT_SIDE)
        blocks.append(block.round_().to(torch.uint8).contiguous(memory_format=torch.channels_last))
    return torch.cat(blocks)


def fit(faces: Faces, settings: TrainSettings, split: Split | None = None, device: str = "cpu") -> Generator[Step, None, Target]:
    """Train on the members; watch on the outsiders. Throwing `Stop` in returns what has been learned so far.

    Raises Diverged when the loss leaves all bounds.
    """
    split = split or Split.by_person(faces, settings.seed)
    _reuse_memory()
    place = pick_device(device)
    session = _Session(faces, settings, split, place)
    started = time.perf_counter()
    states, history, trained = {0: session.state()}, _History(), 0.0
    complete = True
    steps_total = settings.epochs * session.steps
    kept = {*FRAMES, settings.epochs}
    for epoch in range(1, settings.epochs + 1):
        try:
            began = time.perf_counter()
            for done in session.epoch(epoch - 1):
                note = f"epoch {epoch} of {settings.epochs}"
                yield Step((epoch - 1) * session.steps + done, steps_total, note, history.peek())
            trained += time.perf_counter() - began
        except Stop:
            complete = False
            break
        history.add(session.watch(), epoch * len(split.members) / trained)
        if epoch in kept:
            states[epoch] = session.state()
    if not complete or max(states) == 0:
        states[len(history.rows)] = session.state()
    seconds = time.perf_counter() - started
    return Target(
        settings, run_key(settings), split, states, history.columns(), session.logits(session.test),
        seconds, len(history.rows) * len(split.members) / max(trained, 1e-9), complete, session.recipe(),
    )  # fmt: skip


class _History:
    NAMES = ("train_loss", "train_accuracy", "test_loss", "test_accuracy", "test_balanced", "samples_per_second")

    def __init__(self) -> None:
        self.rows: list[tuple[float, ...]] = []

    def add(self, row: tuple[float, ...], rate: float) -> None:
        self.rows.append((*row, rate))

    def columns(self) -> dict[str, NDArray[np.float64]]:
        table = np.array(self.rows, float).reshape(-1, len(self.NAMES))
        return {name: table[:, i] for i, name in enumerate(self.NAMES)}

    def peek(self) -> dict[str, Any]:
        return {"history": self.columns()}


class _Session:
    """The moving parts of one training."""

    def __init__(self, faces: Faces, settings: TrainSettings, split: Split, device: torch.device) -> None:
        self.settings, self.split, self.device = settings, split, device
        self.random = torch.Generator().manual_seed(settings.seed * 2 + 1)
        net = ConvNet(settings.net, torch.Generator().manual_seed(settings.seed * 2))
        self.net = net.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.pictures = shrink(faces).to(device)
        self.labels = torch.from_numpy(faces.task.codes.astype(np.int64)).to(device)
        self.members = torch.from_numpy(split.members).to(device)
        self.test = torch.from_numpy(split.outsiders).to(device)
        self.sample = self.members[: min(2000, len(self.members))]
        self.steps = math.ceil(len(self.members) / BATCH)
        self.optimiser = torch.optim.AdamW(self.net.parameters(), settings.lr, weight_decay=0.01, fused=True)
        self.low = device.type == "cpu" and fast_bfloat16()

    def epoch(self, index: int) -> Iterator[int]:
        """One pass over the members in random order; yields the number of batches done."""
        self.net.train()
        order = self.members[torch.randperm(len(self.members), generator=self.random).to(self.device)]
        for number, rows in enumerate(order.split(BATCH)):
            self._set_rate((index * self.steps + number) / (self.settings.epochs * self.steps))
            loss = self._loss(rows)
            self.optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimiser.step()
            if number % 8 == 7 or number == self.steps - 1:
                self._check(loss)
                yield number + 1

    def _loss(self, rows: Tensor) -> Tensor:
        pictures, labels = self.pictures[rows], self.labels[rows]
        if self.settings.augment:
            pictures = self._augment(pictures)
        keep = torch.empty(len(rows), self.net.hidden.out_features).bernoulli_(1 - DROPOUT, generator=self.random)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.low):
            logits = self.net(as_input(pictures), keep.div_(1 - DROPOUT).to(self.device))
        return functional.cross_entropy(logits.float(), labels)

    def _augment(self, pictures: Tensor) -> Tensor:
        """Mirror each picture with chance one half; shift the whole batch by up to one pixel."""
        mirror = torch.rand(len(pictures), generator=self.random).to(self.device) < 0.5
        right, down = (int(v) for v in torch.randint(-1, 2, (2,), generator=self.random))
        pictures = torch.where(mirror[:, None, None, None], pictures.flip(3), pictures)
        return pictures.roll((down, right), (2, 3)).contiguous(memory_format=torch.channels_last)

    def _set_rate(self, progress: float) -> None:
        """Linear warm-up over the first tenth, then a cosine to nearly nothing."""
        rate = progress / 0.1 + 0.05 if progress < 0.1 else 0.5 + 0.5 * math.cos(math.pi * (progress - 0.1) / 0.9)
        for group in self.optimiser.param_groups:
            group["lr"] = self.settings.lr * min(1.0, rate) + 1e-5

    def _check(self, loss: Tensor) -> None:
        value = float(loss.detach())
        if not value < BLOWN_UP:
            raise Diverged(
                f"Training diverged: the loss is {value:,.0f}, a coin's is 0.69. The steps were too large (learning rate {self.settings.lr:g}). "
                "Lower the learning rate and train again; 0.004 works for every bundled preset."
            )

    @torch.no_grad()
    def logits(self, rows: Tensor) -> NDArray[np.float32]:
        """Logits [rows, 2] in full precision, without augmentation or dropout."""
        self.net.eval()
        return torch.cat([self.net(as_input(self.pictures[part])) for part in rows.split(512)]).float().cpu().numpy()

    def watch(self) -> tuple[float, ...]:
        """Loss and accuracy on a fixed sample of members, then loss, accuracy and balanced accuracy on the outsiders."""
        found: list[float] = []
        for rows in (self.sample, self.test):
            logits, truth = torch.from_numpy(self.logits(rows)), self.labels[rows].cpu()
            loss = float(functional.cross_entropy(logits, truth))
            self._check(torch.tensor(loss))
            found += [loss, float((logits.argmax(1) == truth).float().mean())]
        return (*found, balanced_accuracy(logits.argmax(1).numpy(), truth.numpy()))

    def state(self) -> State:
        return {k: v.detach().cpu().clone().contiguous() for k, v in self.net.state_dict().items()}

    def recipe(self) -> dict[str, Any]:
        return {
            "optimiser": "AdamW, weight decay 0.01", "batch": BATCH, "dropout": DROPOUT, "device": str(self.device),
            "precision": "bfloat16 autocast" if self.low else "float32", "threads": torch.get_num_threads(),
            "torch": torch.__version__,
        }  # fmt: skip


def fast_bfloat16() -> bool:
    """Whether this CPU multiplies bfloat16 in hardware; emulated, it is three times slower than float32."""
    found = torch.cpu.get_capabilities()
    return bool(found.get("amx_bf16") or found.get("avx512_bf16"))


def _reuse_memory() -> None:
    """Let glibc keep freed tensors of up to 32 MiB: else each batch's are unmapped and faulted in again, a fifth of the time."""
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt:
            mallopt(-3, 32 << 20)  # M_MMAP_THRESHOLD
            mallopt(-1, 256 << 20)  # M_TRIM_THRESHOLD
