"""What the tests of the pure parts begin with."""

from __future__ import annotations

import pytest

from sources.kubernetes.model import Reader


@pytest.fixture
def reader() -> Reader:
    """It has listed an empty cluster."""
    made = Reader()
    made.list()
    return made
