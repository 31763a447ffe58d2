"""Hearing what others say of nodes: who calls some bad, each asked now and then, and which were said to be well again.

Never here: what is believed of it (plan/health.py), or how one asks (sources/).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Protocol

from trainmaster.errors import InvalidError, TrainmasterError
from trainmaster.master import clock
from trainmaster.master.beats import Beats
from trainmaster.master.suspects import FoundSuspects
from trainmaster.plan.health import Answer, Told, garbled

log = logging.getLogger(__name__)

CLEARED_EVERY = 3.0
"""seconds between looks for nodes that were said to be well again"""


class Sayer(Protocol):
    """Somebody who calls nodes bad (sources/node_health.py)."""

    @property
    def name(self) -> str: ...

    async def ask(self) -> Answer:
        """What it says now. InvalidError where that makes no sense; TrainmasterError where it can't be asked."""

    async def close(self) -> None: ...


class HealthWatch:
    """Asks each of them once in `interval` seconds."""

    def __init__(self, interval: float, sayers: Sequence[Sayer]) -> None:
        self._interval, self._sayers = interval, sayers

    async def run(self, found: FoundSuspects, beats: Beats) -> None:
        """Until cancelled."""
        try:
            async with asyncio.TaskGroup() as works:
                for sayer in self._sayers:
                    works.create_task(self._hear_for_ever(sayer, found, beats))
                await asyncio.Event().wait()
        finally:
            for sayer in self._sayers:
                await sayer.close()

    async def _hear_for_ever(self, sayer: Sayer, found: FoundSuspects, beats: Beats) -> None:
        while True:
            with beats.guarded("node health"):
                before = found.told.get(sayer.name, Told())
                try:
                    told = await _heard(sayer, before)
                except Exception as error:
                    found.told[sayer.name] = _unforeseen(error, before)
                    raise
                found.told[sayer.name] = told
                if told.trouble and not before.trouble:
                    about = {"source": sayer.name, "error": told.trouble}
                    log.warning("whoever calls nodes bad can't be understood, or asked", extra=about)
                beats.works("node health")
            await asyncio.sleep(self._interval)


async def _heard(sayer: Sayer, before: Told) -> Told:
    try:
        return before.answered(await sayer.ask(), clock.now())
    except InvalidError as error:
        return garbled(str(error))
    except TrainmasterError as error:
        return before.unheard(str(error), clock.now())


def _unforeseen(error: Exception, before: Told) -> Told:
    """Its answers must not count for ever either."""
    return before.unheard(f"its answer failed the controller ({type(error).__name__})", clock.now())


class Cleared(Protocol):
    """Where it stands which nodes are well again: the source of jobs."""

    async def cleared(self) -> Mapping[str, float]: ...


class Clearings:
    """Looks there, on the leader."""

    def __init__(self, source: Cleared) -> None:
        self._source, self._away = source, False

    async def run(self, found: FoundSuspects, beats: Beats) -> None:
        """Until cancelled."""
        while True:
            with beats.guarded("cleared nodes"):
                try:
                    found.cleared = await self._source.cleared()
                    self._away = False
                    beats.works("cleared nodes")
                except TrainmasterError as error:
                    if not self._away:
                        log.info("which nodes are well again can't be looked up", extra={"error": str(error)})
                    self._away = True
            await asyncio.sleep(CLEARED_EVERY)
