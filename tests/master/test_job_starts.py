"""Starting and stopping a job's containers: none is started twice, and none is forgotten."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from master.office import Office, container, job
from master.virtual import virtual
from trainmaster.errors import DeniedError, RefusedError
from trainmaster.hadoop.containers import LocalResource
from trainmaster.hadoop.refusals import INVALID_TOKEN


@virtual
async def test_a_container_that_was_given_back_is_never_started() -> None:
    async with Office() as office:
        gate = asyncio.Event()

        async def slow(ref: Any, user: str) -> Any:
            await gate.wait()

        office.files = slow
        spec = {"files": [{"source": "hdfs:///a.py", "name": "a.py"}]}
        master = office.drive(job(worker=2, spec=spec))
        await office.until(lambda: office.yarn.applications and office.yarn.only.live)
        await asyncio.sleep(2)
        master.declare(replace(master.declared, deleted=True))
        await asyncio.sleep(3)
        gate.set()
        await office.until(lambda: master.over)
        assert office.yarn.calls["start"] == 0


@virtual
async def test_what_fails_while_starting_is_given_back_and_replaced() -> None:
    async with Office() as office:
        office.yarn.refuse["start"] = RefusedError("java.lang.NullPointerException", "null")
        master = office.drive(job(worker=1))
        await office.until(lambda: office.yarn.calls["start"])
        office.yarn.refuse.clear()
        await office.running(1)
        assert master.memory.charged == 0, "the node's trouble, not the user's"
        assert len(office.yarn.only.live) == 1


@virtual
async def test_a_node_is_not_asked_whether_a_process_runs_at_the_moment_in_which_it_is_told_to_start_it() -> (
    None
):
    """No process has begun by then: of a hundred starts a second that would be a hundred heartbeats and calls for nothing."""
    async with Office() as office:
        office.drive(job(worker=1))
        await office.until(lambda: office.yarn.calls["start"])
        await asyncio.sleep(office.desk.fast_beat / 2)
        assert not office.yarn.calls["statuses"]
        await asyncio.sleep(office.desk.fast_beat)
        assert office.yarn.calls["statuses"] == 1


ALLOCATION_EXPIRY = 600.0
"""seconds, YARN's default"""


@virtual
async def test_a_start_that_was_put_off_for_longer_than_its_grant_is_good_is_charged_to_nobody() -> None:
    async with Office() as office:
        gate = asyncio.Event()

        async def slow(ref: Any, user: str) -> Any:
            await gate.wait()
            return LocalResource(ref.source, 1, 1)

        office.files = slow
        spec = {"files": [{"source": "hdfs:///a.py", "name": "a.py"}]}
        master = office.drive(job(worker=1, spec=spec))
        await office.until(lambda: office.yarn.applications and office.yarn.only.live)
        await asyncio.sleep(ALLOCATION_EXPIRY + 10)
        assert office.yarn.only.live, "the ResourceManager looks only now and then"
        gate.set()
        await office.running(1)
        assert master.memory.charged == 0


@virtual
async def test_a_grant_whose_token_its_node_does_not_take_is_asked_for_anew() -> None:
    """As after restarts of both daemons; a token of the node's own would be waited for in vain."""
    async with Office() as office:
        words = "Given Container c seems to have an illegally generated token."
        office.yarn.refuse["start"] = DeniedError(INVALID_TOKEN, words)
        master = office.drive(job(worker=1))
        await office.until(lambda: office.yarn.calls["start"])
        office.yarn.refuse.clear()
        await office.running(1)
        assert master.memory.charged == 0
        assert master.memory.replicas[0].replacements == 1


@virtual
async def test_a_start_whose_answer_got_lost_is_not_started_again_beside_it() -> None:
    async with Office() as office:
        office.yarn.answers.lost["start"] = 1
        master = office.drive(job(worker=1))
        await office.running(1)
        await asyncio.sleep(5)
        assert office.yarn.calls["start"] == 1
        assert master.memory.replicas[0].replacements == 0


@virtual
async def test_a_start_that_fails_in_a_way_nobody_foresaw_is_not_waited_for() -> None:
    async with Office() as office:
        office.yarn.refuse["start"] = ZeroDivisionError()
        office.drive(job(worker=1))
        await office.until(lambda: office.yarn.calls["start"])
        office.yarn.refuse.clear()
        await office.running(1)


@virtual
async def test_many_containers_of_one_node_are_stopped_in_one_call() -> None:
    async with Office() as office:
        master = office.drive(job(worker=40))
        await office.running(40)
        master.declare(replace(master.declared, deleted=True))
        await office.until(lambda: master.over)
        assert office.yarn.calls["stop"] <= 2


@virtual
async def test_a_job_runs_after_four_decisions() -> None:
    """To open its application, to ask, to start what was granted, and to say that it runs."""
    async with Office() as office:
        office.drive(job(worker=1))
        await office.until(lambda: "uid" in office.shown and office.shown["uid"].state == "Running")
        assert office.passes == 4


@virtual
async def test_the_first_heartbeat_asks_since_nothing_can_be_heard_before() -> None:
    async with Office() as office:
        office.drive(job(worker=1))
        await office.until(lambda: office.yarn.beats)
        assert office.yarn.beats[0].asks


@virtual
async def test_a_thousand_containers_start_in_a_few_passes_with_heartbeats_between() -> None:
    async with Office() as office:
        office.drive(job("TensorFlow", worker=990, ps=10))
        await office.until(lambda: len(office.yarn.started) == 1000)
        assert office.passes < 20, "what trickles in is taken in together"
        assert 5 <= office.yarn.calls["allocate"] < 30


@virtual
async def test_a_node_that_can_not_be_asked_does_not_hold_up_the_end() -> None:
    async with Office() as office:
        master = office.drive(job(worker=2))
        await office.running(2)
        office.yarn.away.add("nm")
        master.declare(replace(master.declared, deleted=True))
        await office.until(lambda: master.over, within=30)
        # The ResourceManager tells the node, at its next heartbeat.
        await office.until(lambda: office.yarn.running() == [], within=2)


@virtual
async def test_a_declaration_that_is_to_go_with_its_job_is_removed_without_haste() -> None:
    async with Office() as office:
        policy = {"ttlAfterFinished": "5s", "ttlDeletesResource": True}
        master = office.drive(job(worker=1, policy=policy))
        await office.running(1)
        office.yarn.exits(container(master), 0)
        await office.until(lambda: office.removed)
        before = office.removed
        await asyncio.sleep(10)
        assert office.removed - before <= 11
