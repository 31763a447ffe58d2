"""Keeping the controller's endless works going side by side. Never here: what they do."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

log = logging.getLogger(__name__)

Beat = Callable[[], Coroutine[Any, Any, None]]
PAUSE = 2.0
"""seconds before a beat that failed is begun anew"""


async def until_one_ends(*beats: Beat) -> None:
    """Keep all beats going until one of them ends; none is left behind."""
    tasks = [asyncio.create_task(_kept_up(beat)) for beat in beats]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _kept_up(beat: Beat) -> None:
    """What nobody foresaw in one beat must not end the controller, and with it every job's heartbeat."""
    while True:
        try:
            return await beat()
        except Exception:  # shown, and begun anew
            log.exception("the controller failed in a way nobody foresaw")
            await asyncio.sleep(PAUSE)
