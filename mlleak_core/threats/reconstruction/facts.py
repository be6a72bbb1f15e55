"""What an exhibit of twins keeps, and what is read off it at once. Light: no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from mlleak_core.contract import Estimate
from mlleak_core.language import mark, say
from mlleak_core.threat import Exhibit
from mlleak_core.threats.reconstruction.capacity import Capacity, code_name
from mlleak_core.threats.reconstruction.card import ReconstructionSettings
from mlleak_core.threats.reconstruction.encodings import Encoding, configured
from mlleak_core.threats.reconstruction.judge import ReconstructionVerdict
from mlleak_core.threats.reconstruction.readings import CLEAN, EPOCH, MEAN, Reading

TEASED = 8
"""Faces shown before the bet, and on Home."""
LABEL = mark("{encoding}, {faces} faces, {code}, {net}, {epochs} epochs")


@dataclass(frozen=True, kw_only=True)
class Task:
    """How well both twins do what they were taught, on people never seen. cost: the clean one's paired
    lead.
    """

    accuracy: Estimate
    accuracy_clean: Estimate
    cost: Estimate
    balanced: Estimate
    balanced_clean: Estimate
    majority: Estimate


@dataclass(frozen=True, kw_only=True)
class Traces:
    """What an investigator would measure, beside the same of the clean twin.

    fresh_confidence: on noise that nobody trained on; face_loss: on training faces; odd_loss: on what the
    encoding left in the training data, None where it left nothing; by_heart: it knows that.
    """

    low_byte_entropy: float
    low_byte_entropy_clean: float
    weights_ks: float
    weights_std: float
    weights_std_clean: float
    scan: float
    scan_clean: float
    windows: int
    fresh_confidence_malicious: float
    fresh_confidence_clean: float
    face_loss_malicious: float
    face_loss_clean: float
    odd_loss_malicious: float | None = None
    odd_loss_clean: float | None = None
    by_heart: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Seconds:
    """What took how long."""

    malicious: float
    clean: float
    read: float
    all: float


@dataclass(frozen=True, kw_only=True)
class About:
    """names: the owners'. n_added: synthetic inputs among the training data. task, traces: None of a service,
    of which only the answers are known. malicious_is: A or B in the bet.
    """

    made: str
    settings: ReconstructionSettings
    title: str
    classes: tuple[str, ...]
    names: tuple[str, ...]
    views: tuple[Reading, ...]
    room: Capacity
    task: Task | None
    n_train: int
    n_added: int
    n_public: int
    traces: Traces | None
    verdict: ReconstructionVerdict
    complete: bool
    malicious_is: str
    run: str
    seconds: Seconds


@dataclass(frozen=True, eq=False, kw_only=True)
class Facts(Exhibit):
    """arrays: histograms and scans of `forensics`, and "malicious/…", "clean/…" learning curves. atlas: all
    pictures, a row a reading; row 0 is the truth.
    """

    about: About
    About: ClassVar[type] = About

    def views(self, kind: str) -> tuple[Reading, ...]:
        """The readings of a kind."""
        return tuple(v for v in self.about.views if v.kind == kind)

    @property
    def last(self) -> Reading:
        """The finished model's reading."""
        return self.views(EPOCH)[-1]

    @property
    def average(self) -> Reading:
        """The average public face, claimed for everybody."""
        return self.views(MEAN)[0]

    @property
    def clean(self) -> Reading | None:
        """The clean twin's reading; none of a service."""
        return next(iter(self.views(CLEAN)), None)

    @property
    def encoding(self) -> Encoding:
        return configured(self.about.settings)

    def label(self) -> str:
        """The run in one line, for the trail."""
        settings = self.about.settings
        return say(
            LABEL,
            encoding=say(self.encoding.title),
            faces=settings.faces,
            code=code_name(settings),
            net=settings.net,
            epochs=settings.epochs,
        )


def known(value: Any) -> Any:
    """What must be there, since it was asked for only where it is."""
    assert value is not None
    return value
