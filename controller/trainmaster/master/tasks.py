"""Ending asyncio's tasks, and waiting until they have ended. Never here: what they do."""

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
