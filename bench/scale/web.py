"""The stand-in's web server: the little of the ResourceManager's REST that is asked for, and a door for the bench's orders."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from bench.scale import rpc
from bench.scale.cluster import Cluster
from bench.scale.values import Size, Step

QUEUE = "default"


class Web:
    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def application(self) -> web.Application:
        made = web.Application()
        made.router.add_get("/ws/v1/cluster/scheduler", self._scheduler)
        made.router.add_get("/stand-in/counts", self._counts)
        made.router.add_post("/stand-in/lose/{job}", self._lose)
        made.router.add_post("/stand-in/succeed/{group}", self._succeed)
        return made

    async def _scheduler(self, _request: web.Request) -> web.Response:
        """CapacitySchedulerInfo, as far as it says something: one queue that may use everything."""
        total, free = self._sum("total"), self._sum("free")
        used = Size(total.memory - free.memory, total.vcores - free.vcores)
        queue = {
            "type": "capacitySchedulerLeafQueueInfo",
            "queueName": QUEUE,
            "queuePath": f"root.{QUEUE}",
            "state": "RUNNING",
            "minEffectiveCapacity": _resource(total),
            "maxEffectiveCapacity": _resource(total),
            "maximumAllocation": _resource(self._cluster.size),
            "resourcesUsed": _resource(used),
        }
        info = {"type": "capacityScheduler", "queueName": "root", "queues": {"queue": [queue]}}
        return web.json_response({"scheduler": {"schedulerInfo": info}})

    def _sum(self, what: str) -> Size:
        sizes: list[Size] = [getattr(node, what) for node in self._cluster.nodes.values()]
        return Size(sum(s.memory for s in sizes), sum(s.vcores for s in sizes))

    async def _counts(self, _request: web.Request) -> web.Response:
        """What goes on: calls so far, by method, and what lives."""
        live = [a for a in self._cluster.applications.values() if not a.over]
        started = sum(1 for a in live for c in a.containers.values() if c.step is Step.STARTED)
        made = sum(a.made for a in self._cluster.applications.values())
        return web.json_response({**rpc.calls, "applications": len(live), "started": started, "made": made})

    async def _lose(self, request: web.Request) -> web.Response:
        name = request.match_info["job"]
        named = [a for a in self._cluster.applications.values() if a.name == name and not a.over]
        return web.json_response({"lost": sum(map(self._cluster.lose, named))})

    async def _succeed(self, request: web.Request) -> web.Response:
        return web.json_response({"ended": self._cluster.succeed(request.match_info["group"])})


def _resource(size: Size) -> dict[str, Any]:
    return {"memory": size.memory, "vCores": size.vcores}
