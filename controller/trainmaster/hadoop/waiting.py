"""Calls of one connection that wait for their answers, each for so long. Never here: a socket, or what an answer says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from math import inf
from typing import Any, TypeVar

from google.protobuf.message import Message

Answer = TypeVar("Answer", bound=Message)


class WaitingCalls:
    """By call id. Most are answered in a moment, so there is one timer for all of them: it looks for those that wait too long."""

    __slots__ = ("_calls", "_looks_at", "_timer")

    def __init__(self) -> None:
        self._calls: dict[int, tuple[asyncio.Future[Any], type[Message], float]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._looks_at = inf
        """seconds of the loop"""

    def add(self, key: int, answer: type[Answer], patience: float) -> asyncio.Future[Answer]:
        """What its caller waits for: TimeoutError after `patience` seconds."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answer] = loop.create_future()
        until = loop.time() + patience
        self._calls[key] = (future, answer, until)
        if until < self._looks_at:
            self._look_at(until)
        return future

    def get(self, key: int) -> tuple[asyncio.Future[Any], type[Message]] | None:
        """A call and what answers it; None when nobody waits for it (any more)."""
        future, answer, _ = self._calls.get(key, (None, Message, inf))
        return None if future is None or future.done() else (future, answer)

    def forget(self, key: int) -> None:
        self._calls.pop(key, None)

    def fail(self, why: Callable[[], Exception]) -> None:
        """All of them, each with an exception of its own."""
        calls, self._calls = self._calls, {}
        self._look_at(inf)
        for future, _, _ in calls.values():
            if not future.done():
                future.set_exception(why())

    def _look_at(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_at(at, self._look) if at < inf else None
        self._looks_at = at

    def _look(self) -> None:
        now = asyncio.get_running_loop().time()
        for future, _, until in self._calls.values():
            if until <= now and not future.done():
                future.set_exception(TimeoutError())
        self._look_at(
            min((until for future, _, until in self._calls.values() if not future.done()), default=inf)
        )
