"""How a face becomes bits and bits become a face: the secret's code. Knows public faces only.

Pictures are float32 [n, c, 32, 32] in 0 to 255, c being 1 (grey) or 3. Bits are uint8 [n, b]; decoders take
the probability [n, b] that each bit is one, so that a doubtful bit counts for less than a sure one.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Protocol, final

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.special import ndtr, ndtri

from mlleak_core.contract import BadInput
from mlleak_core.language import say
from mlleak_core.threats.likeness import SIDE, Floats, Pictures

DEEPEST = 7
"""Most bits that the transform code spends on one coefficient."""
KEPT = 640
"""Most principal components of a PCA code."""
BLOCK = 255
"""Bytes of a Reed-Solomon block over GF(256)."""

Bits = NDArray[np.uint8]


class Code(Protocol):
    """A face's way into `bits` bits and back; `channels` is 1 for grey, 3 for colour."""

    @property
    def channels(self) -> int: ...

    @property
    def bits(self) -> int: ...

    def encode(self, pictures: Pictures) -> Bits: ...

    def decode(self, probabilities: Floats) -> Pictures: ...


@final
@dataclass(frozen=True)
class PixelCode:
    """The upper `depth` bits of every pixel (Song et al. 2017, section 5: 4 bits for CAP, 8 for SGN)."""

    depth: int
    channels: int

    @property
    def bits(self) -> int:
        return self.channels * SIDE * SIDE * self.depth

    def encode(self, pictures: Pictures) -> Bits:
        """Exact to half a step of 256 / 2 ** depth."""
        values = np.clip(np.round(pictures), 0, 255).astype(np.uint8).reshape(len(pictures), -1, 1)
        return np.asarray(np.unpackbits(values, axis=2)[:, :, : self.depth].reshape(len(pictures), -1))

    def decode(self, probabilities: Floats) -> Pictures:
        """Each pixel's expected value."""
        weights = 2.0 ** np.arange(7, 7 - self.depth, -1)
        middle = (2.0 ** (8 - self.depth) - 1) / 2
        values = probabilities.reshape(len(probabilities), -1, self.depth) @ weights + middle
        return values.reshape(-1, self.channels, SIDE, SIDE).astype(np.float32)


@final
@dataclass(frozen=True, eq=False)
class TransformCode:
    """Coefficients of a transform, each quantised with its own number of bits.

    mean [d] and basis [k, d] of the pictures; scale [k]: standard deviation of each coefficient over public
    faces; depth [k]: its bits. A coefficient is quantised by Lloyd and Max's levels for a Gaussian; bits go,
    one at a time, to where they lower the squared error most (greedy bit allocation; Gersho & Gray 1992,
    chapter 8).
    """

    mean: Floats
    basis: Floats
    scale: Floats
    depth: NDArray[np.int64]
    channels: int

    @property
    def bits(self) -> int:
        return int(self.depth.sum())

    def encode(self, pictures: Pictures) -> Bits:
        coefficients = (pictures.reshape(len(pictures), -1) - self.mean) @ self.basis.T / self.scale
        parts = []
        for value, depth in zip(coefficients.T, self.depth, strict=True):
            level = np.digitize(value, edges(int(depth)))
            parts.append((level[:, None] >> np.arange(depth - 1, -1, -1)) & 1)
        return np.concatenate(parts, axis=1).astype(np.uint8)

    def decode(self, probabilities: Floats) -> Pictures:
        """Each coefficient's expected level; bits of probability one half give the mean face."""
        coefficients = np.empty((len(probabilities), len(self.depth)))
        starts = np.cumsum(self.depth) - self.depth
        for depth in np.unique(self.depth):
            which = np.flatnonzero(self.depth == depth)
            p = probabilities[:, starts[which][:, None] + np.arange(depth)]
            coefficients[:, which] = _expected(p, int(depth))
        flat = self.mean + (coefficients * self.scale) @ self.basis
        return np.clip(flat, 0, 255).reshape(-1, self.channels, SIDE, SIDE).astype(np.float32)


def _expected(p: Floats, depth: int) -> Floats:
    """Expected level of quantiser indices whose bits are one with probabilities p [..., depth]."""
    values, prior = levels(depth)
    index = (np.arange(2**depth)[:, None] >> np.arange(depth - 1, -1, -1)) & 1
    p = np.clip(p, 1e-9, 1 - 1e-9)
    with np.errstate(under="ignore"):
        weight = np.exp(np.log(p) @ index.T + np.log1p(-p) @ (1 - index.T)) * prior
    return np.asarray((weight * values).sum(-1) / weight.sum(-1))


@functools.cache
def levels(depth: int) -> tuple[Floats, Floats]:
    """The 2 ** depth levels that quantise a Gaussian best, and each one's share (Lloyd 1957, Max 1960)."""
    count = 2**depth
    values = ndtri((np.arange(count) + 0.5) / count)
    share = np.full(count, 1 / count)
    for _ in range(3000):
        cut = np.r_[-np.inf, (values[1:] + values[:-1]) / 2, np.inf]
        share = np.diff(ndtr(cut))
        centre = -np.diff(np.exp(-(cut**2) / 2)) / np.sqrt(2 * np.pi) / share
        if np.abs(centre - values).max() < 1e-9:
            break
        values = centre
    return values, share


def edges(depth: int) -> Floats:
    """Where one level ends and the next begins, [2 ** depth - 1]."""
    values, _ = levels(depth)
    return np.asarray((values[1:] + values[:-1]) / 2)


@functools.cache
def distortion() -> Floats:
    """Squared error left of a standard Gaussian by 0 to DEEPEST bits."""
    left = [1.0]
    for depth in range(1, DEEPEST + 1):
        values, share = levels(depth)
        left.append(1 - float((share * values**2).sum()))
    return np.array(left)


def allocate(variance: Floats, bits: int) -> NDArray[np.int64]:
    """Deal `bits` bits to coefficients of these variances, [k], each where it helps most."""
    if not 0 < bits <= DEEPEST * len(variance):
        most = DEEPEST * len(variance)
        expected = say("1 to {most} bits a face for {n} coefficients", most=most, n=len(variance))
        raise BadInput(expected, f"{bits}", say("Ask for fewer bits."))
    gains = -np.diff(distortion()) * variance[:, None]
    best = np.argsort(-gains, axis=None, kind="stable")[:bits]
    return np.bincount(best // DEEPEST, minlength=len(variance))


def pca_code(public: Pictures, bits: int) -> TransformCode:
    """A code whose basis is the principal components of public faces [m, c, 32, 32]."""
    from sklearn.decomposition import PCA

    flat = public.reshape(len(public), -1).astype(np.float64)
    count = min(KEPT, len(flat) - 1, flat.shape[1])
    found = PCA(count, svd_solver="randomized", iterated_power=2, random_state=0).fit(flat)
    return _transform(found.mean_, found.components_, found.explained_variance_, bits, public.shape[1])


def dct_code(public: Pictures, bits: int) -> TransformCode:
    """A code on the cosine transform (Ahmed et al. 1974); it needs means and variances of public faces."""
    channels = public.shape[1]
    colour = fft.dct(np.eye(channels), norm="ortho", axis=1)
    points = np.eye(SIDE * SIDE).reshape(-1, SIDE, SIDE)
    atoms = fft.dctn(points, norm="ortho", axes=(1, 2)).reshape(SIDE * SIDE, -1).T
    basis = np.kron(colour, atoms)
    flat = public.reshape(len(public), -1).astype(np.float64)
    mean = flat.mean(0)
    return _transform(mean, basis, ((flat - mean) @ basis.T).var(0), bits, channels)


def _transform(mean: Floats, basis: Floats, variance: Floats, bits: int, channels: int) -> TransformCode:
    depth = allocate(variance, bits)
    used = np.flatnonzero(depth)
    return TransformCode(mean, basis[used], np.sqrt(variance[used]), depth[used], channels)


def make_code(name: str, bits: int, public: Pictures) -> Code:
    """The code called `name`; `bits` a face for a transform code. Raises BadInput where no such code can be
    made of these public faces.
    """
    channels = public.shape[1]
    if name.startswith("pixels"):
        return PixelCode(int(name.removeprefix("pixels")), channels)
    if not np.ptp(public, 0).any():
        raise BadInput(say("public faces that differ"), say("pictures all alike"), say("Use other pictures."))
    return (pca_code if name == "pca" else dct_code)(public, bits)


@final
@dataclass(frozen=True)
class Shield:
    """Reed and Solomon's code (1960) over bytes: `parity` of every 255 correct half as many wrong ones.

    Bytes that the decoder is least sure of are offered as erasures, of which it can correct twice as many.
    """

    parity: int

    def added(self, bits: int) -> int:
        """Bits that go in for a secret of so many."""
        data = -(-bits // 8)
        return 8 * (data + self.parity * -(-data // (BLOCK - self.parity))) if self.parity else bits

    def carried(self, bits: int, room: int) -> int:
        """Of so many bits those that find room, parity included."""
        if self.added(bits) <= room:
            return bits
        return room // (8 * BLOCK) * 8 * (BLOCK - self.parity) if self.parity else room

    def protect(self, bits: Bits) -> Bits:
        """Flat bits [b] with their parity appended block by block."""
        if not self.parity:
            return bits
        return _bits_of(bytes(self._coder().encode(np.packbits(bits).tobytes())))

    def recover(self, probabilities: Floats, bits: int) -> Floats:
        """Probabilities [bits] of the secret's bits from those of the coded ones.

        Blocks beyond repair stay as they were read.
        """
        if not self.parity:
            return probabilities[:bits]
        coded = np.packbits(probabilities > 0.5)
        doubt = np.abs(probabilities - 0.5).reshape(-1, 8).min(1)
        soft, size = probabilities.reshape(-1, 8), BLOCK - self.parity
        parts = []
        for start in range(0, len(coded), BLOCK):
            block = slice(start, min(start + BLOCK, len(coded)))
            corrected = self._correct(coded[block].tobytes(), doubt[block])
            kept = min(size, block.stop - block.start - self.parity)
            parts.append(soft[block][:kept].ravel() if corrected is None else _bits_of(corrected))
        return np.concatenate(parts).astype(np.float64)[:bits]

    def _correct(self, block: bytes, doubt: Floats) -> bytes | None:
        import reedsolo

        unsure = [int(i) for i in np.argsort(doubt)[: self.parity // 2] if doubt[i] < 0.4]
        for erased in ([], unsure):
            try:
                return bytes(self._coder().decode(block, erase_pos=erased or None)[0])
            except reedsolo.ReedSolomonError:
                continue
        return None

    def _coder(self):  # type: ignore[no-untyped-def]
        import reedsolo

        return reedsolo.RSCodec(self.parity)


def _bits_of(data: bytes) -> Bits:
    return np.unpackbits(np.frombuffer(data, np.uint8))
