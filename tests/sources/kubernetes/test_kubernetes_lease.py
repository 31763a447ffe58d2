"""Who leads in Kubernetes: never two at once, whatever is slow, lost, deleted or racing; and somebody again in time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sources.building import LEASE, Clock
from sources.kubernetes.line import Key, Line, Request, Server
from trainmaster.errors import UnavailableError
from trainmaster.sources.kubernetes.api import LEASES
from trainmaster.sources.kubernetes.lease import KubernetesLease

KEY: Key = (LEASES, "own", "trainmaster")


class World:
    """The server, the time, and the highest epoch that the journal has heard of."""

    def __init__(self) -> None:
        self.server = Server()
        self.clock = Clock()
        self.journal_epoch: Callable[[], int] = lambda: 0

    def contender(self, rate: float = 1.0) -> Contender:
        return Contender(self, rate)

    def delete(self) -> None:
        self.server.delete(KEY)

    def touch(self) -> None:
        """Somebody writes a word on it."""
        found = self.server.get(KEY)
        found["metadata"]["annotations"] = {"note": "seen"}
        self.server.replace(KEY, found)

    @property
    def spec(self) -> dict[str, object]:
        return self.server.get(KEY)["spec"]


class Contender:
    """One controller, whose clock may run at a rate of its own."""

    def __init__(self, world: World, rate: float) -> None:
        self.line = Line(world.server)

        async def journal_epoch() -> int:
            return world.journal_epoch()

        self.lease = KubernetesLease(self.line, KEY[2], LEASE, journal_epoch, lambda: world.clock.now * rate)

    async def acquire(self) -> bool:
        return await self.lease.acquire()


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def a(world: World) -> Contender:
    return world.contender()


@pytest.fixture
def b(world: World) -> Contender:
    return world.contender()


async def led_by(world: World, contender: Contender) -> None:
    """The contender takes over whatever there is, since nobody else renews."""
    await contender.acquire()
    await contender.acquire()
    world.clock.pass_(LEASE)
    assert await contender.acquire()


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
    world.journal_epoch = lambda: 41
    await led_by(world, b)
    assert b.lease.epoch == 42


async def test_while_the_journal_cannot_be_asked_nobody_takes_over(
    world: World, b: Contender, caplog: pytest.LogCaptureFixture
) -> None:
    def away() -> int:
        raise UnavailableError("the Secrets can't be listed")

    world.journal_epoch = away
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


# --- the law

RATES = {"a": 1.0, "b": 1.2, "c": 0.85}
"""how fast the clocks run"""
WHO = st.sampled_from("abc")
ACTIONS = st.one_of(
    st.tuples(st.just("acquire"), WHO),
    st.tuples(st.just("acquire"), WHO),
    st.tuples(st.just("begin"), WHO),
    st.tuples(st.sampled_from(["serve", "answer", "lose"]), WHO),
    st.tuples(st.sampled_from(["release", "leave", "delete", "touch"]), WHO),
)
STEPS = st.lists(st.tuples(st.sampled_from([0, 0, 0, 0, 1, 2, 4, 10]), ACTIONS), min_size=15, max_size=50)


@given(steps=STEPS)
@settings(max_examples=300, deadline=None)
def test_never_do_two_lead(steps: list[tuple[int, tuple[str, str]]]) -> None:
    """Whatever is served, answered and lost in which order, whoever deletes the Lease; and epochs only rise."""
    asyncio.run(Play().of(steps))


class Play:
    def __init__(self) -> None:
        self.world = World()
        self.all = {name: self.world.contender(rate) for name, rate in RATES.items()}
        self.tasks: dict[str, asyncio.Task[bool]] = {}
        self.epochs: list[int] = []
        self.world.journal_epoch = lambda: max(self.epochs, default=0)

    async def of(self, steps: list[tuple[int, tuple[str, str]]]) -> None:
        await self._begin_with_a_leader()
        for seconds, (what, who) in steps:
            self.world.clock.pass_(seconds)
            getattr(self, what)(who)
            await self._rest()
            self._check()
        for task in self.tasks.values():
            task.cancel()
        await asyncio.gather(*self.tasks.values(), return_exceptions=True)

    async def _begin_with_a_leader(self) -> None:
        await led_by(self.world, self.all["a"])
        for each in self.all.values():
            await each.acquire()
        self._check()

    def _check(self) -> None:
        leaders = [name for name, each in self.all.items() if each.lease.held()]
        assert len(leaders) <= 1
        for each in self.all.values():
            epoch = each.lease.epoch
            if epoch and epoch not in self.epochs:
                assert epoch > max(self.epochs, default=0)
                self.epochs.append(epoch)

    async def _rest(self) -> None:
        for _ in range(12):
            await asyncio.sleep(0)

    def acquire(self, name: str) -> None:
        self._start(name, Request.answer)

    def begin(self, name: str) -> None:
        """Its requests wait until they are told what becomes of them."""
        self._start(name, lambda request: None)

    def _start(self, name: str, meet: Callable[[Request], None]) -> None:
        self.all[name].line.meet = meet
        if name not in self.tasks or self.tasks[name].done():
            self.tasks[name] = asyncio.ensure_future(self.all[name].acquire())

    def release(self, name: str) -> None:
        self._release(name, Request.answer)

    def leave(self, name: str) -> None:
        """A release whose requests wait, too."""
        self._release(name, lambda request: None)

    def _release(self, name: str, meet: Callable[[Request], None]) -> None:
        self.all[name].line.meet = meet
        self.tasks[f"release {name}"] = asyncio.ensure_future(self.all[name].lease.release())

    def serve(self, name: str) -> None:
        """Also of a request that was given up: the server may hear of it late."""
        for request in self.all[name].line.requests:
            request.serve()

    def answer(self, name: str) -> None:
        for request in self.all[name].line.requests:
            request.answer()

    def lose(self, name: str) -> None:
        for request in self.all[name].line.requests:
            request.lose()

    def delete(self, _: str) -> None:
        self.world.delete()

    def touch(self, _: str) -> None:
        if KEY in self.world.server.objects:
            self.world.touch()
