"""What is known of the cluster as a whole, looked at on its own beat and shared by all jobs. A failed look changes nothing."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from trainmaster.errors import TrainmasterError
from trainmaster.hadoop.resourcemanager import ResourceManager
from trainmaster.hadoop.rest import Rest
from trainmaster.hadoop.values import NodeReport, QueueState, Resource
from trainmaster.master import clock
from trainmaster.plan.values import Cluster, Node, Size

log = logging.getLogger(__name__)


class ClusterView:
    """The last good look at nodes and queues."""

    def __init__(self, rm: ResourceManager, rest: Rest) -> None:
        self._rm, self._rest = rm, rest
        self._largest: Size | None = None
        self._nodes: tuple[Node, ...] = ()
        self._queues: Mapping[str, Cluster] = {}
        self.racks: Mapping[str, str] = {}
        self.seen_at = 0.0
        """monotonic time of the last good look; 0 before the first"""
        self.up = False
        self._first = True
        self.version = 0
        """rises when a look differed from the one before"""

    @property
    def free(self) -> Size:
        return sum((n.free for n in self._nodes), Size())

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
            self.up = True
            self.seen_at = clock.monotonic()

    async def _look(self) -> None:
        if self._largest is None:
            self._largest = _size((await self._rm.new_application()).largest)
        reports = [r for r in await self._rm.cluster_nodes() if r.state.usable]
        nodes = tuple(_node(r) for r in reports)
        queues = await self._look_at_queues(nodes)
        if (nodes, queues) != (self._nodes, self._queues):
            self._nodes, self._queues = nodes, queues
            self.version += 1
        self.racks = {r.host: r.rack for r in reports}

    async def _look_at_queues(self, nodes: tuple[Node, ...]) -> dict[str, Cluster]:
        assert self._largest is not None
        found: dict[str, Cluster] = {}
        for queue in await self._rest.queues():
            maximum = _size(queue.maximum) if queue.maximum else None
            # What getNewApplication tells is capped by the nodes of today; a queue tells what is configured.
            largest = _size(queue.largest) if queue.largest else self._largest
            running = queue.state is QueueState.RUNNING
            cluster = Cluster(largest, True, running, maximum, nodes=nodes)
            found[queue.path] = cluster
            found.setdefault(queue.name, cluster)
        return found

    def of_queue(self, queue: str) -> Cluster | None:
        """The cluster as a job in this queue sees it; None before the first look."""
        if self._largest is None or not self.seen_at:
            return None
        known = self._queues.get(queue)
        return known or Cluster(self._largest, queue_found=not self._queues, nodes=self._nodes)


def _size(resource: Resource) -> Size:
    return Size(resource.memory, resource.vcores, resource.gpus)


def _node(report: NodeReport) -> Node:
    total = _size(report.total)
    return Node(report.host, report.rack, total - _size(report.used), total)
