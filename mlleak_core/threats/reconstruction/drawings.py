"""What is drawn of twins: the faces as they emerge, the traces, the treatments. Light: no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlleak_core.figures.histogram import scan, weights
from mlleak_core.figures.scenes import Reel
from mlleak_core.figures.treatments import treatments
from mlleak_core.language import mark, say
from mlleak_core.threat import Drawing
from mlleak_core.threats.reconstruction.conclusions import Conclusions
from mlleak_core.threats.reconstruction.facts import TEASED
from mlleak_core.threats.reconstruction.findings import Findings
from mlleak_core.threats.reconstruction.noticed import Noticed
from mlleak_core.threats.reconstruction.readings import CLEAN, EPOCH, ERASED, MEAN, Reading, between

EMERGING = mark(
    "Above: the training photo. Below: what was read back, epoch by epoch, with its pixel error; a tick "
    "means that its owner was found."
)
LEFT = mark("After each treatment: the task's accuracy (blue), and the share of owners found (orange).")


class Drawings(Conclusions, Findings, Noticed):
    """The reels, and a report's drawings, each with the same numbers as a table."""

    def reel(self, show: int = 0, autoplay: bool = False) -> Reel:
        """The faces epoch by epoch, and all other readings in the same place."""
        others = (*self.views(CLEAN), *self.views(MEAN), *self.views(ERASED))
        return self._reel(self.views(EPOCH), others, show, autoplay)

    def glance(self) -> Reel:
        """The finished reading of the first few faces."""
        return self._reel((self.last,), (), min(TEASED, len(self.about.names)), False)

    def _reel(
        self, readings: tuple[Reading, ...], others: tuple[Reading, ...], show: int, autoplay: bool
    ) -> Reel:
        return Reel(
            name=f"{self.job}-{len(readings)}",
            atlas=self.atlas,
            rows=1 + len(self.about.views),
            names=self.about.names,
            frames=tuple(v.frame() for v in readings),
            others=tuple(v.frame() for v in others),
            autoplay=autoplay,
            show=show,
        )

    def drawings(self) -> tuple[Drawing, ...]:
        """The faces as they emerge, then what an owner could have noticed, then what erasing leaves."""
        return (self._emerging(), *self._noticed(), *self._erased())

    def _emerging(self) -> Drawing:
        return Drawing(
            title=say("Read back out of the model"),
            picture=self.reel(autoplay=True),
            alt=say(EMERGING),
            rows=self.rows(),
            findings=(self.pixel_error(),),
        )

    def _noticed(self) -> tuple[Drawing, ...]:
        if self.about.traces is None:
            return ()
        of, arrays = ("malicious", "clean"), self.arrays
        return (
            Drawing(
                title=say("The weights beside the clean twin's"),
                picture=weights(arrays["bins"], *(arrays[name] for name in of)),
                alt=say("Histogram of the weights of both twins."),
                rows=_side_by_side(
                    mark("weight"), (arrays["bins"][1:] + arrays["bins"][:-1]) / 2, arrays, of
                ),
                note=" · ".join(self.in_the_weights()),
            ),
            Drawing(
                title=say("Does a stretch of weights look like the average face?"),
                picture=scan(*(arrays[f"scan_{name}"] for name in of)),
                alt=say("Correlation of each stretch of weights with the average public face."),
                rows=_side_by_side(
                    mark("stretch"),
                    np.arange(len(arrays["scan_clean"])),
                    arrays,
                    [f"scan_{name}" for name in of],
                ),
                note=" · ".join(self.in_the_scan()),
            ),
        )

    def _erased(self) -> tuple[Drawing, ...]:
        tried = self.treatments()
        if not tried:
            return ()
        picture = Drawing(
            title=say("What erasing costs, and what it leaves"),
            picture=treatments(tried),
            alt=say(LEFT),
            rows=[
                {
                    mark("treatment"): say(t.title),
                    mark("accuracy"): f"{t.task.value:.1%} {between(t.task, '.1%')}",
                    mark("owners found"): f"{t.found.value:.1%} {between(t.found, '.1%')}",
                }
                for t in tried
            ],
        )
        return (picture,)

    def rows(self) -> list[dict[str, Any]]:
        """Every reading, for the table."""
        return [view.line() for view in self.about.views]


def _side_by_side(
    name: str, first: NDArray[Any], arrays: Mapping[str, NDArray[Any]], of: Sequence[str]
) -> list[dict[str, Any]]:
    """Numbers of both twins as rows. name, first: the first column; of: which arrays."""
    titles = (mark("malicious twin"), mark("clean twin"))
    columns = [np.asarray(values, float).round(4).tolist() for values in (first, *(arrays[n] for n in of))]
    return [dict(zip((name, *titles), row, strict=True)) for row in zip(*columns, strict=True)]
