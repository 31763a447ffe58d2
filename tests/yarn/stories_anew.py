"""Stories of processes that are started anew in their containers (ContainerImpl, ContainerManagerImpl.reInitializeContainer)."""

from __future__ import annotations

from dataclasses import replace

from trainmaster.hadoop.containers import (
    GrantedContainer,
    LocalResource,
    NmState,
    NmStatus,
    Reinitialising,
    ResourceKind,
)
from yarn.app import App, until
from yarn.process import NOWHERE
from yarn.telling import World, gone, runs, story


async def said_of(app: App, container: GrantedContainer) -> NmStatus:
    said = await app.nms.statuses(container.node, app.nm_tokens[container.node], [container.id])
    return said.known[container.id]


async def replaced(world: World, app: App, container: GrantedContainer, old: str) -> str:
    """The process that has taken the old one's place."""

    async def another() -> bool:
        assert container.id not in app.ended
        return await world.process(container) not in ("", old)

    await until(another)

    async def told() -> bool:
        return (await said_of(app, container)).state is NmState.RUNNING

    await until(told)
    return await world.process(container)


@story
async def a_process_is_started_anew_in_its_container_as_often_as_wanted(world: World) -> None:
    app = await world.app()
    container = await runs(world, app)
    process, stamps = await world.process(container), {(await said_of(app, container)).reinitialised}
    for _ in range(3):
        assert await app.anew(container, world.launch(container)) is Reinitialising.ACCEPTED
        process = await replaced(world, app, container, process)
        stamps.add((await said_of(app, container)).reinitialised)
        await app.beat()
    assert len(stamps) == 4
    assert not app.ended
    await world.exits(container, 41)
    assert (await app.end_of(container)).exit == 41


@story
async def what_waits_for_the_old_process_to_go_is_not_called_running(world: World) -> None:
    app = await world.app()
    container = await runs(world, app)
    before = await world.process(container)
    stamp = (await said_of(app, container)).reinitialised
    await app.anew(container, world.launch(container))

    async def told() -> bool:
        said = await said_of(app, container)
        return said.reinitialised != stamp and said.state is NmState.RUNNING

    await until(told)
    assert await world.process(container) != before


@story
async def a_second_time_at_once_is_refused_for_now(world: World) -> None:
    app = await world.app()
    container = await runs(world, app)
    assert await app.anew(container, world.launch(container)) is Reinitialising.ACCEPTED
    assert await app.anew(container, world.launch(container)) is Reinitialising.BUSY


@story
async def a_process_that_takes_its_leave_with_a_code_of_its_own_ends_its_container(world: World) -> None:
    app = await world.app()
    well, badly = [await runs(world, app) for _ in range(2)]
    for container, code in ((well, 0), (badly, 7)):
        # What it was started with had no such trap; what is started in its place has one.
        before = await world.process(container)
        await app.anew(container, world.launch(container, at_term=code))
        await replaced(world, app, container, before)
        await app.anew(container, world.launch(container))
    assert (await app.end_of(well)).exit == 0
    assert (await app.end_of(badly)).exit == 7


@story
async def what_has_ended_or_never_was_can_not_be_started_anew(world: World) -> None:
    app = await world.app()
    container = await runs(world, app)
    [idle] = await app.gather(1)
    assert await app.anew(idle, world.launch(idle)) is Reinitialising.OVER
    await world.exits(container, 1)

    async def ended() -> bool:
        return (await said_of(app, container)).state is NmState.COMPLETE

    await until(ended)
    assert await app.anew(container, world.launch(container)) is Reinitialising.OVER


@story
async def files_that_can_not_be_localised_leave_the_old_process_and_lock_the_container(world: World) -> None:
    app = await world.app()
    container = await runs(world, app)
    before = await world.process(container)
    missing = {"data": LocalResource(f"{NOWHERE}data", 1, 1, ResourceKind.FILE)}
    launch = replace(world.launch(container), resources=missing)
    assert await app.anew(container, launch) is Reinitialising.ACCEPTED
    for _ in range(50):
        await app.beat()
        assert await world.process(container) == before
        assert await app.anew(container, world.launch(container)) is Reinitialising.BUSY
    assert (await said_of(app, container)).state is NmState.RUNNING
    await app.nms.stop(container.node, app.nm_tokens[container.node], [container.id])
    assert (await app.end_of(container)).exit == -105


@story
async def what_is_stopped_while_it_is_started_anew_is_stopped(world: World) -> None:
    app = await world.app()
    container = await runs(world, app)
    await app.anew(container, world.launch(container))
    await app.nms.stop(container.node, app.nm_tokens[container.node], [container.id])
    assert (await app.end_of(container)).exit == -105
    assert await gone(world, container)
