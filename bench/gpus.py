"""GPUs of many nodes: one round of questions to 200 NodeManagers, and a scrape of what they tell.

The NodeManagers are one program beside us, with an address for each, that gives a real answer about eight GPUs. Our side of it is
measured: a real NodeManager takes as long as its nvidia-smi.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from typing import Any

from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest

from bench import process
from bench.figures import REFERENCE, Sample
from trainmaster.hadoop.asking import Asking
from trainmaster.master.gpus import ClusterGpus
from trainmaster.master.picture import FleetPicture
from trainmaster.observe.gpus.bill import Bill
from trainmaster.observe.gpus.exposition import GpuCollector
from trainmaster.observe.gpus.watch import GpuWatch
from trainmaster.plan.values import HeldGpus
from trainmaster.settings import Gpu

NODES, GPUS = 200, 8
INTERVAL = 15.0
"""seconds between two rounds, for the share of a core"""
ROUNDS = 5


class _Nobody:
    """There are no jobs."""

    def show_gpus(self, uid: str, found: Mapping[str, HeldGpus]) -> None:
        """Not called."""

    def keep_gpus(self, uids: Mapping[str, object]) -> None:
        """Of none."""


def measure() -> Iterator[Sample]:
    command = [sys.executable, "-m", "bench.gpus"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as served:
        try:
            assert served.stdout
            port = int(served.stdout.readline())
            for figure, unit, value in asyncio.run(_measure(port)):
                yield Sample(figure, REFERENCE, unit, value, process.load())
        finally:
            served.terminate()


async def _measure(port: int) -> list[tuple[str, str, float]]:
    nodes = {f"127.0.{1 + n // 250}.{1 + n % 250}:{port}": f"node{n}" for n in range(NODES)}
    fleet = FleetPicture({}, True, True, True, 1.0, 600.0, gpus=ClusterGpus({}, nodes))
    asking, found = Asking(), []
    for _ in range(ROUNDS):
        registry = CollectorRegistry()
        watch = GpuWatch(Gpu(nodes="All"), "http", asking, lambda: fleet, Bill(registry))
        registry.register(GpuCollector(lambda: fleet, watch.picture))
        found += await _round(watch)
        found += _scraped(registry)
    await asking.close()
    return found


async def _round(watch: GpuWatch) -> list[tuple[str, str, float]]:
    started, used = time.perf_counter(), time.process_time()
    watch.turn(_Nobody())
    while watch.asks:
        await asyncio.sleep(0.005)
    watch.turn(_Nobody())
    seconds, cpu = time.perf_counter() - started, time.process_time() - used
    assert sum(1 for _ in watch.picture().devices()) == NODES * GPUS
    return [
        (f"GPUs of {NODES} nodes, one round", "s", seconds),
        (f"GPUs of {NODES} nodes, CPU at {INTERVAL:g} s intervals", "% of a core", 100 * cpu / INTERVAL),
    ]


def _scraped(registry: CollectorRegistry) -> list[tuple[str, str, float]]:
    """CPU time: of what the loop does of it, and of all, most of which a thread does (web/server.py)."""
    started = time.process_time()
    assert list(registry.collect())
    collected = time.process_time()
    assert generate_latest(registry)
    return [
        (f"scrape of {NODES * GPUS} GPUs, CPU on the loop", "ms", 1000 * (collected - started)),
        (f"scrape of {NODES * GPUS} GPUs, CPU in all", "ms", 1000 * (time.process_time() - collected)),
    ]


def answer() -> str:
    """As NodeManager 3.4.2 writes it, with four GPUs assigned."""
    told: list[dict[str, Any]] = [
        {
            "productName": "NVIDIA A100-SXM4-80GB",
            "uuid": f"GPU-00000000-0000-0000-0000-{minor:012d}",
            "minorNumber": minor,
            "gpuUtilizations": {"overallGpuUtilization": 87.0},
            "gpuMemoryUsage": {"usedMemoryMiB": 1024, "availMemoryMiB": 80896, "totalMemoryMiB": 81920},
            "temperature": {"currentGpuTemp": 61.0, "maxGpuTemp": 92.0, "slowThresholdGpuTemp": 89.0},
        }
        for minor in range(GPUS)
    ]
    total = [{"index": minor, "minorNumber": minor} for minor in range(GPUS)]
    owned = [
        {**each, "containerId": f"container_1_0001_01_{n + 2:06d}"}
        for n, each in enumerate(total[: GPUS // 2])
    ]
    information = {"gpus": told, "driverVersion": "535.104.05"}
    return json.dumps(
        {"gpuDeviceInformation": information, "totalGpuDevices": total, "assignedGpuDevices": owned}
    )


async def _serve() -> None:
    """All the nodes; says its port."""
    said = answer()

    async def reply(_: web.Request) -> web.Response:
        return web.json_response(text=said)

    application = web.Application()
    application.add_routes([web.get("/{path:.*}", reply)])
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "0.0.0.0", 0).start()  # all of 127/8; for the length of the bench
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve())
