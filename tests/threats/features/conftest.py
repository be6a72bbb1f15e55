"""A desk at which everything is ready."""

from __future__ import annotations

import pytest


class Ready:
    """Hands out the session's faces and target, and remembers."""

    def __init__(self, faces, target):
        self.kept, self.given = {}, (faces, target)

    def faces(self, data):
        yield from ()
        return self.given[0]

    def target(self, settings, *, stopped=False):
        yield from ()
        assert settings == self.given[1].settings
        return self.given[1]

    def remember(self, key, value, data=""):
        self.kept[key] = value

    def recall(self, key):
        return self.kept.get(key)


@pytest.fixture
def desk(faces, target):
    return Ready(faces, target)
