"""What a job's processes wrote, read through the controller: for people whose browser reaches no NodeManager.

A log is named by its container, which must be one of the job's: where it lies is looked up in what is remembered of the job,
and is never taken from an address.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Final, ParamSpec, Protocol

from trainmaster.errors import InvalidError, TrainmasterError
from trainmaster.hadoop.logs import LogTail
from trainmaster.master.picture import Picture
from trainmaster.plan.memory import Memory
from trainmaster.web import times
from trainmaster.web.log_text import NOTHING, Lines, lines

FILES: Final = ("stdout", "stderr")
SIZES: Final = (64, 256, 1024, 4096)
"""KiB from the end of a file that can be asked for"""
LONGEST_FIND: Final = 200
"""letters that can be searched for"""
AT_ONCE: Final = 4
"""logs that are fetched and shown at one time; further ones wait"""
THREADS: Final = 2
"""in which their pages are made"""

P = ParamSpec("P")


class Reader(Protocol):
    """Whoever fetches logs (hadoop/logs.py)."""

    async def tail(self, http: str, container: str, file: str, size: int) -> LogTail | None: ...


@dataclass(frozen=True, slots=True)
class Place:
    """One container of a job, and what it was."""

    container: str
    http: str
    """host:port of its NodeManager's web server"""
    said: str
    """such as worker-0, run 2"""


@dataclass(frozen=True, slots=True)
class Log:
    """What is shown of one file."""

    place: Place
    file: str
    size: int
    """KiB that were asked for"""
    find: str
    shown: Lines = NOTHING
    begins: int = 0
    """byte of the file at which they begin"""
    length: int = 0
    """bytes of the whole file"""
    trouble: str = ""
    """why there is nothing to be shown, for a person"""


class Logs:
    """Fetches and shows few at a time, in threads: slow NodeManagers and large logs hold up other readers, and nothing else."""

    def __init__(self, reader: Reader | None) -> None:
        self._reader = reader
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="logs")

    async def close(self) -> None:
        """Begin nothing any more."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def page(
        self, place: Place, file: str, words: Mapping[str, str], make: Callable[[Log], str]
    ) -> str:
        """What is made, in a thread, of the end of a file of that container. `words` are the address's: `size` in KiB, `find`.
        Raises InvalidError where one can't search for that."""
        log = Log(place, file, _size(words.get("size", "")), _find(words.get("find", "")))
        if self._reader is None:
            return await self._made(make, _without(log, "this server reads no logs"))
        try:
            async with asyncio.timeout(times.TURN):
                await self._turns.acquire()
        except TimeoutError:
            return await self._made(make, _without(log, _busy()))
        return await self._in_turn(self._reader, log, make)

    async def _in_turn(self, reader: Reader, log: Log, make: Callable[[Log], str]) -> str:
        """The turn lasts for as long as the node is asked, also when nobody waits for it any more."""
        fetching = asyncio.ensure_future(
            reader.tail(log.place.http, log.place.container, log.file, log.size * 1024)
        )
        try:
            async with asyncio.timeout(times.NODE):
                tail = await asyncio.shield(fetching)
            return await self._made(_with, log, tail, make)
        except TimeoutError:
            return await self._made(make, _without(log, f"no answer from its node within {times.NODE:g} s"))
        except TrainmasterError as error:
            return await self._made(make, _without(log, str(error)))
        finally:
            fetching.add_done_callback(self._over)

    def _over(self, fetching: asyncio.Future[LogTail | None]) -> None:
        self._turns.release()
        if not fetching.cancelled():
            fetching.exception()  # nobody may wait for it any more, and it is no news then

    async def _made(self, make: Callable[P, str], *args: P.args, **kwargs: P.kwargs) -> str:
        work = functools.partial(make, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


GONE: Final = (
    "there is no such log: the process has not begun, or its NodeManager has dropped the file; where log aggregation is on, a "
    "log server keeps it (yarn.log.server.web-service.url)"
)


def _busy() -> str:
    return f"other logs are being read: this one waited {times.TURN:g} s for its turn, and its node was not asked"


def _without(log: Log, trouble: str) -> Log:
    return replace(log, trouble=trouble)


def _with(log: Log, tail: LogTail | None, make: Callable[[Log], str]) -> str:
    if tail is None:
        return make(_without(log, GONE))
    shown = lines(tail.content, tail.start == 0, log.find)
    return make(replace(log, shown=shown, begins=tail.start, length=tail.length))


def _find(word: str) -> str:
    if len(word.strip()) > LONGEST_FIND:
        raise InvalidError(
            f"find: {len(word.strip())} letters are too many to search for: {LONGEST_FIND} at most"
        )
    return word.strip()


def _size(word: str) -> int:
    return int(word) if word in map(str, SIZES) else SIZES[0]


def place_of(job: Picture, container: str) -> Place | None:
    """Where that container of the job is or was; None for any other."""
    return next((place for place in places(job) if place.container == container), None)


def places(job: Picture) -> Iterator[Place]:
    """All containers of the job of which it is known where they were: those that run first, those of earlier runs last."""
    memory = job.memory
    if memory is None:
        return
    for r in memory.replicas:
        if r.bound:
            yield Place(r.container, r.http, f"{r.key}, run {r.run}")
        if r.last_exit and r.last_exit.http:
            yield Place(r.last_exit.container, r.last_exit.http, f"{r.key}, run {r.last_exit.run}")
        if r.previous and r.previous_http:
            yield Place(r.previous, r.previous_http, f"{r.key}, the process before")
    yield from _earlier(memory)


def _earlier(memory: Memory) -> Iterator[Place]:
    for life in reversed(memory.lives):
        if life.http:
            yield Place(life.container, life.http, f"{life}, run {life.run}")
    for past in memory.past_runs:
        for log in past.logs:
            yield Place(log.container, log.http, f"{log.key} of run {past.number} of the job")
