"""Python's collector of garbage, kept from holding up heartbeats.

By itself it looks through everything that lives, again and again while jobs are taken in: with thousands of jobs that was half
of the controller's work, and seconds at a stretch. Python frees most things at once when nothing refers to them; only cycles wait
for the collector. So what has lived for a while is frozen, in small portions, and left alone until the next thorough search.
Never here: what anything is for.
"""

from __future__ import annotations

import asyncio
import gc

from trainmaster.master import clock

YOUNG, MIDDLE = 5_000, 10
"""new objects between two searches among the newest, and such searches between two among those that outlived one"""
NEVER = 1_000_000
"""searches of the second kind between two of all that lives: those are `tidy`'s"""
PORTION = 2
"""searches of the second kind whose survivors are frozen together: some 100,000 objects at most, looked through in some 10 ms"""
PAUSE = 0.5
THOROUGH = 3600.0
"""seconds between two searches of everything: cycles among the frozen (a job that is over) are found by then. With thousands of
jobs that takes some tenths of a second, once an hour"""


class Garbage:
    """Takes the collector over; one for a process."""

    def __init__(self) -> None:
        gc.set_threshold(YOUNG, MIDDLE, NEVER)
        self._thorough_at = clock.monotonic()
        self._freeze()

    async def run(self) -> None:
        while True:
            await asyncio.sleep(PAUSE)
            self.tidy()

    def tidy(self) -> None:
        """Freeze what has gathered, if that is enough; now and then search everything."""
        if clock.monotonic() - self._thorough_at >= THOROUGH:
            self._thorough_at = clock.monotonic()
            gc.unfreeze()
            self._freeze()
        elif gc.get_count()[2] >= PORTION:
            self._freeze()

    def _freeze(self) -> None:
        """First without the garbage that is in it."""
        gc.collect()
        gc.freeze()
