"""An application from its id to its end, answers that are replayed, and asks."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from trainmaster.errors import DeniedError, RefusedError
from trainmaster.hadoop import refusals
from trainmaster.hadoop.containers import (
    AllocateCall,
    NmState,
    ResourceAsk,
)
from trainmaster.hadoop.resourcemanager import ResourceManager
from trainmaster.hadoop.rest import Rest
from trainmaster.hadoop.values import (
    ApplicationState,
    FinalStatus,
    NodeState,
    Resource,
    Submission,
)
from yarn.app import SMALL, App, script, until


async def test_from_an_id_to_a_finished_application(app: App) -> None:
    first, second = await app.gather(2)
    await app.start(first, script('echo "$GREETING"; exit 0', GREETING="hello world"))
    await app.start(second, script("exit 41"))
    assert (await app.end_of(first)).exit == 0
    assert (await app.end_of(second)).exit == 41
    assert {first.allocation_request_id, second.allocation_request_id} == {1, 2}
    assert await app.master.finish(FinalStatus.SUCCEEDED, "all is well")

    async def over() -> bool:
        report = await app.rm.report(app.id)
        return report is not None and report.state.over

    await until(over)
    report = await app.rm.report(app.id)
    assert report is not None
    assert (report.state, report.final_status) == (ApplicationState.FINISHED, FinalStatus.SUCCEEDED)
    assert (report.diagnostics, report.user, report.name) == ("all is well", "tester", "wires")
    assert report.finished_at >= report.started_at > time.time() - 300


async def test_finishing_again_changes_nothing(app: App) -> None:
    """YARN says yes, says not yet, or doesn't know the attempt any more, as it comes: the first word stays."""
    await until(lambda: app.master.finish(FinalStatus.FAILED, "no luck"))
    for _ in range(10):
        with suppress(RefusedError):
            await app.master.finish(FinalStatus.SUCCEEDED, "another end")
        await asyncio.sleep(0.05)
    report = await app.rm.report(app.id)
    assert report is not None
    assert (report.final_status, report.diagnostics) == (FinalStatus.FAILED, "no luck")


async def test_the_token_is_only_told_before_the_first_register(app: App) -> None:
    async def running() -> bool:  # what follows from a registration comes after its answer
        report = await app.rm.report(app.id)
        return report is not None and report.state is ApplicationState.RUNNING and report.am_rm_token is None

    assert await until(running)


async def test_submitting_a_known_id_again_changes_nothing(app: App) -> None:
    await app.rm.submit(Submission(app.id, "again", "default"))
    report = await app.rm.report(app.id)
    assert report is not None
    assert report.name == "wires"


async def test_an_unknown_application_is_none(rm: ResourceManager, rest: Rest) -> None:
    assert await rm.report("application_1410901177871_0001") is None
    assert await rest.application("application_1410901177871_0001") is None


async def test_a_queue_that_does_not_exist_is_told_in_the_report(rm: ResourceManager) -> None:
    new = await rm.new_application()
    words = ""
    try:
        await rm.submit(Submission(new.id, "lost", "nowhere"))
        report = await until(lambda: _over(rm, new.id))
        assert report.state is ApplicationState.FAILED
        words = report.diagnostics
    except RefusedError as error:
        words = error.message
    assert "nowhere" in words
    assert await rm.queue_info("nowhere") is None


async def _over(rm: ResourceManager, application: str) -> Any:
    report = await rm.report(application)
    return report if report and report.state.over else None


async def test_killed_from_outside(app: App) -> None:
    container = await app.running(script("sleep 600"))
    await until(lambda: app.rm.kill(app.id, "enough"))
    report = await until(lambda: _over(app.rm, app.id))
    assert (report.state, report.final_status) == (ApplicationState.KILLED, FinalStatus.KILLED)
    assert "enough" in report.diagnostics
    with pytest.raises((RefusedError, DeniedError)):
        await app.beat()
    await until(lambda: app._is(container, NmState.COMPLETE))


async def test_a_repeated_response_id_replays_the_last_answer(app: App) -> None:
    container = await app.running(script("exit 41"))
    before = app.last.response_id
    while not app.ended:
        before = app.last.response_id
        await app.beat()
        await asyncio.sleep(0.05)
    replayed = await app.master.allocate(AllocateCall(before))
    assert replayed.response_id == app.last.response_id
    assert replayed.completed == app.last.completed
    assert [each.id for each in replayed.completed] == [container.id]
    acknowledged = await app.beat()
    assert acknowledged.completed == ()


async def test_a_replay_ignores_what_the_call_asks(app: App) -> None:
    before = app.last.response_id
    await app.beat()
    await app.master.allocate(AllocateCall(before, asks=(ResourceAsk(1, SMALL, 1, 77),)))
    await asyncio.sleep(2.5)
    for _ in range(5):
        await app.beat()
        await asyncio.sleep(0.3)
    assert app.granted == []


async def test_minus_one_after_a_register_replays_the_answer_that_was_lost(app: App) -> None:
    container = await app.running(script("exit 41"))
    await app.end_of(container)
    successor = app.successor()
    await successor.register("localhost", 0, "http://127.0.0.1:9/")
    lost = await successor.allocate(AllocateCall(-1))
    assert [(each.id, each.exit) for each in lost.completed] == [(container.id, 41)]
    following = await successor.allocate(AllocateCall(lost.response_id))
    assert following.completed == ()
    await successor.close()


async def test_a_response_id_out_of_turn_is_refused(app: App) -> None:
    for _ in range(3):
        await app.beat()
    with pytest.raises(RefusedError) as caught:
        await app.master.allocate(AllocateCall(app.last.response_id - 2))
    assert caught.value.kind == refusals.WRONG_RESPONSE_ID
    await app.beat()


async def test_live_containers_are_listed_to_a_successor(app: App) -> None:
    container = await app.running(script("sleep 600"))
    successor = app.successor()
    answer = await successor.register("localhost", 0, "")
    assert [(c.id, c.node, c.allocation_request_id) for c in answer.containers] == [
        (container.id, container.node, container.allocation_request_id)
    ]
    assert set(answer.nm_tokens) == {container.node}
    said = await app.nms.statuses(container.node, answer.nm_tokens[container.node], [container.id])
    assert said.known[container.id].state is NmState.RUNNING
    await successor.close()


async def test_one_impossible_ask_throws_out_the_whole_call(app: App) -> None:
    good, bad = ResourceAsk(1, SMALL, 1, 1), ResourceAsk(2, Resource(1 << 30, 1), 1, 2)
    with pytest.raises(RefusedError) as caught:
        await app.beat(asks=(good, bad))
    assert caught.value.kind == refusals.INVALID_ASK
    assert str(1 << 30) in caught.value.message
    await asyncio.sleep(1.5)
    await app.beat()
    assert (await app.beat()).allocated == ()
    await app.beat(asks=(good,))
    await until(lambda: app._beaten(lambda: bool(app.granted)))


async def test_a_host_is_asked_for_by_name_and_avoided_by_name(app: App, rm: ResourceManager) -> None:
    nodes = await rm.cluster_nodes([NodeState.RUNNING])
    wanted, avoided = nodes[0], nodes[1]
    asks = [ResourceAsk(1, SMALL, 1, 1, where) for where in (wanted.host, wanted.rack, "*")]
    await app.beat(asks=tuple(asks))
    await until(lambda: app._beaten(lambda: bool(app.granted)))
    assert app.granted[0].node == wanted.node
    await app.beat(avoid=(wanted.host,), asks=tuple(replace(ask, count=0) for ask in asks))
    assert [each.node for each in await app.gather(2)] == [avoided.node] * 2


async def test_a_release_ends_as_one(app: App) -> None:
    [container] = await app.gather(1)
    await app.beat(releases=(container.id,))
    assert (await app.end_of(container)).exit == -100
    said = await app.nms.statuses(container.node, app.nm_tokens[container.node], [container.id])
    assert said.unknown == {container.id}
