"""Stories of processes that are sent SIGTERM alone (ContainerManagerImpl.signalToContainer)."""

from __future__ import annotations

from yarn.telling import World, runs, story


@story
async def who_is_told_to_go_ends_as_by_a_signal_and_nobody_is_said_to_have_stopped_it(world: World) -> None:
    app = await world.app()
    container, other = [await runs(world, app) for _ in range(2)]
    await app.nms.terminate(container.node, app.nm_tokens[container.node], container.id)
    end = await app.end_of(container)
    assert end.exit == 143
    assert "Killed by external signal" in end.diagnostics
    assert await world.lives(other)


@story
async def who_is_told_to_go_may_end_with_a_code_of_its_own(world: World) -> None:
    app = await world.app()
    container = await runs(world, app, at_term=7)
    await app.nms.terminate(container.node, app.nm_tokens[container.node], container.id)
    end = await app.end_of(container)
    assert end.exit == 7, end


@story
async def of_a_container_that_is_over_nothing_is_said(world: World) -> None:
    app = await world.app()
    container = await runs(world, app)
    await world.exits(container, 0)
    await app.end_of(container)
    await app.nms.terminate(container.node, app.nm_tokens[container.node], container.id)
