"""What comes back long after it was given up is stopped; what never comes back is asked about no longer. In virtual time."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import pairwise

from master.office import Office, container, job
from master.virtual import virtual
from trainmaster.api.job import TrainingJob
from trainmaster.hadoop.values import Resource
from yarn.nodemanager import NodeManager
from yarn.wires import LARGE, Yarn

HOURS = 4 * 3600
EXPIRY = 600


def two() -> Yarn:
    return Yarn(NodeManager("n1", LARGE), NodeManager("n2", LARGE))


@virtual
async def test_what_a_node_brings_back_is_stopped_though_its_replacement_has_ended_since() -> None:
    async with Office(two()) as office:
        master = office.drive(job(worker=1))
        await office.running(1)
        node = master.memory.replicas[0].host
        office.yarn.cut(node)
        office.yarn.restart()
        await asyncio.sleep(2 * EXPIRY)
        office.yarn.exits(container(master), 1)
        await asyncio.sleep(30)
        office.yarn.mend(node)
        await asyncio.sleep(60)
        assert office.yarn.running() == [container(master)]


def alone(count: int) -> TrainingJob:
    return job(worker=count, roles={"worker": {"restartScope": "Replica"}})


@virtual
async def test_what_was_scaled_away_while_its_node_was_away_is_stopped_when_that_is_back() -> None:
    nodes = (NodeManager(host, Resource(2048, 64)) for host in ("n1", "n2", "n3"))
    async with Office(Yarn(*nodes)) as office:
        master = office.drive(alone(4))
        await office.running(4)
        far = next(r.host for r in master.memory.replicas if r.host != master.memory.replicas[0].host)
        office.yarn.cut(far, us=False)
        office.yarn.restart()
        await asyncio.sleep(0.3)
        master.declare(replace(master.declared, job=alone(1), generation=2))
        await asyncio.sleep(30)
        office.yarn.mend(far)
        await asyncio.sleep(120)
        assert office.yarn.running() == [container(master)]
        assert master.memory.retired_survivors == ()


@virtual
async def test_what_was_given_up_is_asked_about_no_longer_and_the_status_is_calm() -> None:
    async with Office(two()) as office:
        master = office.drive(alone(2))
        await office.running(2)
        office.yarn.cut(master.memory.replicas[0].host)
        for replica in master.memory.replicas:
            office.yarn.preempt(replica.container)
        await asyncio.sleep(5)
    async with Office(office.yarn, office.store) as successor:
        master = successor.drive(alone(2), memory=office.store.memory())
        await asyncio.sleep(HOURS)
        calls, writes = successor.yarn.calls.copy(), successor.store.writes
        shown = successor.shown["uid"]
        await asyncio.sleep(600)
        assert {m for m, n in successor.yarn.calls.items() if n != calls[m]} == {"allocate"}
        assert (successor.store.writes, successor.shown["uid"]) == (writes, shown)
        assert not master.contact.sight.missing


@virtual
async def test_a_register_is_no_reason_to_call_what_runs_not_running() -> None:
    async with Office(two()) as office:
        said = set[str]()
        office.desk.publish = lambda _declared, status, _events: said.add(status.state)
        master = office.drive(alone(2))
        await office.running(2)
        said.clear()
        office.yarn.restart()
        await asyncio.sleep(60)
        master.nudge()
        await asyncio.sleep(5)
        assert said == {"Running"}


@virtual
async def test_a_finished_job_asks_no_node_any_more() -> None:
    one_each = (NodeManager(host, Resource(1500, 8)) for host in ("n1", "n2"))
    async with Office(Yarn(*one_each)) as office:
        master = office.drive(job(worker=2, success="AnyWorker"))
        await office.running(2)
        office.yarn.cut(master.memory.replicas[0].host)
        office.yarn.exits(container(master, 1), 0)
        await office.until(lambda: master.memory.finished)
        await asyncio.sleep(2 * EXPIRY)
        calls, writes = office.yarn.calls.copy(), office.store.writes
        await asyncio.sleep(HOURS)
        assert (office.yarn.calls, office.store.writes) == (calls, writes)


@virtual
async def test_while_the_resourcemanager_is_away_a_status_says_one_thing() -> None:
    async with Office(two()) as office:
        said: list[str] = []
        office.yarn.away.add("rm")
        office.desk.publish = lambda _declared, status, _events: said.append(
            "; ".join(f"{c.type}={c.status} {c.reason} {c.message}" for c in status.conditions)
        )
        office.drive(job(worker=1))
        await asyncio.sleep(60)
        assert sum(before != after for before, after in pairwise(said)) <= 2
        assert "ResourceManager can't be asked" in said[-1]
        assert len(said) < 60
