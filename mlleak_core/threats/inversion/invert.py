"""One participant's update in collaborative training, inverted and judged."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from mlleak_core.threats.inversion.attack import AnalyticInversion, GradientMatching, share
from mlleak_core.threats.reconstruction.encodings import Claim, Report, assign, judge
from mlleak_core.threats.reconstruction.codes import Pictures
from mlleak_core.contract import Step, Stop, now
from mlleak_core.data import Faces
from mlleak_core.target.models import ConvNet
from mlleak_core.threats.reconstruction.plan import make_plan
from mlleak_core.target.settings import ReconstructionSettings


@dataclass(frozen=True, eq=False)
class Inverted:
    """A participant's batch read back from its gradient. frames: (share of the search done, pictures)."""

    settings: ReconstructionSettings
    truth: Pictures
    pictures: Pictures
    names: tuple[str, ...]
    mean: Pictures
    report: Report
    baseline: Report
    frames: tuple[tuple[float, Pictures], ...]
    distance: float
    analytic: bool
    seconds: float

    def row(self) -> dict[str, Any]:
        """The report of the command line."""
        return {
            **self.report.row(), "mae_mean_image": self.baseline.mae.value, "max_error": float(np.abs(self.pictures - self.truth).max()),
            "method": "analytic" if self.analytic else "gradient matching", "cosine_distance": self.distance, "invert_seconds": self.seconds,
        }  # fmt: skip


def invert(settings: ReconstructionSettings, faces: Faces) -> Generator[Step, None, Inverted]:
    """One participant's first update, inverted: in closed form for one photo on 'mlp', else by gradient matching."""
    yield Step(0, 1, "taking the update")
    plan = make_plan(dataclasses.replace(settings, attack="lsb", faces=settings.batch, colour=True, net="strided-3 wide"), faces)
    rows = plan.victims
    net = ConvNet(settings.net, torch.Generator().manual_seed(settings.seed * 2))
    labels = torch.from_numpy(faces.task.codes[rows].astype(np.int64))
    update = share(net, torch.from_numpy(plan.x[rows]), labels, plan.public)
    analytic = settings.net == "mlp" and settings.batch == 1
    attack = AnalyticInversion() if analytic else GradientMatching(settings.prior, seed=settings.seed)
    started, frames, distance = now(), list[tuple[float, Pictures]](), 0.0
    run = attack.run(update)
    try:
        step = next(run)
        while True:
            if step.peek:
                frames.append((step.done / step.total, step.peek["pictures"]))
                distance = step.peek["distance"]
            try:
                yield dataclasses.replace(
                    step, peek={"pictures": step.peek["pictures"], "truth": plan.secret.pictures} if step.peek else None
                )
                step = next(run)
            except Stop:
                step = run.throw(Stop())
    except StopIteration as end:
        claim: Claim = end.value
    mean = np.repeat(plan.public.mean(0, keepdims=True), len(rows), 0)
    order = assign(claim.pictures, plan.secret.pictures)
    names = tuple(faces.people[p].replace("_", " ") for p in faces.person[rows])
    return Inverted(
        settings, plan.secret.pictures, claim.pictures[order], names, plan.public.mean(0), judge(claim, plan.secret, unordered=True),
        judge(Claim(mean, np.empty(0)), plan.secret), tuple((d, p[order]) for d, p in frames[:: max(1, len(frames) // 12)]),
        distance, analytic, now() - started,
    )  # fmt: skip
