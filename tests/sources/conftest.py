"""What the tests of sources begin with."""

from __future__ import annotations

import pytest

from sources.building import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()
