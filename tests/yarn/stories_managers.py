"""Stories of the ResourceManager: who gets which token, and what its restart leaves."""

from __future__ import annotations

import asyncio

import pytest

from trainmaster.errors import RefusedError, TrainmasterError, UnavailableError
from trainmaster.hadoop.containers import (
    Allocated,
    NmState,
    ResourceAsk,
)
from trainmaster.hadoop.values import ApplicationReport, ApplicationState, NodeState
from yarn.app import SMALL, App, until
from yarn.telling import World, beats_until, known, not_registered, one_on, runs, story, willing

# --- tokens


@story
async def nm_tokens_are_handed_out_once_and_again_after_a_register(world: World) -> None:
    app = await world.app()
    first = await runs(world, app)
    await beats_until(app, lambda: first.node in app.nm_tokens)
    app.nm_tokens.clear()
    second = await one_on(app, first.node)
    assert app.nm_tokens == {}, "it was told already"
    answer = await app.register()
    app.last = Allocated(0)
    assert {c.id for c in answer.containers} == {first.id, second.id}
    assert set(answer.nm_tokens) == {first.node}, "a register that lists containers tells it again"
    app.nm_tokens.clear()
    await one_on(app, first.node)
    assert app.nm_tokens == {}


@story
async def a_register_with_nothing_alive_brings_no_token_and_a_later_grant_does_only_since_3_4(
    world: World,
) -> None:
    app = await world.app()
    first = await runs(world, app)
    await world.exits(first, 0)
    await app.end_of(first)
    await app.beat()
    answer = await app.register()
    app.last = Allocated(0)
    assert (answer.containers, dict(answer.nm_tokens)) == ((), {})
    app.nm_tokens.clear()
    await one_on(app, first.node)
    assert set(app.nm_tokens) == ({first.node} if world.version >= "3.4" else set())


@story
async def the_masters_token_is_told_until_it_registers_and_again_after_a_restart(world: World) -> None:
    app = await world.app()
    assert (await _told(app, token=False)).state is ApplicationState.RUNNING
    await world.kill_manager()
    await world.start_manager()
    assert (await _told(app, token=True)).state is ApplicationState.ACCEPTED
    assert await willing(app.register())
    assert (await _told(app, token=False)).state is ApplicationState.RUNNING


async def _told(app: App, token: bool) -> ApplicationReport:
    """The first report with a token, or without one: the ResourceManager answers a registration, and does what follows from it
    after that (RMAppAttemptImpl goes by events)."""

    async def fits() -> ApplicationReport | None:
        report = await willing(app.rm.report(app.id))
        return report if report and bool(report.am_rm_token) == token else None

    found: ApplicationReport = await until(fits)
    return found


@story
async def what_was_granted_can_be_started_by_whoever_registers_later(world: World) -> None:
    app = await world.app()
    [container] = await app.gather(1)
    successor = app.successor()
    answer = await successor.register("localhost", 0, "")
    [listed] = answer.containers
    assert listed.id == container.id
    assert listed.container_token == container.container_token
    await app.nms.start(
        listed.node, answer.nm_tokens[listed.node], listed.container_token, world.launch(listed)
    )
    await until(lambda: world.lives(listed))
    await successor.close()


@story
async def a_container_is_started_once(world: World) -> None:
    app = await world.app()
    container = await runs(world, app)
    with pytest.raises(UnavailableError, match="was told before to start it"):
        await app.start(container, world.launch(container))
    await world.exits(container, 0)
    await app.end_of(container)
    with pytest.raises(TrainmasterError):
        await app.start(container, world.launch(container))


# --- a restart of the ResourceManager


@story
async def after_a_restart_only_a_further_register_lists_what_came_back(world: World) -> None:
    app = await world.app()
    container = await runs(world, app)
    await world.freeze(container.node)
    await world.kill_manager()
    await world.start_manager()
    await until(lambda: not_registered(app))
    answer = await app.register()
    app.last = Allocated(0)
    assert (answer.containers, dict(answer.nm_tokens)) == ((), {})
    await world.thaw(container.node)
    await until(lambda: known(app, container.node))
    for _ in range(5):
        said = await app.beat()
        assert (said.allocated, said.completed, dict(said.nm_tokens)) == ((), (), {})
        await asyncio.sleep(0.3)
    answer = await app.register()
    app.last = Allocated(0)
    assert [(c.id, c.allocation_request_id) for c in answer.containers] == [
        (container.id, container.allocation_request_id)
    ]
    assert set(answer.nm_tokens) == {container.node}
    assert answer.containers[0].container_token == b""
    assert await app.status(container) is NmState.RUNNING


@story
async def a_restart_forgets_asks_and_grants_that_were_not_started(world: World) -> None:
    app = await world.app()
    [container] = await app.gather(1)
    await world.kill_manager()
    await world.start_manager()
    await until(lambda: not_registered(app))
    await until(lambda: known(app, container.node))
    answer = await until(lambda: willing(app.register()))
    app.last = Allocated(0)
    assert answer.containers == ()
    with pytest.raises(RefusedError, match="previous RM"):
        await app.start(container, world.launch(container))
    for _ in range(5):
        said = await app.beat()
        assert (said.allocated, said.completed) == ((), ())
        await asyncio.sleep(0.5)


@story
async def a_register_alone_makes_it_forget_neither_asks_nor_avoided_hosts(world: World) -> None:
    app = await world.app()
    hosts = [report.host for report in await app.rm.cluster_nodes([NodeState.RUNNING])]
    await app.beat(asks=(ResourceAsk(1, SMALL, 1, 7),), avoid=tuple(hosts))
    await app.register()
    app.last = Allocated(0)
    for _ in range(20):
        await app.beat()
        await asyncio.sleep(0.1)
    assert app.granted == []
    await app.beat(unavoid=(hosts[0], "never-heard-of"))
    await beats_until(app, lambda: bool(app.granted))
    assert [granted.node.partition(":")[0] for granted in app.granted] == [hosts[0]]


@story
async def an_end_that_came_while_no_manager_was_there_is_told_later(world: World) -> None:
    app = await world.app()
    container = await runs(world, app)
    await world.kill_manager()
    await world.exits(container, 41)
    await world.start_manager()
    await until(lambda: not_registered(app))
    await app.register()
    app.last = Allocated(0)
    assert (await app.end_of(container)).exit == 41
