"""Keeping the controller's endless works going side by side, and knowing which of them fail. Never here: what they do."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from trainmaster.master import clock
from trainmaster.master.tasks import cancelled

log = logging.getLogger(__name__)

Beat = Callable[[], Coroutine[Any, Any, None]]
PAUSE = 2.0
"""seconds before a beat that failed is begun anew"""
STEADY = 60.0
"""seconds without another failure after which a beat counts as well that doesn't say so itself"""


class Beats:
    """The works of one controller by name. What nobody foresaw in one is shown until that one works again."""

    def __init__(self, count: Callable[[str], None] = lambda _: None) -> None:
        """`count` is told the name of the work that failed."""
        self._count = count
        self._troubles: dict[str, tuple[str, float]] = {}
        """by work: what kind of error it met, and when it met it last"""

    @property
    def trouble(self) -> str:
        """Which works fail at present, for a person; empty when none does. The errors themselves are in the log."""
        now = clock.monotonic()
        failing = [
            f"{work} ({kind})" for work, (kind, at) in list(self._troubles.items()) if now - at < STEADY
        ]
        return f"failed in a way nobody foresaw, see the log: {', '.join(failing)}" if failing else ""

    def works(self, work: str) -> None:
        """It went through once more."""
        self._troubles.pop(work, None)

    @contextmanager
    def guarded(self, work: str, kind: str = "") -> Iterator[None]:
        """What nobody foresaw inside is shown and counted (as `kind`, where the work is one of many), and goes no further."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - whoever guards goes on with the rest
            self._failed(work, error)
            self._count(kind or work)

    def _failed(self, work: str, error: Exception) -> None:
        kind_of_error, now = type(error).__name__, clock.monotonic()
        before, at = self._troubles.get(work, ("", 0.0))
        if before != kind_of_error or now - at >= STEADY:  # once, however long it goes on failing
            log.error("the controller failed in a way nobody foresaw", exc_info=error, extra={"work": work})
        self._troubles[work] = kind_of_error, now

    async def until_one_ends(self, **beats: Beat) -> None:
        """Keep all beats going until one of them ends; none is left behind."""
        tasks = [asyncio.create_task(self._kept_up(work, beat)) for work, beat in beats.items()]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await cancelled(tasks)

    async def _kept_up(self, work: str, beat: Beat) -> None:
        """What nobody foresaw in one beat must not end the controller, and with it every job's heartbeat."""
        ended = False
        while not ended:
            with self.guarded(work):
                await beat()
                ended = True
            await asyncio.sleep(0 if ended else PAUSE)
