"""What never ran is nobody's fault: bound and never sent, or lost by a NodeManager that was restarted without recovery."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from master.office import Office, job
from master.virtual import virtual
from trainmaster.hadoop.containers import NmStatuses
from trainmaster.plan.actions import STARTS
from yarn.wires import Yarn

GANG = STARTS + 40
"""more than one pass starts"""
ONE_TRY = {"backoffLimit": 0}


@virtual
async def test_what_was_bound_and_never_started_is_not_charged_to_the_job() -> None:
    """Its controller died between writing down and starting, and a restarted ResourceManager knows nothing of the grant."""
    async with Office() as office:
        office.yarn.answers.away.add("nm")
        master = office.drive(job(worker=2, policy={"backoffLimit": 0}))
        await office.until(lambda: master.memory.started_generation)
    office.yarn.restart()
    office.yarn.away.clear()
    async with Office(office.yarn, office.store) as successor:
        master = successor.drive(job(worker=2), memory=office.store.memory())
        # No register brings its node's token while nothing is listed, so nobody can be asked before the node expiry.
        await successor.until(lambda: len(successor.yarn.running()) == 2, within=700)
        assert (master.memory.charged, master.memory.verdict) == (0, None)


@virtual
async def test_a_nodemanager_that_forgot_everything_is_not_the_jobs_fault() -> None:
    async with Office() as office:
        master = office.drive(job(worker=2, policy={"backoffLimit": 0}))
        await office.running(2)
        office.yarn.restart_node("n1", recovery=False)
        await asyncio.sleep(60)
        assert len(office.yarn.running()) == 2
        assert (master.memory.charged, master.memory.verdict) == (0, None)


@virtual
async def test_the_rest_of_a_large_gang_that_was_never_sent_is_not_charged_to_the_job() -> None:
    """Some of it runs, so a register after the restart brings the node's token: asked, the node knows nothing of the rest."""
    async with Office() as office:
        start = office.yarn.start

        def some(*call: Any) -> None:
            if len(office.yarn.started) >= STARTS:
                office.yarn.away.add("nm")  # its controller dies before it can tell more
            start(*call)

        office.yarn.start = some  # type: ignore[method-assign]
        master = office.drive(job(worker=GANG, policy=ONE_TRY))
        await office.until(lambda: len(office.yarn.started) == STARTS)
        bound = [r.container for r in master.memory.replicas if r.bound]
        assert len(bound) == GANG
    office.yarn.start = start  # type: ignore[method-assign]
    office.yarn.restart()
    office.yarn.away.clear()
    async with Office(office.yarn, office.store) as successor:
        master = successor.drive(job(worker=GANG), memory=office.store.memory())
        await successor.until(lambda: len(successor.yarn.running()) == GANG, within=300)
        assert (master.memory.charged, master.memory.verdict) == (0, None)
        kept = {r.container for r in master.memory.replicas} & set(bound)
        assert len(kept) == STARTS, "what ran goes on"


@virtual
async def test_what_a_nodemanager_lost_just_when_it_was_asked_about_is_not_charged_to_the_job() -> None:
    """The ResourceManager still lists it, and its NodeManager, restarted without recovery, knows nothing of it."""
    async with Office() as office:
        office.drive(job(worker=2, policy=ONE_TRY))
        await office.running(2)
    async with Office(office.yarn, office.store) as successor:
        _restarted_when_asked(successor, office.yarn)
        master = successor.drive(job(worker=2), memory=office.store.memory())
        await successor.until(lambda: successor.yarn.calls["statuses"])
        await asyncio.sleep(60)
        assert len(successor.yarn.running()) == 2
        assert (master.memory.charged, master.memory.verdict) == (0, None)


def _restarted_when_asked(office: Office, yarn: Yarn) -> None:
    nodes: Any = office.desk.nodes
    ask = nodes.statuses

    async def statuses(node: str, nm: bytes, ids: Sequence[str]) -> NmStatuses:
        if not yarn.calls["statuses"]:
            yarn.restart_node("n1", recovery=False)
            yarn.beat(yarn.by_host["n1"])
        return await ask(node, nm, ids)

    yarn.calls["statuses"] = 0
    nodes.statuses = statuses
