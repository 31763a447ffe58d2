"""Ending asyncio's tasks, and waiting: until they have ended, or until something wakes. Never here: what they do."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any


async def cancelled(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel them and wait until all are over, whatever they end with. The collection may change meanwhile."""
    ending = tuple(tasks)
    for task in ending:
        task.cancel()
    await asyncio.gather(*ending, return_exceptions=True)


async def woken(event: asyncio.Event, seconds: float | None) -> None:
    """Wait until it is set, and set it after so many seconds: that costs less than a timeout, which cancels the wait."""
    timer = None if seconds is None else asyncio.get_running_loop().call_later(seconds, event.set)
    try:
        await event.wait()
    finally:
        if timer is not None:
            timer.cancel()
