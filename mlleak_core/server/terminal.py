"""Progress on a terminal, by tqdm: a bar with the time left on standard error, only
where somebody watches.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import TextIO

from mlleak_core.contract import Step

WIDTH = 44
"""Characters of a note, so that the bar does not jump."""


@contextlib.contextmanager
def progress(stream: TextIO | None = None, watched: bool | None = None) -> Iterator[Callable[[Step], None]]:
    """A listener for steps. A new total, or less done than before, begins a new bar. watched: whether
    `stream`, standard error by default, is a terminal.
    """
    from tqdm import tqdm

    out = stream or sys.stderr
    bars: list[tqdm] = []  # type: ignore[type-arg]

    def show(step: Step) -> None:
        if not bars or bars[0].total != step.total or step.done < bars[0].n:
            clear()
            bars.append(tqdm(total=step.total, file=out, leave=False, dynamic_ncols=True, unit=""))
        bar = bars[0]
        bar.set_description_str(f"{step.note:{WIDTH}.{WIDTH}}", refresh=False)
        bar.update(step.done - bar.n)
        bar.refresh()

    def clear() -> None:
        for bar in bars:
            bar.close()
        bars.clear()

    try:
        yield show if (out.isatty() if watched is None else watched) else _silent
    finally:
        clear()


def _silent(_: Step) -> None:
    """Nobody watches."""
