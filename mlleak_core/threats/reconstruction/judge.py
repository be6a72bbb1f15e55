"""What an attacker sees and claims, and the judge, who alone knows what was hidden. Light: no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlleak_core.contract import Estimate
from mlleak_core.language import mark
from mlleak_core.measure import mean_with_interval, proportion
from mlleak_core.target.blackbox import BlackBox
from mlleak_core.threat import Verdict
from mlleak_core.threats.likeness import Floats, Likeness, Pictures, Truth, compare
from mlleak_core.threats.reconstruction.codes import Bits, Code


class ReconstructionVerdict(Verdict):
    """Whether faces came back, and whose."""

    FOUND = mark("the faces are in the model")
    SOMETHING = mark("something of the faces is in the model, but their owners are not found")
    NOTHING = mark("no faces were read back: the average face is as good")


@dataclass(frozen=True, eq=False, kw_only=True)
class View:
    """What the attacker has: his own code and key, what public faces look like, and one thing to read from.

    box: the service (CAP). weights [P]: the model file, largest layer first (COR, SGN, LSB). faces: how many
    he hid. bits: how many, fewer than the faces' own where room was short. average [c, 32, 32]: the mean
    public face.
    """

    code: Code
    faces: int
    bits: int
    key: str
    average: Pictures
    box: BlackBox | None = None
    weights: NDArray[np.float32] | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class Claim:
    """What was read back: pictures [n, c, 32, 32] in 0 to 255, and the probability [N] that each bit asked is
    one (none for COR). queries: spent on it. note: what went wrong, in words.
    """

    pictures: Pictures
    probabilities: Floats
    queries: int = 0
    note: str = ""


@dataclass(frozen=True, eq=False)
class Secret(Truth):
    """The truth, for the judge alone: beside the faces carried off, the bits hidden [N]."""

    bits: Bits


@dataclass(frozen=True, eq=False, kw_only=True)
class Report(Likeness):
    """How good the reading is. bits_read: what it tells of the secret, in bits: a binary symmetric channel's
    capacity, for COR a Gaussian one's.
    """

    bit_error_rate: Estimate | None
    bits: int
    bits_read: float
    queries: int
    note: str

    def row(self) -> dict[str, Any]:
        """Flat numbers for tables, JSON and the command line."""
        wrong = self.bit_error_rate
        return {
            **super().row(),
            "bit_error_rate": wrong and wrong.value,
            "bit_error_low": wrong and wrong.low,
            "bit_error_high": wrong and wrong.high,
            "bits": self.bits,
            "bits_read": self.bits_read,
            "queries": self.queries,
            "note": self.note,
        }


def judge(claim: Claim, secret: Secret) -> Report:
    """Compare what was read with what was hidden. Alone in reading the truth."""
    wrong = _wrong(claim, secret)
    read = _of_pixels(claim, secret) if wrong is None else of_bits(wrong.value, len(secret.bits))
    return Report(
        **vars(compare(claim.pictures, secret)),
        bit_error_rate=wrong,
        bits=len(secret.bits) or 8 * secret.pictures.size,
        bits_read=read,
        queries=claim.queries,
        note=claim.note,
    )


def _wrong(claim: Claim, secret: Secret) -> Estimate | None:
    """The share of bits read wrongly; None where the claim has none."""
    if not len(claim.probabilities):
        return None
    return proportion(int(((claim.probabilities > 0.5) != secret.bits).sum()), len(secret.bits))


def of_bits(wrong: float, bits: int) -> float:
    """What so many bits tell, this share of them wrong: a binary symmetric channel's capacity."""
    return bits * (1 - entropy(wrong)) if wrong < 0.5 else 0.0


def _of_pixels(claim: Claim, secret: Secret) -> float:
    """What pixels tell that go with the true ones as these do: a Gaussian channel's capacity."""
    if not min(claim.pictures.std(), secret.pictures.std()) > 0:
        return 0.0
    rho = np.corrcoef(claim.pictures.ravel(), secret.pictures.ravel())[0, 1]
    return float(-0.5 * np.log2(max(1 - rho**2, 1e-6))) * secret.pictures.size if rho > 0 else 0.0


def entropy(p: float) -> float:
    """Of a coin, in bits (Shannon 1948)."""
    return float(-(p * np.log2(p) + (1 - p) * np.log2(1 - p))) if 0 < p < 1 else 0.0


def verdict(malicious: Report, clean: Report, baseline: Report) -> ReconstructionVerdict:
    """From the interval of the error saved over the average face, paired by face, and the owners found."""
    saved = mean_with_interval(baseline.errors - malicious.errors)
    if saved.low <= 0:
        return ReconstructionVerdict.NOTHING
    if malicious.identified.low > max(clean.identified.value, baseline.identified.value):
        return ReconstructionVerdict.FOUND
    return ReconstructionVerdict.SOMETHING
