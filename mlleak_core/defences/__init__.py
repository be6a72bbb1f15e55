"""What a defender can do: one strategy a class. Each acts in exactly one place, and a run is told which.

on_output: on the answers of a service. on_weights: on a finished model file. on_gradients and aggregate: in
training.
"""

from __future__ import annotations

from typing import ClassVar

from mlleak_core.contract import Settings


class Defence(Settings):
    """Base of all defences. Abstract: a subclass overrides exactly one of the places named in PLACES."""

    slug: ClassVar[str]
    PLACES: ClassVar[tuple[str, ...]] = ("on_gradients", "on_output", "on_weights", "aggregate")

    @property
    def title(self) -> str:
        """What pages call it."""
        raise NotImplementedError

    @classmethod
    def place(cls) -> str:
        """Where it acts."""
        return next(name for name in cls.PLACES if hasattr(cls, name))
