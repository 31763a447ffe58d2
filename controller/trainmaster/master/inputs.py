"""Where jobs' inputs lie: looked up beside all else, a few at one time, for each generation of a job and again while it waits.

What can't be told keeps nobody from starting: then its words are what is known. Never here: how one looks (sources/inputs.py), or
what follows (plan/locality.py).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from trainmaster.errors import NoSuchFileError, TrainmasterError
from trainmaster.master import clock
from trainmaster.master.tasks import cancelled
from trainmaster.plan.input_look import InputLook
from trainmaster.plan.memory import Memory

log = logging.getLogger(__name__)

AT_ONE_TIME = 8
FRESH = 300.0
"""seconds after which one looks again for a gang that isn't there yet: what it waits for may be what writes its input"""
PATIENCE = 10.0
"""seconds of one look at most: one that was given up says what is known, which is nothing"""

Locate = Callable[[str, str], Awaitable[InputLook]]
"""the nodes that hold what lies at a URL, as this user (second argument) sees it; raises a TrainmasterError"""


async def nowhere(url: str, _: str) -> InputLook:
    """Where nobody looks."""
    raise NoSuchFileError(f"{url}: nobody looks here where inputs lie")


@dataclass(slots=True)
class _Look:
    of: tuple[str, str]
    """path and user"""
    generation: int
    task: asyncio.Task[None]
    at: float
    found: InputLook | None = None
    """of an earlier generation, until this one's is there"""


class Inputs:
    def __init__(self, locate: Locate, ring: Callable[[str], None]) -> None:
        """`ring` has a job make a pass."""
        self._locate, self._ring = locate, ring
        self._looks: dict[str, _Look] = {}
        self._turns = asyncio.Semaphore(AT_ONE_TIME)

    def of(self, uid: str, path: str, user: str, memory: Memory) -> InputLook | None:
        """Where the input of a job lies that cares, as far as it is known; it is looked up where that is due."""
        known, now = self._looks.get(uid), clock.monotonic()
        same = known is not None and known.of == (path, user)
        if known is None or not same or self._stale(known, memory, now):
            self.forget(uid)
            task = asyncio.get_running_loop().create_task(self._search(uid, path, user))
            before = known.found if known and same else None
            useful = before if before and before.hosts else None
            known = self._looks[uid] = _Look((path, user), memory.generation, task, now, useful)
        return known.found

    def _stale(self, known: _Look, memory: Memory, now: float) -> bool:
        old = known.task.done() and now - known.at >= FRESH
        return known.generation != memory.generation or (memory.gathering and old)

    def forget(self, uid: str) -> None:
        """Nobody wants to know."""
        if look := self._looks.pop(uid, None):
            look.task.cancel()

    async def close(self) -> None:
        await cancelled([look.task for look in self._looks.values()])

    async def _search(self, uid: str, path: str, user: str) -> None:
        async with self._turns:
            found = await self._found(path, user)
        self._looks[uid].found = found
        self._ring(uid)

    async def _found(self, path: str, user: str) -> InputLook:
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._locate(path, user)
        except TimeoutError:
            words = f"no answer within {PATIENCE:g} s"
        except TrainmasterError as error:
            words = str(error)
        except Exception:  # where an input lies must keep no job from starting
            log.exception("a look for an input failed in a way nobody foresaw")
            words = "the look for it failed"
        log.info("where an input lies can't be told", extra={"path": path, "error": words})
        return InputLook(path, words=words)
