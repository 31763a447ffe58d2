"""Whole controllers on a simulated YARN whose nodes go and come back: elastic jobs train on with fewer, and grow again."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from master.controllers import controller
from master.folder import Folder
from master.office import job
from master.virtual import until, virtual
from trainmaster.api.job import TrainingJob
from trainmaster.api.status import RoleStatus
from trainmaster.hadoop.values import Resource
from yarn.nodemanager import NodeManager
from yarn.queues import Queue
from yarn.wires import Yarn

GIB = 1024


def elastic(replicas: int = 4, **more: Any) -> TrainingJob:
    worker = {
        "resources": {"memory": "1Gi"},
        "elastic": {"min": 1, "patience": "30s", "growAfter": "2m"},
        **more,
    }
    return job("PyTorch", worker=replicas, roles={"worker": worker}, spec={"queue": "root.a"})


def nodes() -> Yarn:
    """Two, with room for two containers on each."""
    size = Resource(2 * GIB, 64)
    return Yarn(
        NodeManager("n1", size), NodeManager("n2", size), queues=[Queue("root.a", Resource(8 * GIB, 64))]
    )


def workers(folder: Folder, name: str = "job") -> RoleStatus:
    return folder.shown[name].roles["worker"] if name in folder.shown else RoleStatus(wanted=0)


async def run(folder: Folder, count: int, name: str = "job", within: float = 60) -> None:
    await until(
        lambda: (workers(folder, name).wanted, workers(folder, name).running) == (count, count), within
    )


def counted(registry: CollectorRegistry) -> Mapping[str, float]:
    return {
        direction: registry.get_sample_value("trainmaster_resizes_total", {"direction": direction}) or 0.0
        for direction in ("shrink", "grow")
    }


def worlds(yarn: Yarn) -> set[str]:
    return {process.launch.environment["WORLD_SIZE"] for _, process in yarn.running()}


@pytest.mark.parametrize("in_place", [True, False])
def test_it_trains_on_with_fewer_where_a_node_goes_and_grows_where_it_is_back(in_place: bool) -> None:
    virtual(lambda: goes_and_comes(in_place))()


async def goes_and_comes(in_place: bool) -> None:
    folder, yarn, registry = Folder(), nodes(), CollectorRegistry()
    async with controller(folder, yarn, registry, looks=True, restart_in_place=in_place):
        folder.put("job", elastic())
        await run(folder, 4)
        yarn.cut("n2", True, True)
        await run(folder, 2, within=1500)
        assert "all of today's nodes have 2048 MiB" in workers(folder).resized
        assert counted(registry) == {"shrink": 1, "grow": 0}
        yarn.mend("n2")
        await run(folder, 4, within=600)
        assert workers(folder).resized == ""
        assert counted(registry) == {"shrink": 1, "grow": 1}
        assert folder.shown["job"].restarts == 0
        told = [words for words in folder.told["job"] if words.startswith("Going on with")]
        assert [words[:22] for words in told] == ["Going on with 2 of 4 w", "Going on with 4 of 4 w"]


@virtual
async def test_another_controller_goes_on_with_the_number_and_grows_it() -> None:
    folder, yarn = Folder(), nodes()
    async with controller(folder, yarn, looks=True):
        folder.put("job", elastic())
        await run(folder, 4)
        yarn.cut("n2", True, True)
        await run(folder, 2, within=1500)
    folder.lease.ours = True
    async with controller(folder, yarn, looks=True):
        await asyncio.sleep(60)
        assert (workers(folder).wanted, len(workers(folder).replicas)) == (2, 2)
        yarn.mend("n2")
        await run(folder, 4, within=600)


@virtual
async def test_on_a_full_cluster_it_starts_with_what_is_there_and_grows_once_others_are_gone() -> None:
    folder, yarn = Folder(), nodes()
    async with controller(folder, yarn, looks=True):
        folder.put(
            "other",
            job(worker=3, roles={"worker": {"resources": {"memory": "1Gi"}}}, spec={"queue": "root.a"}),
        )
        await run(folder, 3, "other")
        folder.put("job", elastic())
        await run(folder, 1, within=120)
        assert "1 of 4 containers were granted in 30 s" in workers(folder).resized
        folder.jobs["other"] = replace(folder.jobs["other"], deleted=True)
        await run(folder, 4, within=600)


@virtual
async def test_more_replicas_come_beside_those_that_train() -> None:
    folder, yarn = Folder(), nodes()
    async with controller(folder, yarn, looks=True):
        folder.put("job", elastic(2))
        await run(folder, 2)
        folder.put("job", elastic(3))
        await run(folder, 3, within=120)
        folder.put("job", elastic(1))
        await run(folder, 1, within=120)


def containers(yarn: Yarn, host: str) -> set[str]:
    return {process.of.id for node, process in yarn.processes() if node.host == host}


@virtual
async def test_who_is_scaled_while_it_is_shrunk_trains_on_and_grows_to_the_newest_number() -> None:
    """As an autoscaler does, which knows nothing of nodes that are gone."""
    folder, yarn, registry = Folder(), nodes(), CollectorRegistry()
    async with controller(folder, yarn, registry, looks=True):
        folder.put("job", elastic(4))
        await run(folder, 4)
        yarn.cut("n2", True, True)
        await run(folder, 2, within=1500)
        train = containers(yarn, "n1")
        for replicas in (6, 3):
            folder.put("job", elastic(replicas))
            await asyncio.sleep(60)
            assert (workers(folder).wanted, workers(folder).running) == (2, 2)
            assert f"2 of {replicas}" in workers(folder).resized
            assert containers(yarn, "n1") == train
        yarn.mend("n2")
        await run(folder, 3, within=600)
        await asyncio.sleep(300)
        assert (workers(folder).wanted, len(workers(folder).replicas)) == (3, 3)
        assert counted(registry) == {"shrink": 1, "grow": 1}


@virtual
async def test_who_is_scaled_below_what_is_left_of_it_has_fewer_at_once() -> None:
    folder, yarn = Folder(), nodes()
    async with controller(folder, yarn, looks=True):
        folder.put("job", elastic(4))
        await run(folder, 4)
        yarn.cut("n2", True, True)
        await run(folder, 2, within=1500)
        folder.put("job", elastic(1))
        await run(folder, 1, within=60)
        assert workers(folder).resized == ""
