"""Whole controllers on a simulated YARN with queues: whose turn comes when, what is said, and who is woken."""

from __future__ import annotations

import asyncio
from unittest.mock import patch

from master.controllers import controller
from master.folder import Folder
from master.office import job
from master.virtual import until, virtual
from trainmaster.api import reasons
from trainmaster.api.job import TrainingJob
from trainmaster.api.status import ConditionType
from trainmaster.hadoop.values import Resource
from trainmaster.master.job import JobMaster
from yarn.nodemanager import NodeManager
from yarn.queues import Queue
from yarn.wires import Yarn

GIB = 1024


def cluster(gigabytes: int = 16, **queues: int) -> Yarn:
    """Two nodes with so much each, and queues below the root that may use so much."""
    size = Resource(gigabytes * GIB, 64)
    known = [Queue(f"root.{name}", Resource(most * GIB, 64)) for name, most in queues.items()]
    return Yarn(NodeManager("n1", size), NodeManager("n2", size), queues=known)


def gang(queue: str, workers: int, gigabytes: int = 1, timeout: str = "5m") -> TrainingJob:
    return job(
        worker=workers,
        roles={"worker": {"resources": {"memory": f"{gigabytes}Gi"}}},
        gang={"timeout": timeout},
        spec={"queue": f"root.{queue}"},
    )


def runs(folder: Folder, name: str) -> bool:
    return name in folder.shown and folder.shown[name].is_true(ConditionType.RUNNING)


def running_words(folder: Folder, uid: str) -> str:
    """What is said of the processes that run, or should."""
    said = folder.shown[uid].condition(ConditionType.RUNNING) if uid in folder.shown else None
    return said.message if said else ""


def queued(folder: Folder, name: str) -> tuple[str, str]:
    said = folder.shown[name].condition(ConditionType.QUEUED) if name in folder.shown else None
    return (said.reason, said.message) if said else ("", "")


@virtual
async def test_a_job_whose_queue_is_free_gets_its_turn_at_once_though_four_wait_for_a_full_one() -> None:
    folder, yarn = Folder(), cluster(full=4, idle=16)
    async with controller(folder, yarn, looks=True):
        folder.put("holder", gang("full", 4))
        await until(lambda: runs(folder, "holder"))
        for i in range(4):
            folder.put(f"stuck-{i}", gang("full", 3))
            await asyncio.sleep(1)
        await until(lambda: queued(folder, "stuck-3")[0] == reasons.WAITING_FOR_TURN)
        folder.put("ours", gang("idle", 8))
        await until(lambda: runs(folder, "ours"), 5)
        has = "queue 'root.full' (4096 MiB, 64 vcores in all)"
        assert f"{has} has no room for all of it yet" in queued(folder, "stuck-0")[1]
        await until(lambda: "3 jobs are before it" in queued(folder, "stuck-3")[1])
        assert queued(folder, "stuck-3")[1].startswith(f"it wants 3072 MiB, 3 vcores of {has}")


@virtual
async def test_jobs_that_a_queue_does_not_let_in_hold_up_nobody_elses() -> None:
    """Its share of masters is used up: they register and heartbeat, and are never granted anything."""
    folder, yarn = Folder(), cluster(8, narrow=16, idle=16)
    yarn.rm.scheduler.queues["root.narrow"].masters = 1
    async with controller(folder, yarn, looks=True):
        folder.put("holder", gang("narrow", 1))
        await until(lambda: runs(folder, "holder"))
        for i in range(4):
            folder.put(f"stuck-{i}", gang("narrow", 3, timeout="1h"))
        await until(lambda: "lets 4 applications wait" in queued(folder, "stuck-3")[1], 20)
        folder.put("ours", gang("idle", 15))
        await until(lambda: runs(folder, "ours"), 5)


@virtual
async def test_a_container_that_no_node_can_hold_is_told_and_stands_in_nobodys_way() -> None:
    folder, yarn = Folder(), cluster(8, a=16)
    async with controller(folder, yarn, looks=True):
        folder.put("vast", gang("a", 1, gigabytes=12))
        await until(lambda: queued(folder, "vast")[0] == reasons.NO_ROOM)
        assert queued(folder, "vast")[1] == (
            "role worker wants 12288 MiB, 1 vcores in one container,"
            " and the largest of today's nodes has 8192 MiB, 64 vcores"
        )
        folder.put("ours", gang("a", 15))
        await until(lambda: runs(folder, "ours"), 5)


@virtual
async def test_what_waits_for_a_larger_node_runs_once_there_is_one() -> None:
    sizes = {"n1": Resource(8 * GIB, 64), "n2": Resource(8 * GIB, 64, 4)}
    large = NodeManager("n2", sizes["n2"], up=False)
    yarn = Yarn(NodeManager("n1", sizes["n1"]), large, queues=[Queue("root.a", Resource(64 * GIB, 128, 8))])
    gpus = job(worker=1, roles={"worker": {"resources": {"gpus": 4}}}, spec={"queue": "root.a"})
    folder = Folder()
    async with controller(folder, yarn, looks=True):
        folder.put("gpus", gpus)
        await until(lambda: queued(folder, "gpus")[0] == reasons.NO_ROOM)
        assert "role worker wants" in queued(folder, "gpus")[1]
        assert "4 GPU" in queued(folder, "gpus")[1]
        assert "no GPU" in queued(folder, "gpus")[1]
        await asyncio.sleep(600)
        yarn.mend("n2")
        await until(lambda: runs(folder, "gpus"), 30)


@virtual
async def test_a_replacement_that_was_refused_while_the_only_large_node_was_away_comes_when_it_is_back() -> (
    None
):
    """Single, beside others that run: what YARN refuses today it may grant tomorrow."""
    large = NodeManager("n2", Resource(8 * GIB, 64))
    yarn = Yarn(
        NodeManager("n1", Resource(2 * GIB, 64)), large, queues=[Queue("root.a", Resource(64 * GIB, 128))]
    )
    roles = {"ps": {"resources": {"memory": "1Gi"}}, "worker": {"resources": {"memory": "6Gi"}}}
    folder = Folder()
    async with controller(folder, yarn, looks=True):
        folder.put("mixed", job("Generic", ps=1, worker=1, roles=roles, spec={"queue": "root.a"}))
        await until(lambda: len(yarn.running()) == 2, 60)
        large.up = False
        await until(lambda: "wants" in running_words(folder, "mixed"), 1800)
        await asyncio.sleep(600)
        assert running_words(folder, "mixed").startswith("1 of 2 processes run")
        yarn.restart_node("n2")
        await until(lambda: running_words(folder, "mixed") == "2 of 2 processes run", 120)
        assert len(yarn.running()) == 2, "what came back with the node is stopped"


@virtual
async def test_every_gang_gets_its_turn_though_those_before_it_can_never_be_complete() -> None:
    """Another tenant, of whom we know nothing but what it uses, holds the better part for ever."""
    folder, yarn = Folder(), cluster(8, a=16)
    async with controller(folder, yarn, looks=True):
        folder.put("tenant", gang("a", 9))
        await until(lambda: runs(folder, "tenant"))
        for i in range(4):
            folder.put(f"stuck-{i}", gang("a", 9))
            await asyncio.sleep(1)
        folder.put("ours", gang("a", 5))
        await until(lambda: runs(folder, "ours"), 4 * 300 + 60)
        assert not any(runs(folder, f"stuck-{i}") for i in range(4))


@virtual
async def test_those_that_wait_are_woken_by_what_concerns_them_alone() -> None:
    folder, yarn = Folder(), cluster(full=4, idle=28)
    woken: list[str] = []
    nudge = JobMaster.nudge
    with patch.object(JobMaster, "nudge", lambda m: (woken.append(m.memory.name), nudge(m))[1]):
        async with controller(folder, yarn, looks=True):
            folder.put("holder", gang("full", 4))
            await until(lambda: runs(folder, "holder"))
            for i in range(40):
                folder.put(f"stuck-{i:02}", gang("full", 3))
            await until(lambda: all(queued(folder, f"stuck-{i:02}")[0] for i in range(40)))
            await asyncio.sleep(10)
            woken.clear()
            for i in range(10):
                folder.put(f"ours-{i}", gang("idle", 1))
                await until(lambda i=i: runs(folder, f"ours-{i}"))  # type: ignore[misc]
                await asyncio.sleep(5)
            assert not [name for name in woken if name.startswith("stuck")], (
                "ten looks, and what is free was another each time"
            )
