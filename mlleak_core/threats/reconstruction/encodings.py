"""Reconstruction: models that remember too much. Four ways to make a classifier carry training faces off, and to read them back.

Song, Ristenpart and Shmatikov (2017): whoever supplies the training code (COR, SGN), touches the finished weights (LSB), or
merely prepares the data (CAP) can hide a secret in a model that does its task as well as ever.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from mlleak_core.threats.reconstruction import envelope
from mlleak_core.target.blackbox import BlackBox, Refused
from mlleak_core.threats.reconstruction.codes import SIDE, Bits, Code, Floats, Pictures, Shield
from mlleak_core.contract import BadInput, Card, Step
from mlleak_core.data import SIDE as FULL_SIDE
from mlleak_core.data import UNKNOWN, Faces, Labels, Split
from mlleak_core.measure import Estimate, mean_with_interval, proportion, ssim

CARD = Card(
    slug="reconstruction",
    order=3,
    title="Reconstruction",
    icon=":material/face_retouching_natural:",
    question="Which training faces can be read back out of a model that looks perfectly normal?",
    papers=(
        "Song, Ristenpart & Shmatikov, CCS 2017",
        "Phong et al., IEEE TIFS 2018",
        "Geiping et al., NeurIPS 2020",
    ),
)
ASKED_AT_ONCE = 2048
LIT, EMPTY = 4, 128
"""Few-pixels: so many white ones in a picture that is otherwise zero in the net's own units."""
MARKS = 64


@dataclass(frozen=True, eq=False)
class View:
    """What the attacker has: his own code and key, what public faces look like, and one thing to read from.

    box: the service (CAP). weights [P]: the model file, largest layer first (COR, SGN, LSB). faces: how many he hid.
    average [c, 32, 32]: the mean public face.
    bits: how many he hid, fewer than the faces' own where room was short.
    """

    code: Code
    faces: int
    bits: int
    key: str
    average: Pictures
    box: BlackBox | None = None
    weights: NDArray[np.float32] | None = None


@dataclass(frozen=True, eq=False)
class Claim:
    """What was read back: pictures [n, c, 32, 32] in 0 to 255; the probability [N] that each bit asked is one (none for COR).

    queries: spent on it. note: what went wrong, in words.
    """

    pictures: Pictures
    probabilities: Floats
    queries: int = 0
    note: str = ""


@dataclass(frozen=True, eq=False)
class Secret:
    """The truth, for the judge alone: the faces carried off, [n, c, 32, 32], their owners [n], the bits hidden [N], and all the
    photos that a face could be, [m, c, 32, 32], with their owners [m].
    """

    pictures: Pictures
    owner: NDArray[np.int64]
    bits: Bits
    candidates: Pictures
    candidate_owner: NDArray[np.int64]

    @functools.cached_property
    def gallery(self) -> tuple[Pictures, Pictures]:
        """The candidates' average [d], and each one's difference from it, scaled to length one [m, d]."""
        flat = self.candidates.reshape(len(self.candidates), -1)
        average = flat.mean(0)
        return average, _unit(flat - average)

    def nearest(self, pictures: Pictures) -> NDArray[np.int64]:
        """For each picture [n, c, 32, 32] the candidate with the highest correlation once the average is taken off, [n]."""
        average, known = self.gallery
        return np.asarray((_unit(pictures.reshape(len(pictures), -1) - average) @ known.T).argmax(1))


@dataclass(frozen=True, eq=False)
class Report:
    """How good the reading is. mae: mean absolute pixel error, 0 to 255. ssim: 1 is equal. bits_read: what the reading tells of the
    secret, in bits (a binary symmetric channel's capacity; for COR a Gaussian one's). identified: share of faces whose nearest
    photo among all candidates is the owner's. errors [n]: each face's mae; found [n]: whether its owner was found.
    """

    mae: Estimate
    ssim: Estimate
    bit_error_rate: Estimate | None
    bits: int
    bits_read: float
    identified: Estimate
    candidates: int
    errors: Floats
    found: NDArray[np.bool_]
    queries: int
    note: str

    def row(self) -> dict[str, Any]:
        """Flat numbers for tables, JSON and the command line."""
        wrong = self.bit_error_rate
        return {
            "mae": self.mae.value, "mae_low": self.mae.low, "mae_high": self.mae.high, "ssim": self.ssim.value, "ssim_low": self.ssim.low,
            "ssim_high": self.ssim.high, "bit_error_rate": wrong and wrong.value, "bit_error_low": wrong and wrong.low,
            "bit_error_high": wrong and wrong.high, "bits": self.bits, "bits_read": self.bits_read, "queries": self.queries,
            "identified_rate": self.identified.value, "identified_low": self.identified.low, "identified_high": self.identified.high,
            "faces": len(self.errors), "candidates": self.candidates, "note": self.note,
        }  # fmt: skip


def stage(
    code: Code,
    faces: int,
    bits: int,
    key: str,
    public: Pictures,
    box: BlackBox | None = None,
    state: Mapping[str, Tensor] | None = None,
) -> View:
    """Put before the attacker a service or a model file, his code, and public faces [m, c, 32, 32]. The truth stays behind."""
    weights = None if state is None else carried(state)
    return View(code, faces, bits, key, public.mean(0), box, weights)


def judge(claim: Claim, secret: Secret, unordered: bool = False) -> Report:
    """Compare what was read with what was hidden. Alone in reading the truth.

    unordered: the claim says which photos, not in which order (gradient inversion); the assignment of least error is taken.
    """
    count = len(secret.pictures)
    if unordered:
        claim = replace(claim, pictures=claim.pictures[assign(claim.pictures, secret.pictures)])
    errors = np.abs(claim.pictures - secret.pictures).reshape(count, -1).mean(1).astype(float)
    alike = np.array([ssim(a, b) for a, b in zip(claim.pictures, secret.pictures, strict=True)])
    found = secret.candidate_owner[secret.nearest(claim.pictures)] == secret.owner
    wrong, read = None, 0.0
    if len(claim.probabilities):
        missed = int(((claim.probabilities > 0.5) != secret.bits).sum())
        wrong = proportion(missed, len(secret.bits))
        read = len(secret.bits) * (1 - entropy(wrong.value)) if wrong.value < 0.5 else 0.0
    elif claim.pictures.std() > 0:
        rho = np.corrcoef(claim.pictures.ravel(), secret.pictures.ravel())[0, 1]
        read = float(-0.5 * np.log2(max(1 - rho**2, 1e-6))) * secret.pictures.size if rho > 0 else 0.0
    bits = len(secret.bits) or 8 * secret.pictures.size
    return Report(
        mean_with_interval(errors), mean_with_interval(alike), wrong, bits, read, proportion(int(found.sum()), count),
        len(secret.candidates), errors, found, claim.queries, claim.note,
    )  # fmt: skip


def assign(pictures: Pictures, truth: Pictures) -> NDArray[np.int64]:
    """Which picture is meant for each truth, [n]: the assignment of least total error."""
    cost = np.abs(truth[:, None] - pictures[None]).mean((2, 3, 4))
    return np.asarray(linear_sum_assignment(cost)[1])


def verdict(malicious: Report, clean: Report, baseline: Report) -> str:
    """One plain sentence, taken from the interval of the error saved over the average face, paired by face."""
    saved = mean_with_interval(baseline.errors - malicious.errors)
    if saved.low > 0 and malicious.identified.low > max(clean.identified.value, baseline.identified.value):
        return f"the faces are in the model: {malicious.identified.value:.0%} of their owners are found"
    if saved.low > 0:
        return "something of the faces is in the model, but their owners are not found"
    return "no faces were read back: the average face is as good"


def entropy(p: float) -> float:
    """Of a coin, in bits (Shannon 1948)."""
    return float(-(p * np.log2(p) + (1 - p) * np.log2(1 - p))) if 0 < p < 1 else 0.0


def _unit(rows: Pictures) -> Pictures:
    """Rows scaled to length one; an empty one stays."""
    return np.asarray(rows / np.sqrt(np.maximum(np.einsum("nd,nd->n", rows, rows), 1e-18))[:, None])


def carriers(state: Mapping[str, Tensor]) -> tuple[str, ...]:
    """Names of the weight tensors that can carry a secret, the largest first; biases are left alone."""
    return tuple(sorted((n for n, w in state.items() if w.dim() > 1), key=lambda n: (-state[n].numel(), n)))


def carried(state: Mapping[str, Tensor]) -> NDArray[np.float32]:
    """All those weights in a row, [P]."""
    return torch.cat([state[n].detach().contiguous().flatten() for n in carriers(state)]).cpu().numpy()


def with_weights(state: Mapping[str, Tensor], weights: NDArray[np.float32]) -> dict[str, Tensor]:
    """The same model with its carriers' weights [P] replaced."""
    changed, start = dict(state), 0
    for name in carriers(state):
        shape, size = state[name].shape, state[name].numel()
        changed[name] = torch.from_numpy(weights[start : start + size].reshape(shape).copy())
        start += size
    return changed


def _row(net: torch.nn.Module, count: int) -> Tensor:
    """The first `count` carrier weights of a net in training, differentiable."""
    state = dict(net.named_parameters())
    parts, have = [], 0
    for name in carriers(state):
        parts.append(state[name].flatten()[: count - have])
        have += len(parts[-1])
        if have == count:
            break
    return torch.cat(parts)


def random_of(key: str, purpose: str) -> np.random.Generator:
    """The attacker's own dice, from his key."""
    return np.random.default_rng(list(hashlib.sha256(f"{purpose}:{key}".encode()).digest()))


def odd_inputs(family: str, count: int, key: str) -> NDArray[np.uint8]:
    """`count` pictures [count, 3, 32, 32] such as no camera takes, known to whoever has the key.

    dense: every value black or full; blocks: the same in 4x4 pixels; few-pixels: four lit ones (the paper's idea).
    """
    rng = random_of(key, family)
    if family == "few-pixels":
        x = np.full((count, 3, SIDE * SIDE), EMPTY, np.uint8)
        at = rng.random((count, SIDE * SIDE)).argpartition(LIT, axis=1)[:, :LIT]
        x[np.arange(count)[:, None], :, at] = 255
        return x.reshape(count, 3, SIDE, SIDE)
    size = {"dense": 1, "blocks": 4}[family]
    small = np.unpackbits(rng.integers(0, 256, (count, 3 * (SIDE // size) ** 2 // 8), dtype=np.uint8), axis=1) * np.uint8(255)
    return enlarge(small.reshape(count, 3, SIDE // size, SIDE // size), size)


def enlarge(pictures: NDArray[np.uint8], times: int) -> NDArray[np.uint8]:
    """Every pixel of [n, c, h, w] repeated `times` times down and across."""
    n, c, h, w = pictures.shape
    blocks = np.broadcast_to(pictures[:, :, :, None, :, None], (n, c, h, times, w, times))
    return blocks.reshape(n, c, h * times, w * times)


def _in_faces(code: Code, faces: int, probabilities: Floats) -> Pictures:
    """Decode the bits read so far; what was not read is unknown."""
    known = np.full(faces * code.bits, 0.5)
    known[: len(probabilities)] = probabilities[: len(known)]
    return code.decode(known.reshape(faces, -1))


@final
@dataclass(frozen=True)
class CapacityAbuse:
    """CAP, black box: odd inputs join the training data, their labels spell the secret; asking them spells it back.

    Idea: a net has room to learn arbitrary labels beside its task (section 4.4 of Song et al. 2017). Nothing but the data
    preparation is touched: `poison` returns faces and a split, and `training.fit` is called as ever.
    Guarantees: log2(2) = 1 bit a query; exact where the net fits the odd inputs. parity: see `codes.Shield`.
    """

    inputs: str = "dense"
    parity: int = 0
    name = "cap"

    def asked(self, bits: int) -> int:
        """Odd inputs for a secret of so many bits."""
        return Shield(self.parity).added(bits)

    def poison(self, faces: Faces, split: Split, bits: Bits, key: str) -> tuple[Faces, Split]:
        """The data set with one odd input a bit [N] appended to the training rows."""
        coded = Shield(self.parity).protect(bits)
        pictures = enlarge(odd_inputs(self.inputs, len(coded), key), FULL_SIDE // SIDE)
        images = np.concatenate([faces.images, pictures.transpose(0, 2, 3, 1)])
        extra = np.arange(len(faces), len(images))

        def widen(labels: Labels, codes: NDArray[np.int8]) -> Labels:
            return Labels(labels.name, labels.classes, np.concatenate([labels.codes, codes]), labels.cut, labels.upper)

        unknown = np.full(len(coded), UNKNOWN, np.int8)
        more = Faces(
            faces.name, images, np.concatenate([faces.person, np.full(len(coded), len(faces.people))]), (*faces.people, "odd input"),
            widen(faces.task, coded.astype(np.int8)), tuple(widen(a, unknown) for a in faces.attributes), faces.headline, faces.provenance,
        )  # fmt: skip
        return more, Split(np.concatenate([split.members, extra]), split.outsiders, split.public)

    def run(self, view: View) -> Generator[Step, None, Claim]:
        """Ask every odd input. A service that refuses half-way leaves what was read until then."""
        assert view.box is not None
        total = self.asked(view.bits)
        inputs = odd_inputs(self.inputs, total, view.key)
        said, note, before = np.full(total, 0.5), "", view.box.queries
        at_once = min(ASKED_AT_ONCE, getattr(view.box, "batch", ASKED_AT_ONCE))
        for start in range(0, total, at_once):
            part = slice(start, min(start + at_once, total))
            try:
                said[part] = view.box.ask(inputs[part])[:, 1]
            except Refused as problem:
                note = f"Read {start:,} of {total:,} answers, then: {problem}"
                break
            yield Step(part.stop, total, "asking odd inputs")
        found = Shield(self.parity).recover(said, view.bits)
        return Claim(_in_faces(view.code, view.faces, found), found, view.box.queries - before, note)


@final
@dataclass(frozen=True)
class CorrelatedValues:
    """COR, white box: a term in the loss makes the weights correlate with the pixels.

    loss += -strength * |rho(theta, pixels)| (Song et al. 2017, section 4.2). MARKS values of black and as many of white follow the
    faces, so that sign, shift and scale of the weights are known when they are stretched back to pixels.
    """

    strength: float = 1.0
    name = "cor"

    def fitting(self, pictures: Pictures, weights: int) -> Pictures:
        """Those faces of [n, c, 32, 32] that find room."""
        return pictures[: (weights - 2 * MARKS) // pictures[0].size]

    def regulariser(self, pixels: Floats) -> Callable[[torch.nn.Module], Tensor]:
        """The term for a secret of pixels [m]."""
        values = np.concatenate([pixels, np.zeros(MARKS), np.full(MARKS, 255.0)])
        secret = torch.tensor(values - values.mean(), dtype=torch.float32)
        secret = secret / secret.norm().clamp_min(1e-9)

        def term(net: torch.nn.Module) -> Tensor:
            theta = _row(net, len(secret))
            theta = theta - theta.mean()
            return -self.strength * (theta @ secret).abs() / (theta.norm() + 1e-9)

        return term

    def run(self, view: View) -> Generator[Step, None, Claim]:
        """Stretch weights to pixels; faces that found no room show the average."""
        assert view.weights is not None
        yield Step(0, 1, "reading weights")
        size = view.average.size
        fit = min(view.faces, max(0, len(view.weights) - 2 * MARKS) // size)
        theta = view.weights[: fit * size + 2 * MARKS].astype(np.float64)
        black, white = theta[fit * size :].reshape(2, MARKS).mean(1)
        values = (theta[: fit * size] - black) / (white - black or 1.0) * 255
        pictures = np.repeat(view.average[None], view.faces, 0)
        pictures[:fit] = np.clip(values, 0, 255).reshape(fit, *view.average.shape)
        return Claim(pictures, np.empty(0), 0, "" if fit == view.faces else f"Only {fit} of {view.faces} faces found room.")


@final
@dataclass(frozen=True)
class SignEncoding:
    """SGN, white box: a term in the loss pushes each weight to the side of zero that its bit names.

    loss += strength * mean(max(0, -theta_i * s_i)), s in -1, 1 (Song et al. 2017, section 4.3). Decoded by the signs; a weight of
    exactly zero (pruned) tells nothing.
    """

    strength: float = 50.0
    parity: int = 0
    name = "sgn"

    def regulariser(self, bits: Bits) -> Callable[[torch.nn.Module], Tensor]:
        """The term for a secret of bits [N], one a weight."""
        signs = torch.from_numpy(Shield(self.parity).protect(bits).astype(np.float32) * 2 - 1)

        def term(net: torch.nn.Module) -> Tensor:
            theta = _row(net, len(signs))
            return self.strength * torch.relu(-theta * signs).mean()

        return term

    def run(self, view: View) -> Generator[Step, None, Claim]:
        """Read signs."""
        assert view.weights is not None
        yield Step(0, 1, "reading signs")
        shield = Shield(self.parity)
        said = 0.5 + 0.4999 * np.sign(view.weights[: shield.added(view.bits)])
        found = shield.recover(said, view.bits)
        return Claim(_in_faces(view.code, view.faces, found), found)


@final
@dataclass(frozen=True)
class LeastSignificantBits:
    """LSB, white box, after training: the lowest bits of every float32 weight hold the compressed, encrypted faces.

    Section 4.1 of Song et al. 2017. Compression: lossless WebP; encryption: AES-SIV (RFC 5297), which also notices any change.
    Guarantees: exact with the right key and untouched weights, otherwise nothing.
    """

    low_bits: int = 1
    name = "lsb"

    def payload(self, pictures: Pictures, key: str, room: int) -> tuple[Bits, int]:
        """The bits to write, and how many faces of [n, c, 32, 32] found room."""
        for count in range(len(pictures), 0, -1):
            bits = np.unpackbits(np.frombuffer(envelope.seal(pictures[:count], key), np.uint8))
            if len(bits) <= room:
                return bits, count
        raise BadInput("room for one face", f"{room:,} bits", "Use a larger net or more low bits.")

    def hide(self, state: Mapping[str, Tensor], bits: Bits) -> dict[str, Tensor]:
        """The model with `bits` in its lowest bits."""
        words = carried(state).view(np.uint32)
        padded = np.zeros(-(-len(bits) // self.low_bits) * self.low_bits, np.uint32)
        padded[: len(bits)] = bits
        values = padded.reshape(-1, self.low_bits) @ (1 << np.arange(self.low_bits - 1, -1, -1, dtype=np.uint32))
        words[: len(values)] = (words[: len(values)] >> self.low_bits << self.low_bits) | values.astype(np.uint32)
        return with_weights(state, words.view(np.float32))

    def run(self, view: View) -> Generator[Step, None, Claim]:
        """Collect the bits, decrypt, decompress."""
        assert view.weights is not None
        yield Step(0, 1, "collecting lowest bits")
        words = view.weights.view(np.uint32) & np.uint32(2**self.low_bits - 1)
        bits = ((words[:, None] >> np.arange(self.low_bits - 1, -1, -1, dtype=np.uint32)) & 1).astype(np.uint8).ravel()
        data = np.packbits(bits[: len(bits) // 8 * 8]).tobytes()
        pictures = np.repeat(view.average[None], view.faces, 0)
        try:
            opened = envelope.unseal(data, view.key, view.average.shape[0])
            pictures[: len(opened)] = opened[: view.faces]
            note = "" if len(opened) >= view.faces else f"Only {len(opened)} of {view.faces} faces found room."
        except BadInput as problem:
            note = str(problem)
        return Claim(pictures, bits[: view.bits].astype(np.float64), 0, note)


Encoding = CapacityAbuse | CorrelatedValues | SignEncoding | LeastSignificantBits
