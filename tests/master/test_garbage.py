"""The collector of garbage: what lives long is looked through once, and garbage among it is found all the same."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from unittest.mock import patch

import pytest

from trainmaster.master import clock
from trainmaster.master.garbage import MIDDLE, PORTION, THOROUGH, YOUNG, Garbage


class Node:
    """Holds itself: only the collector can free it."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.set_threshold(*thresholds)
    gc.unfreeze()


def enough() -> list[list[int]]:
    """As many objects that stay as make one portion."""
    return [[n] for n in range(YOUNG * (MIDDLE + 1) * (PORTION + 1))]


def test_what_stays_is_looked_through_once_and_never_again_by_itself() -> None:
    garbage = Garbage()
    kept = enough()
    assert len(gc.get_objects()) > len(kept) / 2
    garbage.tidy()
    assert len(gc.get_objects()) < YOUNG
    assert gc.get_freeze_count() > len(kept)


def test_little_is_left_for_later() -> None:
    garbage = Garbage()
    frozen = gc.get_freeze_count()
    kept = [[n] for n in range(100)]
    garbage.tidy()
    assert gc.get_freeze_count() == frozen
    assert kept


def test_garbage_that_was_frozen_while_it_lived_is_freed_by_the_thorough_search() -> None:
    garbage = Garbage()
    node = Node()
    gone = weakref.ref(node)
    kept = enough()
    garbage.tidy()
    del node
    kept += enough()
    garbage.tidy()
    assert gone() is not None
    later = clock.monotonic() + THOROUGH
    with patch.object(clock, "monotonic", lambda: later):
        garbage.tidy()
    assert gone() is None
    assert kept


def test_young_garbage_is_freed_without_help() -> None:
    Garbage()
    node = Node()
    gone = weakref.ref(node)
    del node
    assert enough()
    assert gone() is None
