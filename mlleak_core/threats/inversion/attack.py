"""Gradient inversion: the photos behind one participant's update in collaborative training.

No malice in the training is needed. The participant sends the gradient of the loss on a small batch; whoever
receives
it knows the net. Matching the gradient is not reconstruction: only the error in the picture counts, see
`judge`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from mlleak_core.contract import BadInput, Choice, Range, Step, Stop
from mlleak_core.figures.look import BLUE, GREEN, ORANGE
from mlleak_core.language import mark, say
from mlleak_core.seeds import stream
from mlleak_core.target.models import ConvNet, as_input
from mlleak_core.threat import Attack
from mlleak_core.threats.inversion.card import PRIORS
from mlleak_core.threats.inversion.decoder import labelled, pictured
from mlleak_core.threats.inversion.disaggregation import Layer, disaggregate
from mlleak_core.threats.inversion.judge import Claim
from mlleak_core.threats.likeness import SIDE, Pictures

SHOWN_EVERY = 50


@dataclass(frozen=True, eq=False)
class Update:
    """What the receiver has: the net, one gradient a parameter, the batch's size, and public faces
    [m, 3, 32, 32] of his own, with labels [m] of some, -1 unknown.
    """

    net: ConvNet
    gradients: tuple[Tensor, ...]
    photos: int
    public: Pictures
    labels: Mapping[str, NDArray[np.int8]] = field(default_factory=dict)


def share(net: ConvNet, pictures: Tensor, labels: Tensor, public: Pictures) -> Update:
    """What a participant sends of photos uint8 [n, 3, 32, 32] with labels [n]: the mean cross-entropy's
    gradient.
    """
    loss = functional.cross_entropy(net(as_input(pictures)), labels)
    gradients = torch.autograd.grad(loss, list(net.parameters()))
    return Update(net, tuple(g.detach() for g in gradients), len(pictures), public)


def noisy(update: Update, noise: float, rng: np.random.Generator) -> Update:
    """What is sent by a participant who adds Gaussian noise, its length a share `noise` of the gradient's."""
    length = float(torch.stack([g.square().sum() for g in update.gradients]).sum().sqrt())
    each = noise * length / sum(g.numel() for g in update.gradients) ** 0.5
    gradients = tuple(
        g + each * torch.from_numpy(rng.standard_normal(tuple(g.shape), np.float32)) for g in update.gradients
    )
    return dataclasses.replace(update, gradients=gradients)


def labels_of(update: Update) -> Tensor:
    """The batch's labels, sorted, inferred from the last bias: its gradient is the mean of p - y (Zhao et al.
    2020, iDLG).

    p is what the net says of the public average face, which for a fresh net is what it says of any.
    """
    with torch.no_grad():
        said = update.net(_to_input(torch.from_numpy(update.public.mean(0, keepdims=True)))).softmax(1)[0, 1]
    ones = round(float((said - update.gradients[-1][1]) * update.photos))
    ones = min(max(ones, 0), update.photos)
    return torch.tensor([0] * (update.photos - ones) + [1] * ones)


def _need_no_convolution(net: ConvNet) -> None:
    """Raises BadInput for a net that the closed forms cannot read."""
    if net.convs:
        needs, got = say("a net whose first layer is fully connected"), say("a convolution")
        raise BadInput(needs, got, say("Choose the net 'mlp', or gradient matching."))


def _to_input(pictures: Tensor) -> Tensor:
    return pictures / 64 - 2


def _to_pixels(x: Tensor) -> Pictures:
    return np.asarray(((x.detach() + 2) * 64).clamp(0, 255).numpy(), np.float32)


@final
@dataclass(frozen=True)
class AnalyticInversion(Attack):
    """Closed form for a net whose first layer is fully connected: a weight's gradient over its bias's is the
    input.

    Phong et al. 2018, section 3. Guarantees: exact for one photo, up to rounding; for more it is a weighted
    average
    of them.
    """

    slug: ClassVar[str] = "analytic"
    title: ClassVar[str] = mark("Closed form")
    why: ClassVar[str] = mark("divides one gradient by another")
    colour: ClassVar[str] = ORANGE

    def run(self, view: Update) -> Generator[Step, None, Claim]:
        """Divide. The unit is the one with the largest bias gradient, where rounding hurts least."""
        _need_no_convolution(view.net)
        yield Step(0, 1, say("dividing gradients"))
        weight, bias = view.gradients[0].double(), view.gradients[1].double()
        unit = int(bias.abs().argmax())
        x = (weight[unit] / bias[unit]).reshape(1, 3, SIDE, SIDE)
        return Claim(pictures=np.repeat(_to_pixels(x), view.photos, 0))


@final
@dataclass(frozen=True)
class Disaggregation(Attack):
    """What enters the hidden layer, photo by photo, out of one averaged gradient, without a search; see
    `disaggregation`. Those are the pixels, or what convolutions made of them, which is read back by what the
    same convolutions make of own photos; see `decoder`.

    Guarantees: exact up to rounding, or nothing. Ends with noise, and with about a dozen photos.
    """

    slug: ClassVar[str] = "disaggregation"
    title: ClassVar[str] = mark("Disaggregation")
    why: ClassVar[str] = mark("takes the sum of gradients apart by the pattern of active units")
    colour: ClassVar[str] = GREEN
    seed: Annotated[int, Range(0, 9999, 1, "Fixes which units are tried.")] = 0

    def run(self, view: Update) -> Generator[Step, None, Claim]:
        """Take the batch apart. `Stop` ends the trying; then the average face is claimed for all."""
        weight, bias = (g.double().numpy() for g in view.gradients[-4:-2])
        between = view.net.logits.weight.detach().double().numpy()
        layer = Layer(weight, bias, between[0] - between[1])
        rng = stream(self.seed, "units of a disaggregation")
        found = yield from disaggregate(layer, view.photos, rng)
        if found.whole:
            with suppress(Stop):
                yield Step(view.photos, view.photos, say("reading what came apart"))
            return _read(view, found.inputs, self.seed)
        note = say(
            "The batch could not be taken apart in {tries:,} tries: nothing is claimed.", tries=found.tried
        )
        return Claim(pictures=np.repeat(view.public.mean(0, keepdims=True), view.photos, 0), note=note)


def _read(view: Update, found: NDArray[np.float64], seed: int) -> Claim:
    """found [b, d]: what enters the hidden layer."""
    with torch.no_grad():
        own = view.net.entering(_to_input(torch.from_numpy(view.public))).double().numpy()
    labels = labelled(own, view.labels, found, seed)
    if view.net.convs:
        return Claim(pictures=pictured(own, view.public, found), labels=labels)
    return Claim(pictures=_to_pixels(torch.from_numpy(found).reshape(-1, 3, SIDE, SIDE)), labels=labels)


@final
@dataclass(frozen=True)
class GradientMatching(Attack):
    """Search for photos whose gradient points the same way: cosine distance + total variation, by Adam.

    Geiping et al. 2020, eq. 4. prior "smoothness": pixels are searched for, as in the paper. prior "public
    faces": the
    coordinates of public faces' principal components are searched for, each in units of its own spread. Steps
    take
    the gradient's sign. Of `restarts` the one whose gradient matches best is claimed; the truth has no say.
    """

    slug: ClassVar[str] = "matching"
    title: ClassVar[str] = mark("Gradient matching")
    why: ClassVar[str] = mark("searches for photos with the same gradient")
    colour: ClassVar[str] = BLUE
    prior: Annotated[str, Choice(PRIORS, "What the attacker knows of faces.")] = "public faces"
    steps: Annotated[int, Range(1, 100_000, 50, "Steps of a search.")] = 1200
    restarts: Annotated[int, Range(1, 100, 1, "Searches from different starts.")] = 2
    variation: Annotated[float, Range(0.0, 10.0, 0.01, "Weight of the total variation.")] = 0.01
    seed: Annotated[int, Range(0, 9999, 1, "Fixes where the searches start.")] = 0

    def run(self, view: Update) -> Generator[Step, None, Claim]:
        """Throwing `Stop` in claims the best so far. Peeks carry the pictures and the gradient's distance."""
        best, claim, note = float("inf"), None, ""
        canvas = _Canvas(view, self.prior)
        for restart in range(self.restarts):
            try:
                for done, cost, x in self._search(view, canvas, restart):
                    found = _to_pixels(x)
                    if claim is None or cost < best:
                        best, claim = cost, found
                    step, total = restart * self.steps + done, self.restarts * self.steps
                    peek = {"pictures": found, "distance": cost}
                    words = say("matching the gradient, distance {distance:.4f}", distance=cost)
                    yield Step(step, total, words, peek)
            except Stop:
                note = say("Stopped before the search was over.")
                break
        assert claim is not None
        return Claim(pictures=claim, note=note, distance=best)

    def _search(
        self, update: Update, canvas: _Canvas, restart: int
    ) -> Generator[tuple[int, float, Tensor], None, None]:
        labels, parameters = labels_of(update), list(update.net.parameters())
        z = canvas.start(torch.Generator().manual_seed(self.seed * 1000 + restart))
        optimiser = torch.optim.Adam([z], 0.1)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, self.steps)
        for step in range(1, self.steps + 1):
            optimiser.zero_grad()
            x = canvas.picture(z)
            loss = functional.cross_entropy(update.net(x), labels)
            found = torch.autograd.grad(loss, parameters, create_graph=True)
            distance = _cosine_distance(update.gradients, found)
            (distance + self.variation * _total_variation(x)).backward()  # type: ignore[no-untyped-call]
            assert z.grad is not None
            z.grad.sign_()
            optimiser.step()
            schedule.step()
            if step % SHOWN_EVERY == 0 or step == self.steps:
                yield step, float(distance.detach()), canvas.picture(z)


class _Canvas:
    """Where the search takes place: pixels, or the principal components of public faces."""

    COMPONENTS = 2000

    def __init__(self, update: Update, prior: str) -> None:
        self.photos, self.faces = update.photos, prior == "public faces"
        flat = _to_input(torch.from_numpy(update.public)).flatten(1)
        self.mean = flat.mean(0)
        if self.faces:
            count = min(self.COMPONENTS, len(flat) - 1)
            spread, axes = torch.linalg.eigh((flat - self.mean).T @ (flat - self.mean) / len(flat))
            self.axes = (axes[:, -count:] * spread[-count:].clamp_min(0).sqrt()).flip(1)

    def start(self, generator: torch.Generator) -> Tensor:
        shape = (self.photos, self.axes.shape[1]) if self.faces else (self.photos, 3, SIDE, SIDE)
        return (torch.randn(shape, generator=generator) * (0.3 if self.faces else 0.5)).requires_grad_()

    def picture(self, z: Tensor) -> Tensor:
        return (self.mean + z @ self.axes.T).view(-1, 3, SIDE, SIDE) if self.faces else z


def _cosine_distance(sent: Sequence[Tensor], found: Sequence[Tensor]) -> Tensor:
    def dot(a: Sequence[Tensor], b: Sequence[Tensor]) -> Tensor:
        return torch.stack([(x * y).sum() for x, y in zip(a, b, strict=True)]).sum()

    return 1 - dot(sent, found) / (dot(sent, sent) * dot(found, found)).clamp_min(1e-20).sqrt()


def _total_variation(x: Tensor) -> Tensor:
    return (x[..., 1:] - x[..., :-1]).abs().mean() + (x[..., 1:, :] - x[..., :-1, :]).abs().mean()


CATALOGUE: dict[str, Attack] = {
    attack.slug: attack for attack in (AnalyticInversion(), Disaggregation(), GradientMatching())
}
"""The closed forms, then the search."""
