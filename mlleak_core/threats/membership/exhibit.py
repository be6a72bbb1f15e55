"""An audit as a page shows it: numbers and thumbnails, small enough to ship with the program. Light to import: no torch."""

from __future__ import annotations

import datetime
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mlleak_core.target.settings import MembershipSettings
from mlleak_core.threats.features.exhibit import FOLDER, atlas

if TYPE_CHECKING:
    from mlleak_core.threats.membership.audit import Audit

SPRITE = 64
GUESSES, GALLERY = 12, 60
SETTINGS = MembershipSettings()


@dataclass(frozen=True, eq=False)
class Showcase:
    """about: settings and shared facts; rows: attack -> flat report; arrays: curves, scores, the shadows' phi, the truth.

    The first GUESSES of `shown` are the faces to bet on, half of them members in random order; the rest is the gallery.
    """

    about: dict[str, Any]
    rows: dict[str, dict[str, Any]]
    arrays: dict[str, NDArray[Any]]
    atlas: bytes

    @property
    def shown(self) -> NDArray[np.int64]:
        return self.arrays["shown"]

    def curve(self, attack: str) -> tuple[NDArray[np.float64], ...]:
        """False and true positive rates, and the band of the latter."""
        return tuple(self.arrays[f"roc/{attack}/{part}"] for part in ("fpr", "tpr", "low", "high"))

    def named(self, attack: str, record: int) -> bool:
        """Whether the attack names the record at 1% false alarms."""
        return bool(self.arrays[f"score/{attack}"][record] > self.about["cut"].get(attack, np.inf))

    def rank(self, attack: str, record: int) -> float:
        """The share of all records that score lower."""
        scores = self.arrays[f"score/{attack}"]
        return float((scores < scores[record]).mean())

    def labelled(self, job: str, source: str) -> Showcase:
        """The same showcase, saying which job it is of and whether it is live or shipped."""
        return replace(self, about={**self.about, "job": job, "source": source})

    def gap(self) -> float:
        return float(self.about["train_accuracy"] - self.about["test_accuracy"])


def showcase(audit: Audit) -> Showcase:
    """Choose what to show of an audit; the faces to bet on are drawn by the seed, not by their scores."""
    shown = _shown(audit)
    arrays: dict[str, NDArray[Any]] = {
        "shown": shown, "phi": audit.shadow_phi[:, shown].astype(np.float16), "inside": audit.inside[:, shown],
        "target_phi": audit.target_phi, "member": audit.member, "y": audit.y.astype(np.int16), "person": audit.person.astype(np.int32),
        "risk": audit.risk.astype(np.float32),
    }  # fmt: skip
    cut = {}
    for name, report in audit.reports.items():
        for part in ("fpr", "tpr", "low", "high"):
            arrays[f"roc/{name}/{part}"] = getattr(report.roc, part).astype(np.float32)
        arrays[f"score/{name}"] = audit.scores[name].astype(np.float32)
        cut[name] = float(np.quantile(audit.scores[name][~audit.member], 0.99, method="higher"))
    images = audit.exhibit.images
    about = {
        "settings": audit.settings.as_dict(), "reveal": audit.reveal, "title": audit.exhibit.title, "classes": list(audit.exhibit.classes),
        "train_accuracy": audit.train_accuracy, "test_accuracy": audit.test_accuracy, "shadows": audit.shadows, "skipped": audit.skipped,
        "lost": list(audit.lost), "shadow_seconds": audit.shadow_seconds, "seconds": audit.seconds, "run": audit.run, "cut": cut,
        "names": [audit.exhibit.names[r] for r in audit.rows[shown]], "pictures": images is not None,
        "words": [] if images is not None else [_words(audit, r) for r in shown], "risk": _risk(audit),
        "made": datetime.date.today().isoformat(),
    }  # fmt: skip
    thumbs = b"" if images is None else atlas(np.asarray(images[audit.rows[shown]]), SPRITE)
    return Showcase(about, {n: r.row() for n, r in audit.reports.items()}, arrays, thumbs)


def _shown(audit: Audit) -> NDArray[np.int64]:
    rng = np.random.default_rng([audit.settings.seed, 71])
    sides = [rng.permutation(np.flatnonzero(audit.member == m)) for m in (True, False)]
    half = min(GUESSES // 2, *(len(s) for s in sides))
    bets = rng.permutation(np.concatenate([s[:half] for s in sides]))
    order = np.argsort(-audit.scores[next(iter(audit.scores))])
    rest = order[~np.isin(order, bets)]
    spread = rest[np.linspace(0, len(rest) - 1, min(GALLERY, len(rest))).astype(int)]
    return np.concatenate([bets, spread])


def _words(audit: Audit, record: int) -> str:
    """What stands out of a record that is no picture."""
    x, columns = audit.x[record], audit.exhibit.columns
    if np.isin(audit.x, (0, 1)).all():
        rare = np.argsort(np.where(x == 1, audit.x.mean(0), 2.0))[:3]
        return f"{int(x.sum())} marks, rarest: " + ", ".join(columns[i] for i in rare if x[i] == 1)
    far = np.argsort(-np.abs(x))[:3]
    return ", ".join(f"{columns[i]} {x[i]:+.1f} σ" for i in far)


def _risk(audit: Audit) -> dict[str, float] | None:
    """LT-IQR as a warning: of the members it calls most at risk (5%), how many does LiRA name, and how many of all?"""
    if "lira" not in audit.scores:
        return None
    scores = audit.scores["lira"]
    named = scores > np.quantile(scores[~audit.member], 0.99, method="higher")
    risk = audit.risk[audit.member]
    count = max(1, len(risk) // 20)
    worst = np.argsort(-risk)[:count]
    return {"top": float(named[audit.member][worst].mean()), "all": float(named[audit.member].mean()), "n": count}


def write(case: Showcase, folder: Path = FOLDER) -> None:
    """Put a showcase where `load` finds it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "membership.json").write_text(json.dumps({"about": case.about, "rows": case.rows}, indent=1))
    np.savez_compressed(folder / "membership.npz", **case.arrays)  # type: ignore[arg-type]
    (folder / "membership.jpg").write_bytes(case.atlas)


def load(folder: Path = FOLDER) -> Showcase:
    """Read the shipped showcase."""
    text = json.loads((folder / "membership.json").read_text())
    with np.load(folder / "membership.npz", allow_pickle=False) as arrays:
        return Showcase(text["about"], text["rows"], dict(arrays), (folder / "membership.jpg").read_bytes())


def make(settings: MembershipSettings = SETTINGS) -> Showcase:
    """Compute the shipped audit anew, or one like it. About a minute."""
    from mlleak_core.target import fleet
    from mlleak_core.threats.membership.audit import audit
    from mlleak_core.contract import drain

    with fleet.processes() as executor:
        return showcase(drain(audit(settings, executor=executor, fresh=True)))
