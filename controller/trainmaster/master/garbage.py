"""Python's collector of garbage, kept from holding up heartbeats.

By itself it looks through what lives again and again while jobs are taken in: with thousands of jobs that was half of the
controller's work, and seconds at a stretch. Python frees most things at once when nothing refers to them; only cycles wait for
the collector. So whatever is found alive is frozen there and then: nothing is looked through twice, until the next thorough
search. And what is made in the place of as much that dies isn't looked through at all (`keep`).
Never here: what anything is for.
"""

from __future__ import annotations

import asyncio
import gc
import time
from typing import Any

from trainmaster.master import clock

YOUNG = 10_000
"""new objects between two searches among them: a millisecond or two of work"""
OFTEN = 0.25
"""seconds between two searches among the newest at most. The collector counts what is made less what dies: where new statuses and
rows take the place of older ones it counts next to nothing, and then looks through a minute's work at once"""
BRIEF = 0.005
"""seconds that such a search is to take: where it takes longer, there is one the sooner"""
SOONEST = 0.02
NEVER = 1_000_000
"""searches among the newest until those that outlived them are looked through: there are none of these, they are frozen"""
PAUSE = 60.0
THOROUGH = 3600.0
"""seconds between two searches of everything at least: cycles among the frozen are found by then. With thousands of jobs that
takes some tenths of a second"""
GROWTH = 1.25
"""it isn't done for less: while what lives doesn't grow, there is no garbage among it that would matter"""


def keep() -> None:
    """What was made just now for a large job stays, without a search: that alone would hold up the loop for too long."""
    if gc.get_threshold()[1] == NEVER:  # in a controller's process alone
        gc.freeze()


def pause_after(pause: float, took: float) -> float:
    """Seconds until the next search, after one that came so many after the one before, and took so long: what is made in half of
    the time is looked through in half of the time."""
    return min(OFTEN, max(SOONEST, min(2 * pause, pause * BRIEF / took if took else OFTEN)))


class Garbage:
    """Takes the collector over; one for a process."""

    _searched_at: float
    _frozen: int

    def __init__(self) -> None:
        gc.set_threshold(YOUNG, NEVER, NEVER)
        gc.callbacks.append(self._searched)
        self._searched_at, self._frozen = 0.0, 0
        self._search_all()

    async def run(self) -> None:
        tidied_at, pause = clock.monotonic(), OFTEN
        try:
            while True:
                await asyncio.sleep(pause)
                began = time.thread_time()  # by the clock a machine that is busy with others looks slow
                gc.collect(0)
                pause = pause_after(pause, time.thread_time() - began)
                if clock.monotonic() - tidied_at >= PAUSE:
                    tidied_at = clock.monotonic()
                    self.tidy()
        finally:
            gc.callbacks.remove(self._searched)

    def tidy(self) -> None:
        """Now and then search everything, if there is more of it."""
        if clock.monotonic() - self._searched_at >= THOROUGH:
            self._searched_at = clock.monotonic()
            if gc.get_freeze_count() > GROWTH * self._frozen:
                gc.unfreeze()
                self._search_all()

    def _searched(self, phase: str, info: dict[str, Any]) -> None:
        """What outlived a search among the newest needs no second look."""
        if phase == "stop" and info["generation"] == 0:
            gc.freeze()

    def _search_all(self) -> None:
        gc.collect()
        gc.freeze()
        self._searched_at, self._frozen = clock.monotonic(), gc.get_freeze_count()
