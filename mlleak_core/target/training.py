"""Training the target: a generator of steps that returns the trained model and all there is to know of how it
came.
"""

from __future__ import annotations

import copy
import ctypes
import math
import sys
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from mlleak_core.contract import Diverged, Step, Stop, now
from mlleak_core.data import Faces, Split, source
from mlleak_core.language import mark, say
from mlleak_core.measure import balanced_accuracy
from mlleak_core.seeds import stream
from mlleak_core.target.models import INPUT_SIDE, ConvNet, as_input, pick_device
from mlleak_core.target.settings import TrainSettings, run_key

BATCH = 128
JITTER = 0.25
"""Augmentation varies contrast by up to this share, and brightness by up to this many standard deviations
times two.
"""
AVERAGED = 0.98
"""Decay of the running average of the weights, taken every AVERAGE_EVERY steps (Polyak & Juditsky 1992)."""
AVERAGE_EVERY = 5
BALANCE = 0.3
"""Loss weight of a class: its share's inverse to this power, so that the rarer class is not neglected."""
DIVERGED = mark(
    "Training diverged: the loss is {loss:,.0f}, a coin's is 0.69. The steps were too large (learning rate "
    "{rate:g}). Lower the learning rate and train again; 0.004 works for every bundled preset."
)
BLOWN_UP = 20.0
"""A loss beyond this, thirty times a coin's, or no number at all: training has diverged."""
FRAMES = (0, 1, 2, 4, 7, 11, 17, 25, 36, 54, 81)
"""Epochs whose weights are kept for the maps, besides the last one; 0 is the net before training."""

THREADS = torch.get_num_threads()
"""Of every training: their number decides how sums are rounded, and other work of the same thread or process
may change it.
"""

State = dict[str, Tensor]


@dataclass(frozen=True, eq=False)
class Target:
    """A trained model with its split, recipe and history.

    states: epoch -> weights, from 0 (untrained) to the last. history: name -> [epochs run]. test_logits,
    mirrored_logits [outsiders, 2]: answers to the test faces and to their mirror images.
    """

    settings: TrainSettings
    key: str
    split: Split
    states: dict[int, State]
    history: dict[str, NDArray[np.float64]]
    test_logits: NDArray[np.float32]
    mirrored_logits: NDArray[np.float32]
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
        both = (self.test_logits + self.mirrored_logits).argmax(1)
        return {
            "accuracy": float((predicted == truth).mean()),
            "balanced_accuracy": balanced_accuracy(predicted, truth),
            "accuracy_with_mirror": float((both == truth).mean()),
            "balanced_accuracy_with_mirror": balanced_accuracy(both, truth),
            "majority": float(max(truth.mean(), 1 - truth.mean())),
            "n_train": len(self.split.members),
            "n_test": len(truth),
            "samples_per_second": self.samples_per_second,
        }


def open_faces(settings: TrainSettings) -> Generator[Step, None, Faces]:
    """The faces that a training is about, from its source."""
    faces = yield from source.load(settings.data)
    return choose_faces(faces, settings)


def choose_faces(faces: Faces, settings: TrainSettings) -> Faces:
    """`settings.faces` faces, taking whole people in random order; all of them for 0."""
    if not 0 < settings.faces < len(faces):
        return faces
    order = stream(settings.seed, "faces of a training").permutation(faces.person.max() + 1)
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


def fit(
    faces: Faces,
    settings: TrainSettings,
    split: Split | None = None,
    device: str = "cpu",
    regulariser: Callable[[ConvNet], Tensor] | None = None,
    after_epoch: Callable[[int, ConvNet], None] | None = None,
) -> Generator[Step, None, Target]:
    """Train on the members; watch on the outsiders. Throwing `Stop` in returns what has been learned so far.

    regulariser: added to the loss, from the weights alone. after_epoch: shown the epoch's number and the net
    as it then is; its seconds are not counted as training. Raises Diverged when the loss leaves all bounds.
    """
    split = split or Split.by_person(faces, settings.seed)
    torch.set_num_threads(THREADS)
    _reuse_memory()
    place = pick_device(device)
    labels = torch.from_numpy(faces.task.codes.astype(np.int64))
    session = _Session(shrink(faces), labels, split.members, settings, place, settings.seed, regulariser)
    test = torch.from_numpy(split.outsiders).to(place)
    started, shown = now(), 0.0
    states, history, trained = {0: session.state()}, _History(), 0.0
    complete = True
    steps_total = settings.epochs * session.steps
    kept = {*FRAMES, settings.epochs}
    for epoch in range(1, settings.epochs + 1):
        try:
            began = now()
            for done in session.epoch(epoch - 1):
                note = say("epoch {epoch} of {epochs}", epoch=epoch, epochs=settings.epochs)
                yield Step((epoch - 1) * session.steps + done, steps_total, note, history.peek())
            trained += now() - began
        except Stop:
            complete = False
            break
        history.add(session.watch(test), epoch * len(split.members) / trained)
        if epoch in kept:
            states[epoch] = session.state()
        if after_epoch:
            began = now()
            after_epoch(epoch, session.average.eval())
            shown += now() - began
    if not complete or max(states) == 0:
        states[len(history.rows)] = session.state()
    seconds = now() - started - shown
    return Target(
        settings=settings,
        key=run_key(settings),
        split=split,
        states=states,
        history=history.columns(),
        test_logits=session.logits(test),
        mirrored_logits=session.logits(test, mirror=True),
        seconds=seconds,
        samples_per_second=len(history.rows) * len(split.members) / max(trained, 1e-9),
        complete=complete,
        recipe=session.recipe(),
    )


def train_once(
    pictures: NDArray[np.uint8],
    labels: NDArray[np.int64],
    members: NDArray[np.int64],
    settings: TrainSettings,
    seed: int,
    after_epoch: Callable[[ConvNet], None] | None = None,
    start: State | None = None,
) -> ConvNet:
    """The same training without watching, pausing or history: what a shadow model needs.

    pictures [n, 3, 32, 32], labels [n], members: rows trained on. `after_epoch` is shown the net as it is.
    start: weights to begin from (fine-tuning) instead of fresh ones. Raises Diverged.
    """
    _reuse_memory()
    x = torch.tensor(np.asarray(pictures)).contiguous(memory_format=torch.channels_last)
    session = _Session(x, torch.tensor(np.asarray(labels)), members, settings, torch.device("cpu"), seed)
    if start is not None:
        session.net.load_state_dict(start)
        session.average.load_state_dict(start)
    for epoch in range(settings.epochs):
        for _ in session.epoch(epoch):
            pass
        if after_epoch:
            after_epoch(session.average.eval())
    return session.average.eval()


@torch.no_grad()
def picture_answers(
    net: ConvNet, pictures: NDArray[np.uint8], mirror: bool = True, low: bool = False
) -> NDArray[np.float32]:
    """Logits [2, n, c] of pictures [n, 3, 32, 32] and of their mirror images; [1, n, c] without those. low:
    in bfloat16 if fast.
    """
    x = torch.tensor(np.ascontiguousarray(pictures)).contiguous(memory_format=torch.channels_last)
    turns = (False, True) if mirror else (False,)
    with torch.autocast("cpu", torch.bfloat16, enabled=low and fast_bfloat16()):
        views = [torch.cat([net(as_input(p.flip(3) if turn else p)) for p in x.split(512)]) for turn in turns]
    return torch.stack(views).float().numpy()


def rehearse() -> None:
    """Import and compile what a process's first training would otherwise wait for, by a second's training on
    noise.

    torch's optimisers alone import for over a second.
    """
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 256, (384, 3, 32, 32), dtype=np.uint8), rng.integers(0, 2, 384)
    settings = TrainSettings(epochs=2, augment=False, mixup=0.0, net="strided-3")
    picture_answers(train_once(x, y, np.arange(300), settings, 0), x)


class _History:
    NAMES = (
        "train_loss",
        "train_accuracy",
        "test_loss",
        "test_accuracy",
        "test_balanced",
        "samples_per_second",
    )

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

    def __init__(
        self,
        pictures: Tensor,
        labels: Tensor,
        members: NDArray[np.int64],
        settings: TrainSettings,
        device: torch.device,
        seed: int,
        regulariser: Callable[[ConvNet], Tensor] | None = None,
    ) -> None:
        self.settings, self.device, self.regulariser = settings, device, regulariser
        self.random, self.shares = torch.Generator().manual_seed(seed * 2 + 1), stream(seed, "mixup shares")
        net = ConvNet(settings.net, torch.Generator().manual_seed(seed * 2))
        self.net = net.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average, self.taken = copy.deepcopy(self.net), 0
        self.rows, self.labels = _as_words(pictures.to(device), mirrored=settings.augment), labels.to(device)
        self.members = torch.from_numpy(members).to(device)
        self.sample = self.members[: min(2000, len(self.members))]
        share = torch.bincount(self.labels[self.members], minlength=2).clamp_min(1) / len(members)
        self.weight = (0.5 / share) ** BALANCE
        self.steps = math.ceil(len(self.members) / BATCH)
        self.optimiser = torch.optim.AdamW(self.net.parameters(), settings.lr, weight_decay=0.01, fused=True)
        self.low = device.type == "cpu" and fast_bfloat16()

    def epoch(self, index: int) -> Iterator[int]:
        """One pass over the members in random order; yields the number of batches done."""
        self.net.train()
        order = self.members[torch.randperm(len(self.members), generator=self.random).to(self.device)]
        worst = torch.zeros((), device=self.device)
        for number, rows in enumerate(order.split(BATCH)):
            self._set_rate((index * self.steps + number) / (self.settings.epochs * self.steps))
            loss = self._loss(rows)
            self.optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimiser.step()
            self._average(index * self.steps + number)
            worst = torch.maximum(worst, loss.detach())  # also keeps a NaN
            if number % 8 == 7 or number == self.steps - 1:
                self._check(worst)
                yield number + 1

    def _loss(self, rows: Tensor) -> Tensor:
        labels = self.labels[rows]
        if self.settings.augment:
            x = self._relight(as_input(self._augment(rows)))
        else:
            x = as_input(self._pictures(rows), torch.bfloat16 if self.low else torch.float32)
        loss = self._mixup(x, labels) if self.settings.mixup else self._plain(x, labels)
        return loss if self.regulariser is None else loss + self.regulariser(self.net)

    def _answer(self, x: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=self.low):
            return self.net(x, self._kept(len(x))).float()  # type: ignore[no-any-return]

    def _plain(self, x: Tensor, labels: Tensor) -> Tensor:
        return functional.cross_entropy(self._answer(x), labels, self.weight)

    def _mixup(self, x: Tensor, labels: Tensor) -> Tensor:
        """Each picture and its label mixed with another's, by one share a batch (Zhang et al. 2018, section
        2).
        """
        share = float(self.shares.beta(self.settings.mixup, self.settings.mixup))
        logits = self._answer(x.lerp(x.flip(0), 1 - share))
        own, other = (
            functional.cross_entropy(logits, truth, self.weight) for truth in (labels, labels.flip(0))
        )
        return share * own + (1 - share) * other

    def _kept(self, n: int) -> Tensor | None:
        """What dropout leaves of the hidden units, scaled so that the mean stays; None without dropout."""
        share = 1 - self.settings.dropout
        if share == 1:
            return None
        kept = torch.empty(n, self.net.hidden.out_features).bernoulli_(share, generator=self.random)
        return kept.div_(share).to(self.device)

    def _pictures(self, rows: Tensor) -> Tensor:
        """uint8 [len(rows), 3, 32, 32], channels last."""
        return self.rows[rows].view(torch.uint8).view(-1, INPUT_SIDE, INPUT_SIDE, 3).permute(0, 3, 1, 2)

    def _augment(self, rows: Tensor) -> Tensor:
        """Mirror each picture with chance one half; shift the whole batch by up to one pixel."""
        mirror = (torch.rand(len(rows), generator=self.random) < 0.5).to(self.device)
        right, down = (int(v) for v in torch.randint(-1, 2, (2,), generator=self.random))
        pictures = self._pictures(rows + len(self.labels) * mirror)
        return pictures.roll((down, right), (2, 3)).contiguous(memory_format=torch.channels_last)

    def _relight(self, x: Tensor) -> Tensor:
        """Another contrast and brightness for each picture."""
        draws = torch.rand(2, len(x), 1, 1, 1, generator=self.random).mul_(2).sub_(1).to(self.device)
        return x.mul_(1 + JITTER * draws[0]).add_(2 * JITTER * draws[1])

    @torch.no_grad()
    def _average(self, step: int) -> None:
        """Move the average towards the weights; in the beginning by more."""
        if step % AVERAGE_EVERY:
            return
        self.taken += 1
        decay = min(AVERAGED, self.taken / (9 + self.taken))
        for mean, present in zip(
            self.average.state_dict().values(), self.net.state_dict().values(), strict=True
        ):
            if mean.is_floating_point():  # the normalisation's statistics too, but not its count of batches
                mean.lerp_(present, 1 - decay)

    def _set_rate(self, progress: float) -> None:
        """Linear warm-up over the first tenth, then a cosine to nearly nothing."""
        rate = (
            progress / 0.1 + 0.05
            if progress < 0.1
            else 0.5 + 0.5 * math.cos(math.pi * (progress - 0.1) / 0.9)
        )
        for group in self.optimiser.param_groups:
            group["lr"] = self.settings.lr * min(1.0, rate) + 1e-5

    def _check(self, loss: Tensor) -> None:
        value = float(loss)
        if not value < BLOWN_UP:
            raise Diverged(say(DIVERGED, loss=value, rate=self.settings.lr))

    @torch.no_grad()
    def logits(self, rows: Tensor, mirror: bool = False, low: bool = False) -> NDArray[np.float32]:
        """Logits [rows, 2] of the averaged weights, without augmentation or dropout; in full precision unless
        `low`.
        """
        self.average.eval()
        parts = (self._pictures(part) for part in rows.split(512))
        with torch.autocast("cpu", torch.bfloat16, enabled=low and self.low):
            return (
                torch.cat([self.average(as_input(p.flip(3) if mirror else p)) for p in parts])
                .float()
                .cpu()
                .numpy()
            )

    def watch(self, test: Tensor) -> tuple[float, ...]:
        """Loss and accuracy on a fixed sample of members, then loss, accuracy and balanced accuracy on the
        outsiders.
        """
        found: list[float] = []
        for rows in (self.sample, test):
            logits, truth = torch.from_numpy(self.logits(rows, low=True)), self.labels[rows].cpu()
            loss = float(functional.cross_entropy(logits, truth))
            self._check(torch.tensor(loss))
            found += [loss, float((logits.argmax(1) == truth).float().mean())]
        return (*found, balanced_accuracy(logits.argmax(1).numpy(), truth.numpy()))

    def state(self) -> State:
        return {k: v.detach().cpu().clone().contiguous() for k, v in self.average.state_dict().items()}

    def recipe(self) -> dict[str, Any]:
        return {
            "optimiser": "AdamW, weight decay 0.01, averaged weights",
            "batch": BATCH,
            "device": str(self.device),
            "precision": "bfloat16 autocast" if self.low else "float32",
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
        }


def _as_words(pictures: Tensor, mirrored: bool) -> Tensor:
    """Pictures [n, 3, 32, 32] as rows of eight-byte words, which are gathered faster than bytes; mirror
    images follow as n more.
    """
    both = [pictures, pictures.flip(3)] if mirrored else [pictures]
    return torch.cat([p.permute(0, 2, 3, 1).reshape(len(p), -1) for p in both]).view(torch.int64)


def fast_bfloat16() -> bool:
    """Whether this CPU multiplies bfloat16 in hardware; emulated, it is three times slower than float32."""
    found = torch.cpu.get_capabilities()
    return bool(found.get("amx_bf16") or found.get("avx512_bf16"))


def _reuse_memory() -> None:
    """Let glibc keep freed tensors of up to 32 MiB: else each batch's are unmapped and faulted in again, a
    fifth of the time.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt:
            mallopt(-3, 32 << 20)  # M_MMAP_THRESHOLD
            mallopt(-1, 256 << 20)  # M_TRIM_THRESHOLD
