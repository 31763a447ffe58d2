"""What is known of the cluster as a whole, looked at on its own beat and shared by all jobs. A failed look changes nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from functools import cache

from trainmaster.errors import TrainmasterError
from trainmaster.hadoop.resourcemanager import ResourceManager
from trainmaster.hadoop.rest import Rest
from trainmaster.master import clock
from trainmaster.master.cluster_picture import ClusterPicture, picture_of, size
from trainmaster.master.gpus import ClusterGpus
from trainmaster.plan.bounds import Bounds
from trainmaster.plan.values import Cluster, Nodes, Size

log = logging.getLogger(__name__)


class ClusterView:
    """The last good look at nodes and queues."""

    def __init__(self, rm: ResourceManager, rest: Rest) -> None:
        self._rm, self._rest = rm, rest
        self._largest: Size | None = None
        self._picture = ClusterPicture()
        self.seen_at = 0.0
        """monotonic time of the last good look"""
        self._seen = False
        self.up = False
        self._first = True
        self.growth = 0
        """rises when something may be had that the look before didn't have: a node, or a larger one"""
        self._told = self._picture
        self.vcores = True
        """whether the scheduler heeds vcores; a register's answer tells"""

    @property
    def bounds(self) -> Bounds:
        return self._picture.bounds

    @property
    def racks(self) -> Mapping[str, str]:
        return self._picture.racks

    @property
    def nodes(self) -> Nodes:
        """Those that may be used, as they were at the last look."""
        return self._picture.nodes

    @property
    def gpus(self) -> ClusterGpus:
        return self._picture.gpus

    async def close(self) -> None:
        await self._rm.close()

    async def look(self) -> None:
        """Look once; what could not be asked stays as it was, and `up` says so."""
        try:
            await self._look()
        except TrainmasterError as error:
            if self.up or self._first:
                log.warning("YARN can't be asked", extra={"error": str(error)})
            self.up = self._first = False
        else:
            self.up = self._seen = True
            self.seen_at = clock.monotonic()

    async def _look(self) -> None:
        if self._largest is None:
            self._largest = size((await self._rm.new_application()).largest)
        reports = await self._rm.cluster_nodes()
        queues = await self._rest.queues()
        # In a thread: thousands of nodes take longer than a heartbeat may wait.
        before = self._picture
        about = (reports, queues, self._largest, before, self.vcores)
        self._picture = await asyncio.to_thread(picture_of, *about)
        self.growth += self._picture.grew_since(before)

    def of_queue(self, queue: str) -> Cluster | None:
        """The cluster as a job in this queue sees it; None before the first look."""
        return self._picture.of_queue(queue) if self._seen else None

    def changed_terms(self) -> Callable[[str], bool] | None:
        """Of which queues the terms have changed since this was asked, beside what is free; None where nothing has."""
        before, now, self._told = self._told, self._picture, self._picture
        if before is now:
            return None
        return cache(lambda queue: before.of_queue(queue).terms != now.of_queue(queue).terms)
