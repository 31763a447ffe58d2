"""Renewals, take-overs and releases whose answers come late or never."""

from __future__ import annotations

import asyncio

from sources.building import LEASE
from sources.kubernetes.contenders import Contender, World, led_by
from sources.kubernetes.line import Request


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

    def read_then_lose(request: Request) -> None:
        request.answer()
        b.line.meet_once(Request.serve_and_lose)

    b.line.meet = read_then_lose
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
    faults = iter([Request.answer, Request.serve_and_lose, Request.answer, Request.lose])

    def meet(request: Request) -> None:
        next(faults)(request)

    b.line.meet = meet
    await b.acquire()
    assert not await b.acquire()
    assert b.lease.epoch == 2
    b.line.meet = Request.answer
    assert await b.acquire()
