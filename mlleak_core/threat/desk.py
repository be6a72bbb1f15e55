"""What a run works at: data, targets, workers, what is kept. The same for page, command line and test."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from mlleak_core.contract import Step

if TYPE_CHECKING:
    from mlleak_core.data import Faces
    from mlleak_core.data.lines import Lines
    from mlleak_core.data.texts import Texts
    from mlleak_core.target.blackbox import BlackBox
    from mlleak_core.target.settings import TrainSettings
    from mlleak_core.target.store import Store
    from mlleak_core.target.training import Target


class Desk(Protocol):
    """What a run works at: the same for page, command line and test. Nothing here can change an answer."""

    @property
    def remote(self) -> bool:
        """Whether a service is attacked in place of what is trained here."""
        ...

    @property
    def service(self) -> BlackBox | None:
        """That service; met when first wanted."""
        ...

    def faces(self, data: str) -> Generator[Step, None, Faces]:
        """The faces of a source, opened once for all."""
        ...

    def texts(self, data: str) -> Generator[Step, None, Texts]:
        """The texts of a source, opened once for all."""
        ...

    def lines(self, data: str) -> Generator[Step, None, Lines]:
        """What next-word prediction learns from: of a text or of reviews, opened once for all."""
        ...

    def target(self, settings: TrainSettings, *, stopped: bool = False) -> Generator[Step, None, Target]:
        """The run of these settings: kept from before, or trained now and kept.

        stopped: one that was stopped early will do.
        """
        ...

    def executor(self) -> Executor:
        """Where models are trained side by side."""
        ...

    def keep(self, data: str, save: Callable[[Store], Any]) -> str:
        """Write something down unless `data` is a visitor's own; returns what went wrong, in words."""
        ...

    def recall(self, key: str) -> Any:
        """What was remembered under `key`, or None."""
        ...

    def remember(self, key: str, value: Any, data: str = "") -> None:
        """Hold something in memory for later runs while there is room; data: what it was made from."""
        ...


@dataclass(frozen=True)
class SlowStart:
    """What takes long only the first time on a machine: `first` compiles it; who needs it takes `lock`."""

    lock: threading.Lock
    first: Callable[[], None]
