"""Who leads in Kubernetes: never two at once, and somebody again in time; whoever writes on the Lease or deletes it."""

from __future__ import annotations

import asyncio

import pytest

from sources.building import LEASE
from sources.kubernetes.contenders import KEY, Contender, World, led_by
from sources.kubernetes.line import Request
from trainmaster.errors import RefusedError
from trainmaster.master.codec import encode
from trainmaster.plan.memory import Memory
from trainmaster.sources.kubernetes.api import SECRETS
from trainmaster.sources.kubernetes.records import packed


async def test_a_new_lease_is_taken_after_the_duration(world: World, a: Contender) -> None:
    """It might have been deleted under a leader that doesn't know yet."""
    assert not await a.acquire()
    assert world.spec["holderIdentity"] == "nobody"
    assert not await a.acquire()
    world.clock.pass_(LEASE - 0.1)
    assert not await a.acquire()
    world.clock.pass_(0.1)
    assert await a.acquire()
    assert a.lease.epoch == 1
    assert world.spec["leaseTransitions"] == 1
    assert world.spec["holderIdentity"] == a.lease.holder


async def test_a_standby_stands_by_while_the_leader_renews(world: World, a: Contender, b: Contender) -> None:
    await led_by(world, a)
    for _ in range(20):
        world.clock.pass_(LEASE / 4)
        assert await a.acquire()
        assert not await b.acquire()
    assert b.lease.holder == a.lease.holder
    assert not b.lease.superseded


async def test_a_standby_knows_where_to_find_the_leader(world: World, a: Contender, b: Contender) -> None:
    a.lease.address, b.lease.address = "http://a:9090", "http://b:9090"
    await led_by(world, a)
    await b.acquire()
    assert b.lease.leader == "http://a:9090"
    await a.lease.release()
    await b.acquire()
    await a.acquire()
    assert a.lease.leader == "http://b:9090"


async def test_a_dead_leader_is_followed_after_the_duration(world: World, a: Contender, b: Contender) -> None:
    await led_by(world, a)
    assert not await b.acquire()
    world.clock.pass_(LEASE - 0.1)
    assert not await b.acquire()
    world.clock.pass_(0.1)
    assert await b.acquire()
    assert b.lease.epoch == 2
    assert not a.lease.held()
    assert not a.lease.superseded  # as far as it knows
    assert not await a.acquire()
    assert a.lease.superseded


async def test_without_renewal_the_leader_stops_itself_before_anybody_may_follow(
    world: World, a: Contender
) -> None:
    await led_by(world, a)
    world.clock.pass_(LEASE * 2 / 3)
    assert not a.lease.held()
    assert await a.acquire()
    assert a.lease.epoch == 1


async def test_a_release_is_followed_at_once(world: World, a: Contender, b: Contender) -> None:
    await led_by(world, a)
    await a.lease.release()
    assert not a.lease.held()
    assert await b.acquire()
    assert b.lease.epoch == 2
    await b.lease.release()
    assert await a.acquire()
    assert a.lease.epoch == 3


async def test_an_hour_without_the_api_server_costs_the_lead_only_for_that_hour(
    world: World, a: Contender
) -> None:
    await led_by(world, a)
    a.line.meet = Request.lose
    for _ in range(3600):
        world.clock.pass_(1)
        await a.acquire()
    assert not a.lease.held()
    assert not a.lease.superseded
    a.line.meet = Request.answer
    assert await a.acquire()
    assert a.lease.epoch == 1


async def test_a_standby_that_was_cut_off_too_takes_nothing_over(
    world: World, a: Contender, b: Contender
) -> None:
    await led_by(world, a)
    await b.acquire()
    a.line.meet = b.line.meet = Request.lose
    world.clock.pass_(LEASE * 10)
    assert not await b.acquire()
    a.line.meet = b.line.meet = Request.answer
    assert await a.acquire()
    assert not await b.acquire()


async def test_a_deleted_lease_has_the_leader_step_down_and_the_epoch_rise(
    world: World, a: Contender, b: Contender
) -> None:
    await led_by(world, a)
    world.delete()
    assert not await b.acquire()
    assert not await b.acquire()
    assert not await a.acquire()
    assert a.lease.superseded
    assert not await a.acquire()
    world.clock.pass_(LEASE)
    assert await a.acquire()
    assert a.lease.epoch == 2
    assert not await b.acquire()


async def test_a_process_that_knows_no_epoch_asks_the_journal(world: World, b: Contender) -> None:
    secret = packed(KEY[2], "uid-1", 41, encode(Memory("uid-1", "vision", "mnist")))
    world.server.create((SECRETS, "own", "trainmaster-journal-uid-1"), secret)
    await led_by(world, b)
    assert b.lease.epoch == 42


async def test_an_epoch_is_given_out_once_though_its_leader_wrote_nothing(
    world: World, a: Contender, b: Contender
) -> None:
    """And though the Lease that had it was deleted: what one stalled leader wrote must not look like the other's."""
    await led_by(world, a)
    world.delete()
    await led_by(world, b)
    assert (a.lease.epoch, b.lease.epoch) == (1, 2)


async def test_an_epoch_goes_on_where_somebody_deleted_the_identity_under_a_controller(
    world: World, a: Contender
) -> None:
    """It is written back as it was: another one would leave all jobs to nobody."""
    await led_by(world, a)
    key = SECRETS, "own", "trainmaster-installation"
    before = world.server.get(key)["data"]
    world.server.delete(key)
    await a.lease.release()
    assert await a.acquire()
    assert (a.lease.epoch, world.server.get(key)["data"]) == (2, before)


async def test_while_the_journal_cannot_be_asked_nobody_takes_over(
    world: World, b: Contender, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise RefusedError("InternalError", "the Secrets can't be listed")

    monkeypatch.setattr(world.server, "list", away)
    for _ in range(3):
        await b.acquire()
        world.clock.pass_(LEASE)
    assert not await b.acquire()
    assert caplog.text.count("Secrets can't be listed") == 1
    assert world.spec["holderIdentity"] == "nobody"


async def test_a_word_written_on_the_lease_disturbs_nobody(world: World, a: Contender, b: Contender) -> None:
    await led_by(world, a)
    await b.acquire()
    for _ in range(10):
        world.clock.pass_(LEASE / 4)
        world.touch()
        assert await a.acquire()
        assert not await b.acquire()
    assert a.lease.epoch == 1


async def test_a_lease_without_content_is_one_that_was_given_up(world: World, a: Contender) -> None:
    """As a person may create it."""
    world.server.create(KEY, {"metadata": {"name": KEY[2]}})
    assert await a.acquire()
    assert a.lease.epoch == 1


async def test_of_many_contenders_one_wins(world: World) -> None:
    many = [world.contender() for _ in range(12)]
    for _ in range(2):
        await asyncio.gather(*(each.acquire() for each in many))
    world.clock.pass_(LEASE)
    assert sum(await asyncio.gather(*(each.acquire() for each in many))) == 1


async def test_a_lease_is_wrested_from_a_leader_once_its_time_is_over(
    world: World, a: Contender, b: Contender
) -> None:
    await led_by(world, a)
    leads: list[bool] = []

    async def sleep(seconds: float) -> None:
        leads.append(a.lease.held())
        world.clock.pass_(seconds)
        if len(leads) > 1:  # at first it doesn't know yet, and acts
            assert not await a.acquire()

    assert await b.lease.wrest(sleep)
    assert leads[0]
    assert not leads[-1]
    assert sum(leads) < len(leads) * 3 / 4
    assert (b.lease.epoch, a.lease.superseded) == (2, True)


async def test_a_lease_that_is_renewed_at_that_moment_is_not_had(
    world: World, a: Contender, b: Contender
) -> None:
    await led_by(world, a)

    def renewed(request: Request) -> None:
        world.server.replace(KEY, world.server.get(KEY))
        request.answer()

    b.line.meet = renewed
    assert not await b.lease.wrest()
    assert await a.acquire()
