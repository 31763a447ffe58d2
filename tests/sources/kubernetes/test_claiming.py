"""When an object is made ours, and what is said on those of others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, cast

import pytest

from sources.kubernetes.model import RUNNING, Reader
from trainmaster.api.declared import Declared
from trainmaster.plan.values import Event
from trainmaster.sources.kubernetes.claiming import Claimer
from trainmaster.sources.kubernetes.objects import FINALIZER, Seen


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class World:
    """A book that hears of the model, a writer that patches it, and who is told events."""

    def __init__(self) -> None:
        self.reader, self.clock = Reader(), Clock()
        self.reader.book.installation = "ours"
        self.events: list[Event] = []
        self.claimer = Claimer(self.reader.book, cast("Any", self), cast("Any", self), "ml/new", self.clock)

    async def amend(self, seen: Seen, steps: Callable[[Seen], Sequence[object]]) -> None:
        if steps(seen):
            self.reader.model.finalizers(FINALIZER, name=seen.name)
            self.reader.model.name_controller("ours", seen.name)

    async def tell(self, _: Declared, events: Sequence[Event]) -> None:
        self.events += events

    async def look(self) -> None:
        self.reader.hear()
        self.reader.book.picture()
        self.claimer.look()
        await asyncio.sleep(0)
        await self.claimer.close()
        self.reader.hear()

    def told(self) -> set[str]:
        return {declared.name for declared in self.reader.book.picture().values()}


@pytest.fixture
def world() -> World:
    return World()


async def test_a_new_object_is_ours_at_once(world: World) -> None:
    world.reader.model.create(held=False)
    await world.look()
    assert world.told() == {"mnist"}


async def test_one_that_shows_a_status_and_names_nobody_is_left_for_a_while_to_whoever_showed_it(
    world: World,
) -> None:
    world.reader.model.create(status=RUNNING)
    for at in (0.0, 29.0):
        world.clock.now = at
        await world.look()
        assert world.told() == set()
    world.clock.now = 30.0
    await world.look()
    assert world.told() == {"mnist"}
    assert world.reader.only().lost_application == "application_1_0001"


async def test_what_our_journal_knows_is_claimed_at_once_whatever_it_shows(world: World) -> None:
    """As after an upgrade from a version that wrote no names."""
    uid = world.reader.model.create(status=RUNNING)
    world.reader.hear()
    world.reader.book.adopt({uid: ("vision", "mnist")})
    await world.look()
    assert world.reader.book.seen(uid).controller == "ours"
    assert world.reader.only().lost_application == ""


async def test_on_another_ones_object_it_is_said_once_that_we_leave_it_alone(world: World) -> None:
    world.reader.model.create()
    world.reader.model.name_controller("theirs")
    for _ in range(3):
        await world.look()
    (event,) = world.events
    assert (event.warning, event.reason) == (True, "DrivenElsewhere")
    assert "installation theirs drives this job" in event.message
    assert "ml/new" in event.message
    assert world.told() == set()
