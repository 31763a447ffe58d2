"""What a job's processes wrote, read through the controller: for people whose browser reaches no NodeManager.

A log is named by its container, which must be one of the job's: where it lies is looked up in what is remembered of the job,
and is never taken from an address.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from trainmaster.errors import TrainmasterError
from trainmaster.hadoop.logs import LogTail
from trainmaster.master.picture import Picture
from trainmaster.plan.memory import Memory
from trainmaster.web.log_text import LONGEST, Line, lines

FILES: Final = ("stdout", "stderr")
SIZES: Final = (64, 256, 1024, 4096)
"""KiB from the end of a file that can be asked for"""
PATIENCE: Final = 15.0
"""seconds"""
AT_ONCE: Final = 4
"""logs that are fetched at one time; further ones wait"""


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
    lines: tuple[Line, ...] = ()
    begins: int = 0
    """byte of the file at which they begin"""
    length: int = 0
    """bytes of the whole file"""
    trouble: str = ""
    """why there is nothing to be shown, for a person"""


class Logs:
    """Fetches few at a time: a slow NodeManager holds up other readers, and nothing else."""

    def __init__(self, reader: Reader | None) -> None:
        self._reader = reader
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def read(self, place: Place, file: str, words: Mapping[str, str]) -> Log:
        """The end of a file of that container. `words` are the address's: `size` in KiB, `find`."""
        log = Log(place, file, _size(words.get("size", "")), words.get("find", "").strip()[:LONGEST])
        if self._reader is None:
            return _without(log, "this server reads no logs")
        try:
            async with asyncio.timeout(PATIENCE), self._turns:
                tail = await self._reader.tail(place.http, place.container, file, log.size * 1024)
        except TimeoutError:
            return _without(log, f"no answer from its node within {PATIENCE:g} s")
        except TrainmasterError as error:
            return _without(log, str(error))
        if tail is None:
            return _without(log, GONE)
        return await asyncio.to_thread(_with, log, tail)  # megabytes take longer than a heartbeat may wait


GONE: Final = (
    "there is no such log: the process has not begun, or its NodeManager has dropped the file; where log aggregation is on, a "
    "log server keeps it (yarn.log.server.web-service.url)"
)


def _without(log: Log, trouble: str) -> Log:
    return Log(log.place, log.file, log.size, log.find, trouble=trouble)


def _with(log: Log, tail: LogTail) -> Log:
    shown = tuple(lines(tail.content, tail.start == 0, log.find))
    return Log(log.place, log.file, log.size, log.find, shown, tail.start, tail.length)


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
