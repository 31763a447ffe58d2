"""The collector of garbage: what lives long is looked through once, and garbage among it is found all the same."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Iterator
from unittest.mock import patch

import pytest

from master.office import Office
from trainmaster.master import clock
from trainmaster.master import garbage as garbage_module
from trainmaster.master.desk import LARGE
from trainmaster.master.garbage import BRIEF, OFTEN, SOONEST, THOROUGH, YOUNG, Garbage, pause_after
from trainmaster.master.tasks import cancelled


class Node:
    """Holds itself: only the collector can free it."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    thresholds, callbacks = gc.get_threshold(), list(gc.callbacks)
    yield
    gc.set_threshold(*thresholds)
    gc.callbacks[:] = callbacks
    gc.unfreeze()


def many() -> list[list[int]]:
    """As many objects as call for several searches among the newest."""
    return [[n] for n in range(YOUNG * 5)]


def in_an_hour(garbage: Garbage) -> None:
    later = clock.monotonic() + THOROUGH
    with patch.object(clock, "monotonic", lambda: later):
        garbage.tidy()


def test_a_search_that_took_long_is_followed_by_one_of_less() -> None:
    assert pause_after(OFTEN, BRIEF * 4) == OFTEN / 4
    assert pause_after(OFTEN, BRIEF * 1000) == SOONEST
    assert pause_after(SOONEST, 0.0) == 2 * SOONEST
    assert pause_after(OFTEN, BRIEF / 2) == OFTEN


def test_what_stays_is_looked_through_once_and_never_again_by_itself() -> None:
    Garbage()
    searches: list[int] = []
    gc.callbacks.append(lambda phase, info: searches.append(info["generation"]) if phase == "stop" else None)
    kept = many()
    assert searches
    assert set(searches) == {0}
    assert len(gc.get_objects()) <= YOUNG
    assert gc.get_freeze_count() > len(kept) - YOUNG


def test_garbage_that_was_frozen_while_it_lived_is_freed_by_the_thorough_search() -> None:
    garbage = Garbage()
    node = Node()
    gone = weakref.ref(node)
    kept = many()
    del node
    garbage.tidy()
    assert gone() is not None
    kept += [[n] for n in range(gc.get_freeze_count())]
    in_an_hour(garbage)
    assert gone() is None
    assert kept


def test_while_nothing_grows_there_is_no_thorough_search() -> None:
    garbage = Garbage()
    searches: list[int] = []
    gc.callbacks.append(lambda _, info: searches.append(info["generation"]))
    in_an_hour(garbage)
    assert 2 not in searches


def test_what_takes_the_place_of_others_for_a_large_job_is_never_looked_through_in_one_search() -> None:
    """The collector counted none of it, as much died meanwhile: then one search of it all took 30 ms."""
    Garbage()
    rows = many()
    searched: list[int] = []
    gc.callbacks.insert(
        0, lambda phase, _: searched.append(len(gc.get_objects(0))) if phase == "start" else None
    )

    def decided() -> None:
        for number in range(len(rows)):
            rows[number] = [number]

    async def decides() -> None:
        async with Office() as office:
            await office.desk.beside(LARGE, decided)
            office.desk.close()
        gc.collect(0)

    asyncio.run(decides())
    assert max(searched) <= 2 * YOUNG < len(rows)


def test_what_takes_the_place_of_others_little_by_little_is_looked_through_little_by_little() -> None:
    garbage = Garbage()
    rows = many()
    searched: list[int] = []
    gc.callbacks.insert(
        0, lambda phase, _: searched.append(len(gc.get_objects(0))) if phase == "start" else None
    )

    async def replaces() -> None:
        running = asyncio.create_task(garbage.run())
        for number in range(len(rows)):
            rows[number] = [number]
            if number % 1000 == 0:
                await asyncio.sleep(0)
        await cancelled([running])

    with patch.object(garbage_module, "OFTEN", 0.0):
        asyncio.run(replaces())
    gc.collect(0)
    assert max(searched) <= 2 * YOUNG < len(rows)


def test_young_garbage_is_freed_without_help() -> None:
    Garbage()
    node = Node()
    gone = weakref.ref(node)
    del node
    assert many()
    assert gone() is None
