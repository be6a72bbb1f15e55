"""A reading as pages show it: what came back of every face, in numbers. Light to import: no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mlleak_core.contract import Estimate
from mlleak_core.figures.scenes import Frame
from mlleak_core.language import mark, say
from mlleak_core.threat import plain
from mlleak_core.threats.likeness import Pictures
from mlleak_core.threats.reconstruction.judge import Report

EPOCH, CLEAN, MEAN, ERASED = "epoch", "clean", "mean", "erased"
"""Kinds of readings: while the malicious twin learns, of the clean twin, the average face, when treated."""
AFTER_EPOCH = mark("after epoch {epoch}: pixel error {error:.1f} of 255 {interval}")
OWNERS = mark("owners found {share:.0%} {interval}")


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One reading of all faces. row: its pictures' place in the atlas, in which row 0 is the truth.

    errors, found: for each face, its pixel error and whether its owner was found. accuracy: of a treated
    model.
    """

    row: int
    kind: str
    title: str
    mae: Estimate
    ssim: Estimate
    bit_error_rate: Estimate | None
    bits: int
    bits_read: float
    queries: int
    identified: Estimate
    candidates: int
    note: str
    errors: tuple[float, ...]
    found: tuple[bool, ...]
    epoch: int = -1
    accuracy: Estimate | None = None

    @property
    def faces(self) -> int:
        return len(self.errors)

    @property
    def called(self) -> str:
        """Its title in the language of who looks; exhibits keep it in English."""
        if self.title == f"epoch {self.epoch}":
            return say("epoch {epoch}", epoch=self.epoch)
        return say(self.title)

    def frame(self) -> Frame:
        """As a reel draws it."""
        treated = self.kind == ERASED
        return Frame(
            row=self.row,
            title=say("after: {treatment}", treatment=self.called) if treated else self.called,
            note=self.words(),
            errors=self.errors,
            found=self.found,
        )

    def words(self) -> str:
        """Its numbers in one line."""
        wrong = self.bit_error_rate
        parts = (
            say("pixel error {error:.1f} of 255", error=self.mae.value),
            say("SSIM {ssim:.2f}", ssim=self.ssim.value),
            "" if wrong is None else say("wrong bits {share:.1%}", share=wrong.value),
            say("owners found {found} of {faces}", found=sum(self.found), faces=self.faces),
        )
        return " · ".join(part for part in parts if part)

    def line(self) -> dict[str, Any]:
        """A row of the table of all readings."""
        wrong = self.bit_error_rate
        return {
            mark("reading"): self.called,
            mark("pixel error"): round(self.mae.value, 2),
            "95%": between(self.mae, ".2f"),
            "SSIM": round(self.ssim.value, 3),
            mark("wrong bits"): None if wrong is None else f"{wrong.value:.2%}",
            mark("owners found"): f"{self.identified.value:.0%}",
            "95% ": between(self.identified, ".1%"),
            mark("questions"): self.queries,
            mark("accuracy"): "" if self.accuracy is None else f"{self.accuracy.value:.1%}",
        }


def reading(
    kind: str,
    title: str,
    report: Report,
    row: int,
    *,
    epoch: int = -1,
    accuracy: Estimate | None = None,
) -> Reading:
    """A judge's report as a reading."""
    return Reading(
        row=row,
        kind=kind,
        title=title,
        mae=report.mae,
        ssim=report.ssim,
        bit_error_rate=report.bit_error_rate,
        bits=int(report.bits),
        bits_read=float(report.bits_read),
        queries=int(report.queries),
        identified=report.identified,
        candidates=report.candidates,
        note=report.note,
        errors=plain(report.errors.round(3)),
        found=plain(report.found),
        epoch=epoch,
        accuracy=accuracy,
    )


def between(estimate: Estimate, form: str) -> str:
    """An interval in words."""
    if estimate.n == 1:
        return say("(a single value has no interval)")
    return f"[{estimate.low:{form}}, {estimate.high:{form}}]"


@dataclass(frozen=True, eq=False, kw_only=True)
class Glimpse:
    """What could be read after an epoch of a running training. baseline: the average face's report."""

    epoch: int
    truth: Pictures
    pictures: Pictures
    report: Report
    baseline: Report
    seed: int

    def parts(self) -> tuple[str, ...]:
        """Its evidence line, part by part."""
        mae, owners = self.report.mae, self.report.identified
        return (
            say(AFTER_EPOCH, epoch=self.epoch, error=mae.value, interval=between(mae, ".2f")),
            say("average face {error:.1f}", error=self.baseline.mae.value),
            say(OWNERS, share=owners.value, interval=between(owners, ".1%")),
            say("n = {n} faces among {photos:,} photos", n=mae.n, photos=self.report.candidates),
            say("seed {seed}", seed=self.seed),
        )
