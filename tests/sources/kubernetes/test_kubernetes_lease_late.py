"""Renewals, take-overs and releases whose answers come late or never."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from sources.building import LEASE
from sources.kubernetes.contenders import Contender, World, led_by
from sources.kubernetes.line import Request
from trainmaster.errors import UnavailableError
from trainmaster.sources.kubernetes.api import LEASES

PUT = ("replace", LEASES)


def loses_puts(faults: list[Callable[[Request], None]]) -> Callable[[Request], None]:
    """The next changes of the Lease meet these, all else goes well."""
    left = iter(faults)
    return lambda request: (next(left, Request.answer) if request.what == PUT else Request.answer)(request)


async def test_a_renewal_whose_answer_got_lost_costs_nothing(world: World, a: Contender) -> None:
    await led_by(world, a)
    a.line.meet_once(Request.serve_and_lose)
    world.clock.pass_(LEASE / 4)
    assert await a.acquire()  # by the renewal before
    world.clock.pass_(LEASE / 4)
    assert await a.acquire()
    world.clock.pass_(LEASE / 2)
    assert a.lease.held()
    assert a.lease.epoch == 1


async def test_a_take_over_whose_answer_got_lost_is_found_out(
    world: World, a: Contender, b: Contender
) -> None:
    await led_by(world, a)
    await b.acquire()
    world.clock.pass_(LEASE)

    b.line.meet = loses_puts([Request.serve_and_lose])
    assert not await b.acquire()
    assert b.lease.epoch == 0
    assert await b.acquire()
    assert b.lease.epoch == 2


async def test_a_renewal_that_comes_late_undoes_no_take_over(
    world: World, a: Contender, b: Contender
) -> None:
    await led_by(world, a)
    a.line.meet_once(Request.lose)
    await a.acquire()
    late = a.line.requests[-1]
    await b.acquire()
    world.clock.pass_(LEASE)
    assert await b.acquire()
    before = world.spec
    late.serve()
    assert world.spec == before
    assert await b.acquire()


async def test_a_renewal_that_comes_late_counts_from_its_own_start(
    world: World, a: Contender, b: Contender
) -> None:
    await led_by(world, a)
    await b.acquire()
    a.line.meet_once(lambda request: None)
    renewing = asyncio.ensure_future(a.acquire())
    await asyncio.sleep(0)
    world.clock.pass_(LEASE - 1)
    a.line.requests[-1].answer()
    assert not await renewing
    world.clock.pass_(1)
    assert not await b.acquire()  # it saw a change, and waits from then on
    assert await a.acquire()


async def test_a_release_beside_a_renewal_under_way_holds(world: World, a: Contender, b: Contender) -> None:
    await led_by(world, a)
    a.line.meet_once(lambda request: None)
    renewing = asyncio.ensure_future(a.acquire())
    await asyncio.sleep(0)
    renewal = a.line.requests[-1]
    renewal.serve()
    await a.lease.release()
    renewal.answer()
    await renewing
    assert not a.lease.held()
    assert await b.acquire()


async def test_a_release_that_comes_late_finds_nobody_leading_by_it(world: World, a: Contender) -> None:
    """Whoever sees a Lease that was given up takes it at once."""
    await led_by(world, a)
    a.line.meet_once(Request.lose)
    await a.lease.release()
    late = a.line.requests[-1]
    assert not await a.acquire()
    late.serve()
    assert world.spec["holderIdentity"] == ""
    assert not a.lease.held()


async def test_who_gave_up_does_not_renew_what_was_under_way(world: World, a: Contender) -> None:
    await led_by(world, a)
    world.touch()

    def refuse_then_wait(request: Request) -> None:
        request.answer()
        a.line.meet = lambda request: None

    a.line.meet = refuse_then_wait
    renewing = asyncio.ensure_future(a.acquire())
    for _ in range(5):
        await asyncio.sleep(0)
    looking = a.line.requests[-1]
    a.line.meet = Request.lose
    await a.lease.release()
    a.line.meet = Request.answer
    looking.answer()
    assert not await renewing
    assert not a.lease.held()


async def test_a_take_over_found_out_counts_from_its_first_renewal(
    world: World, a: Contender, b: Contender
) -> None:
    await led_by(world, a)
    await b.acquire()
    world.clock.pass_(LEASE)
    b.line.meet = loses_puts([Request.serve_and_lose, Request.lose])
    await b.acquire()
    assert not await b.acquire()
    assert b.lease.epoch == 2
    b.line.meet = Request.answer
    assert await b.acquire()


async def test_who_wrests_it_and_steps_down_meanwhile_hands_its_wait_on(
    world: World, a: Contender, b: Contender
) -> None:
    """From whom it was taken may still lead, and hears nothing of it: the next one must not come at once."""
    await led_by(world, a)

    async def sleep(_: float) -> None:
        assert not b.lease.held()
        await b.lease.release()

    assert not await b.lease.wrest(sleep)
    assert not await world.contender().acquire()
    assert a.lease.held()


async def test_who_wrests_it_and_gets_no_answer_leads_no_earlier_for_that(
    world: World, a: Contender, b: Contender
) -> None:
    await led_by(world, a)
    b.line.meet = loses_puts([Request.serve_and_lose])
    with pytest.raises(UnavailableError):
        await b.lease.wrest()
    assert not await b.acquire()
    assert (a.lease.held(), b.lease.epoch) == (True, 2)
    world.clock.pass_(LEASE - 0.1)
    assert not await b.acquire()
    world.clock.pass_(0.1)
    assert await b.acquire()
