"""Stories of NodeManagers and of ends: releases, losses, restarts, finished applications, asks."""

from __future__ import annotations

import asyncio

import pytest

from trainmaster.errors import RefusedError, UnavailableError
from trainmaster.hadoop import refusals
from trainmaster.hadoop.containers import (
    NmState,
    ResourceAsk,
)
from trainmaster.hadoop.values import ApplicationState, FinalStatus, NodeState
from yarn.app import SMALL, until
from yarn.telling import World, beats_until, gone, runs, story, willing

# --- ends and releases


@story
async def a_release_ends_at_once_for_the_manager_though_a_frozen_node_still_runs_it(world: World) -> None:
    app = await world.app()
    container = await runs(world, app)
    await world.freeze(container.node)
    await app.beat(releases=(container.id,))
    end = await app.end_of(container)
    assert (end.exit, end.diagnostics) == (-100, "Container released by application")
    assert await world.lives(container)
    await world.thaw(container.node)
    await until(lambda: gone(world, container))


@story
async def what_was_given_back_is_started_all_the_same_and_then_killed(world: World) -> None:
    app = await world.app()
    [container] = await app.gather(1)
    await app.beat(releases=(container.id,))
    assert (await app.end_of(container)).exit == -100
    await asyncio.sleep(2.5)  # until its node was told that it is gone
    await app.start(container, world.launch(container))
    await until(lambda: world.lives(container))
    await until(lambda: gone(world, container))
    await app.beat()
    assert list(app.ended) == [container.id]


@story
async def a_release_of_what_is_unknown_throws_out_nothing(world: World) -> None:
    app = await world.app()
    stranger = f"container_{app.id.removeprefix('application_')}_01_000999"
    said = await app.beat(releases=(stranger,), asks=(ResourceAsk(1, SMALL, 1, 1),))
    assert said.response_id
    await beats_until(app, lambda: bool(app.granted))


@story
async def an_acknowledged_end_is_forgotten_by_its_node_but_for_its_having_been(world: World) -> None:
    app = await world.app()
    container = await runs(world, app)
    await world.exits(container, 41)
    await app.end_of(container)
    said = await app.nms.statuses(container.node, app.nm_tokens[container.node], [container.id])
    assert said.known[container.id].exit == 41

    async def forgotten() -> bool:
        await app.beat()
        said = await app.nms.statuses(container.node, app.nm_tokens[container.node], [container.id])
        return said.known[container.id].state is NmState.COMPLETE and said.known[container.id].exit is None

    await until(forgotten)
    assert await app.nms.stop(container.node, app.nm_tokens[container.node], [container.id]) == {
        container.id: None
    }


@story
async def what_never_started_is_not_handled_there(world: World) -> None:
    app = await world.app()
    [container] = await app.gather(1)
    token = app.nm_tokens[container.node]
    said = await app.nms.statuses(container.node, token, [container.id])
    assert said.unknown == {container.id}
    answer = await app.nms.stop(container.node, token, [container.id])
    assert isinstance(answer[container.id], RefusedError)


# --- nodes


@story
async def a_lost_node_that_comes_back_is_made_to_kill_what_it_ran(world: World) -> None:
    app = await world.app()
    container = await runs(world, app)
    await world.freeze(container.node)
    news: list[NodeState] = []

    async def ended() -> bool:
        said = await app.beat()
        news.extend(report.state for report in said.updated_nodes if report.node == container.node)
        return container.id in app.ended

    await until(ended, world.node_expiry * 3)
    end = app.ended[container.id]
    assert (end.exit, end.diagnostics) == (-100, "Container released on a *lost* node")
    assert NodeState.LOST in news
    assert await world.lives(container)
    await world.thaw(container.node)
    await until(lambda: gone(world, container))
    answer = await app.register()
    assert answer.containers == ()


@story
async def a_nodemanager_that_is_restarted_keeps_its_processes_and_tells_late_ends(world: World) -> None:
    app = await world.app()
    [stays, ends] = [await runs(world, app) for _ in range(2)]
    if ends.node != stays.node:
        ends = await runs(world, app, stays.node)
    await world.kill_node(stays.node)
    await world.exits(ends, 41)
    assert await world.lives(stays)
    with pytest.raises(UnavailableError):
        await app.status(stays)
    await world.start_node(stays.node)
    assert (await app.end_of(ends)).exit == 41
    assert await until(lambda: willing(app.status(stays))) is NmState.RUNNING
    assert stays.id not in app.ended


# --- the end of an application


@story
async def a_silent_masters_application_fails_and_a_frozen_node_goes_on_with_it(world: World) -> None:
    app = await world.app()
    container = await runs(world, app)
    await app.beat()
    await world.freeze(container.node)

    async def over() -> bool:
        report = await app.rm.report(app.id)
        return bool(report and report.state.over)

    await until(over, world.application_expiry * 3)
    report = await app.rm.report(app.id)
    assert report
    assert report.state is ApplicationState.FAILED
    assert await world.lives(container)
    with pytest.raises(RefusedError) as caught:
        await app.beat()
    assert caught.value.kind in (refusals.ATTEMPT_NOT_FOUND, refusals.INVALID_TOKEN)
    await world.thaw(container.node)
    await until(lambda: gone(world, container))


@story
async def a_finished_application_is_over_at_once_and_its_processes_a_little_later(world: World) -> None:
    app = await world.app()
    container = await runs(world, app)
    assert await app.master.finish(FinalStatus.SUCCEEDED, "all is well")

    async def over() -> bool:
        report = await app.rm.report(app.id)
        return bool(report and report.state is ApplicationState.FINISHED)

    await until(over)
    await until(lambda: gone(world, container))


# --- asks


@story
async def numbers_asked_for_are_absolute(world: World) -> None:
    app = await world.app()
    for count in (5, 3, 2):
        await app.beat(asks=(ResourceAsk(1, SMALL, count, 7),))
    await beats_until(app, lambda: len(app.granted) >= 2)
    await app.beat(asks=(ResourceAsk(1, SMALL, 1, 7),))
    await app.beat(asks=(ResourceAsk(1, SMALL, 0, 7),))
    for _ in range(5):
        await asyncio.sleep(0.5)
        await app.beat()
    assert len(app.granted) <= 3
