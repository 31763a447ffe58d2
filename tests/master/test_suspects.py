"""A node that failed several jobs is asked for nothing by any, is told to people, and is trusted again after a while."""

from __future__ import annotations

import asyncio

from master.controllers import controller
from master.folder import Folder
from master.office import job
from master.virtual import until, virtual
from trainmaster.errors import InvalidError
from trainmaster.hadoop.values import Resource
from trainmaster.master import clock
from trainmaster.master.node_health import HealthWatch
from trainmaster.master.suspects import FoundSuspects
from trainmaster.master.tasks import cancelled
from trainmaster.plan.avoidance import FIRST
from trainmaster.plan.health import KEPT, Answer, Told
from trainmaster.plan.suspects import SPENT
from yarn.nodemanager import NodeManager
from yarn.wires import Yarn

BROKEN = "Exit code: 1\nLast 4096 bytes of stderr :\nRuntimeError: CUDA error: uncorrectable ECC error\n"
HOSTS = ("n1", "n2", "n3", "n4")


def four_nodes() -> Yarn:
    return Yarn(*(NodeManager(host, Resource(8192, 8), port=45454) for host in HOSTS))


def hosts(yarn: Yarn) -> list[str]:
    return sorted(nm.host for nm, _ in yarn.processes())


def gpu_fails(yarn: Yarn, host: str) -> None:
    for nm, process in list(yarn.processes()):
        if nm.host == host:
            process.ends(1, BROKEN)


@virtual
async def test_two_jobs_that_failed_on_a_node_keep_a_third_away_from_it() -> None:
    folder, yarn = Folder(), four_nodes()
    async with controller(folder, yarn, looks=True) as ours:
        wanted = job(worker=8)
        folder.put("a", wanted)
        folder.put("b", wanted)
        await until(lambda: len(yarn.running()) == 16 and set(hosts(yarn)) == set(HOSTS), 120)
        await asyncio.sleep(5)
        gpu_fails(yarn, "n1")
        await until(lambda: len(yarn.running()) == 16 and "n1" not in hosts(yarn), 60)
        await until(lambda: any(each.avoided for each in ours.picture().suspects), 10)
        [suspect] = ours.picture().suspects
        assert (suspect.host, suspect.jobs, suspect.avoided) == ("n1", 2, True)
        assert {w.cause for w in suspect.witnesses} == {"GpuFault"}

        folder.put("c", job(worker=6))
        await until(lambda: len(yarn.running()) == 22, 60)
        assert "n1" not in hosts(yarn)

        await asyncio.sleep(2 * FIRST)
        assert ours.picture().suspects == ()
        folder.put("d", job(worker=6))
        await until(lambda: len(yarn.running()) == 28, 60)
        assert "n1" in hosts(yarn)


@virtual
async def test_where_the_budget_of_the_hour_is_spent_a_node_is_only_named() -> None:
    folder, yarn = Folder(), four_nodes()
    async with controller(folder, yarn, looks=True, nodes={"exclusions_per_hour": 0}) as ours:
        for name in "ab":
            folder.put(name, job(worker=8))
        await until(lambda: len(yarn.running()) == 16 and set(hosts(yarn)) == set(HOSTS), 120)
        await asyncio.sleep(5)
        gpu_fails(yarn, "n1")
        await until(lambda: ours.picture().nodes_held_back == 1, 60)
        assert [(each.host, each.why_not) for each in ours.picture().suspects] == [("n1", SPENT)]
        await until(lambda: len(yarn.running()) == 16, 60)
        folder.put("c", job(worker=8))
        await until(lambda: len(yarn.running()) == 24, 60)
        assert "n1" in hosts(yarn)


def test_what_is_left_alone_when_a_controller_takes_over_is_so_at_its_first_look() -> None:
    found, bad = FoundSuspects(budget=0), {"n1": "Xid 79"}
    found.told = {"dcgm": Told().answered(bad, 1.0).answered(bad, 2.0)}
    assert found.look((), HOSTS, 3.0)
    assert found.hosts == {"n1"}
    found.told = {"dcgm": found.told["dcgm"].answered({"n2": "Xid 79"}, 4.0).answered({"n2": ""}, 5.0)}
    found.look((), HOSTS, 6.0)
    found.look((), HOSTS, 60.0)
    assert (found.hosts, found.held_back) == (frozenset(), 1)
    found.takes_over()
    found.look((), HOSTS, 70.0)
    assert found.hosts == {"n2"}


class Exporter:
    """Somebody who calls nodes bad; what it says last goes on."""

    name = "dcgm"

    def __init__(self, says: Answer | Exception) -> None:
        self.says = says

    async def ask(self) -> Answer:
        if isinstance(self.says, Exception):
            raise self.says
        return self.says

    async def close(self) -> None:
        return


@virtual
async def test_what_is_called_bad_from_outside_is_asked_for_nothing_until_it_is_well_or_garbage_comes() -> (
    None
):
    folder, yarn, exporter = Folder(), four_nodes(), Exporter({"n1": "Xid 79"})
    async with controller(folder, yarn, looks=True) as ours:
        watch = asyncio.create_task(HealthWatch(30.0, [exporter]).run(ours.found.suspects, ours.beats))
        await until(lambda: [each.avoided for each in ours.picture().called_bad] == [True], 60)
        folder.put("a", job(worker=6))
        await until(lambda: len(yarn.running()) == 6, 60)
        assert "n1" not in hosts(yarn)

        for says in ({}, InvalidError("it isn't written in JSON")):
            exporter.says = {"n1": "Xid 79"}
            await until(lambda: [each.avoided for each in ours.picture().called_bad] == [True], 120)
            exporter.says = says
            await until(lambda: not ours.picture().called_bad, 60)
        assert ours.picture().node_sources["dcgm"].trouble == "it isn't written in JSON"

        exporter.says = {"n1": "Xid 79"}
        await until(lambda: [each.avoided for each in ours.picture().called_bad] == [True], 120)
        exporter.says = ArithmeticError("nobody foresaw this")
        await until(lambda: bool(ours.picture().node_sources["dcgm"].trouble), 60)
        assert [each.host for each in ours.picture().called_bad] == ["n1"], (
            "the last answer counts for a while"
        )
        await until(lambda: not ours.picture().called_bad, KEPT + 60)
        folder.put("b", job(worker=8))
        await until(lambda: len(yarn.running()) == 14, 60)
        assert "n1" in hosts(yarn)
        await cancelled([watch])


@virtual
async def test_a_node_that_somebody_cleared_is_trusted_again_at_once() -> None:
    folder, yarn = Folder(), four_nodes()
    async with controller(folder, yarn, looks=True) as ours:
        for name in "ab":
            folder.put(name, job(worker=8))
        await until(lambda: len(yarn.running()) == 16 and set(hosts(yarn)) == set(HOSTS), 120)
        await asyncio.sleep(5)
        gpu_fails(yarn, "n1")
        await until(lambda: len(yarn.running()) == 16 and "n1" not in hosts(yarn), 60)
        await until(lambda: ours.picture().suspects, 5)

        folder.well_again["n1"] = clock.now()
        await until(lambda: not ours.picture().suspects, 10)
        folder.put("c", job(worker=8))
        await until(lambda: len(yarn.running()) == 24, 60)
        assert "n1" in hosts(yarn)
