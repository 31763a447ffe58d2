"""Stories of what YARN does, told to the simulated one and to a real one alike, so that the one is no kinder than the other.

Lives here: the `World` that a story gets, the little that it needs beside the wires' calls, and small words to tell it in. The
stories are in stories_*.py. Never here: which of the two YARNs it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from trainmaster.errors import RefusedError, TrainmasterError, UnavailableError
from trainmaster.hadoop import refusals
from trainmaster.hadoop.containers import (
    GrantedContainer,
    LaunchContext,
    NmState,
    ResourceAsk,
)
from trainmaster.hadoop.values import NodeState
from yarn.app import SMALL, App, until

T = TypeVar("T")


class World(Protocol):
    """A cluster of two nodes, and what may happen to it."""

    version: str
    node_expiry: float
    application_expiry: float

    async def app(self) -> App:
        """An application that has registered."""

    def launch(self, container: GrantedContainer, at_term: int | None = None) -> LaunchContext:
        """A process that runs until `exits`; with `at_term` it ends with that code when it is told to go."""

    async def process(self, container: GrantedContainer) -> str:
        """Which process lives in it, whatever anybody says; empty when none does."""

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


# --- small words


async def runs(world: World, app: App, node: str = "", at_term: int | None = None) -> GrantedContainer:
    """A container whose process lives."""
    container = await one_on(app, node) if node else (await app.gather(1))[0]
    await app.start(container, world.launch(container, at_term))

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
