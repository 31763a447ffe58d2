"""What YARN does, as short stories that can be told to the simulated one and to a real one alike: so neither is kinder.

A story gets a `World`, the little that it needs beside the wires' calls. Never here: which of the two it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

import pytest

from trainmaster.errors import RefusedError, TrainmasterError, UnavailableError
from trainmaster.hadoop import refusals
from trainmaster.hadoop.containers import (
    Allocated,
    GrantedContainer,
    LaunchContext,
    NmState,
    ResourceAsk,
)
from trainmaster.hadoop.values import ApplicationState, FinalStatus, NodeState
from yarn.app import SMALL, App, until

T = TypeVar("T")


class World(Protocol):
    """A cluster of two nodes, and what may happen to it."""

    version: str
    node_expiry: float
    application_expiry: float

    async def app(self) -> App:
        """An application that has registered."""

    def launch(self, container: GrantedContainer) -> LaunchContext:
        """A process that runs until `exits`."""

    async def exits(self, container: GrantedContainer, code: int) -> None: ...

    async def lives(self, container: GrantedContainer) -> bool:
        """Whether its process is really there, whatever anybody says of it."""

    async def kill_manager(self) -> None: ...

    async def start_manager(self) -> None: ...

    async def freeze(self, node: str) -> None:
        """The NodeManager hears nobody and says nothing; its processes live on."""

    async def thaw(self, node: str) -> None: ...

    async def kill_node(self, node: str) -> None: ...

    async def start_node(self, node: str) -> None:
        """With recovery on."""


Story = Callable[[World], Awaitable[None]]
STORIES: list[Story] = []


def story(told: Story) -> Story:
    STORIES.append(told)
    return told


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
    report = await app.rm.report(app.id)
    assert report
    assert report.am_rm_token is None
    await world.kill_manager()
    await world.start_manager()
    report = await until(lambda: willing(app.rm.report(app.id)))
    assert report.am_rm_token
    assert report.state is ApplicationState.ACCEPTED
    assert await willing(app.register())
    report = await app.rm.report(app.id)
    assert report
    assert report.am_rm_token is None


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


# --- small words


async def runs(world: World, app: App, node: str = "") -> GrantedContainer:
    """A container whose process lives."""
    container = await one_on(app, node) if node else (await app.gather(1))[0]
    await app.start(container, world.launch(container))

    async def started() -> bool:
        return await app.status(container) is NmState.RUNNING and await world.lives(container)

    await until(started)
    await asyncio.sleep(1.5)  # until the ResourceManager has heard of it
    return container


async def one_on(app: App, node: str) -> GrantedContainer:
    """A grant on just this node."""
    have, host = len(app.granted), node.partition(":")[0]
    others = tuple(r.host for r in await app.rm.cluster_nodes([NodeState.RUNNING]) if r.node != node)
    await app.beat(asks=(ResourceAsk(1, SMALL, 1, 100 + have),), avoid=others)
    await beats_until(app, lambda: len(app.granted) > have)
    await app.beat(unavoid=others)
    assert app.granted[-1].node.partition(":")[0] == host
    return app.granted[-1]


async def beats_until(app: App, met: Callable[[], bool]) -> None:
    async def beaten() -> bool:
        await app.beat()
        return met()

    await until(beaten)


async def gone(world: World, container: GrantedContainer) -> bool:
    return not await world.lives(container)


async def known(app: App, node: str) -> bool:
    """Whether the ResourceManager has this node."""
    try:
        return node in {report.node for report in await app.rm.cluster_nodes([NodeState.RUNNING])}
    except TrainmasterError:
        return False


async def not_registered(app: App) -> bool:
    """Whether the ResourceManager is back, and wants a register."""
    try:
        await app.beat()
    except UnavailableError:
        return False
    except RefusedError as error:
        return error.kind == refusals.NOT_REGISTERED
    return False


async def willing(answer: Awaitable[T]) -> T | None:
    """The answer; None while nobody is there to give it."""
    try:
        return await answer
    except UnavailableError:
        return None
