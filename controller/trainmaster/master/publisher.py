"""Showing statuses: the newest of each job, whole, off the path of decisions. A store that is away only makes them late."""

from __future__ import annotations

import asyncio
import logging

from trainmaster.api.declared import Declared
from trainmaster.api.status import JobStatus
from trainmaster.errors import TrainmasterError
from trainmaster.master.boundary import Source

log = logging.getLogger(__name__)

WRITERS = 8
"""statuses written at one time"""
PACE = 0.25
"""seconds between two statuses of one job at least: what changes faster is shown as its newest"""
RETRY = 2.0


class Publisher:
    """Holds what is to be shown; a newer status of the same job takes the older one's place."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._waiting: dict[str, tuple[Declared, JobStatus]] = {}
        self._shown: dict[str, tuple[str, JobStatus]] = {}
        """by uid: where it is shown, and what; a job whose file was moved is shown beside the new one"""
        self._busy: set[str] = set()
        self._news = asyncio.Event()

    def put(self, declared: Declared, status: JobStatus) -> None:
        if declared.path:
            self._waiting[declared.uid] = (declared, status)
            self._news.set()

    def forget(self, uid: str) -> None:
        self._waiting.pop(uid, None)
        self._shown.pop(uid, None)

    async def run(self) -> None:
        """Write what waits, until cancelled."""
        async with asyncio.TaskGroup() as writers:
            for _ in range(WRITERS):
                writers.create_task(self._write_for_ever())

    async def _write_for_ever(self) -> None:
        while True:
            uid = next((u for u in self._waiting if u not in self._busy), None)
            if uid is None:
                self._news.clear()
                await self._news.wait()
                continue
            self._busy.add(uid)
            try:
                await self._write(uid)
            finally:
                self._busy.discard(uid)
                self._news.set()

    async def _write(self, uid: str) -> None:
        declared, status = self._waiting.pop(uid)
        try:
            await self._show(declared, status)
        except Exception:  # the next status of this job gets its chance, and all the others theirs
            log.exception("a status can't be shown", extra={"job": declared.name})

    async def _show(self, declared: Declared, status: JobStatus) -> None:
        uid = declared.uid
        if self._shown.get(uid) == (declared.path, status):
            # From now on the picture's own object: two equal ones would be kept.
            self._shown[uid] = (declared.path, status)
            return
        try:
            await self._source.publish(declared, status)
        except TrainmasterError as error:
            log.info("a status can't be shown yet", extra={"job": declared.name, "error": str(error)})
            self._waiting.setdefault(uid, (declared, status))
            await asyncio.sleep(RETRY)
        else:
            self._shown[uid] = (declared.path, status)
            await asyncio.sleep(PACE)
