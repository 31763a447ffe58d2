"""The heartbeat against a scheduler that throws, replays and forgets."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from typing import cast
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from master.virtual import virtual
from trainmaster.errors import RefusedError, UnavailableError
from trainmaster.hadoop.containers import AllocateCall, Allocated
from trainmaster.hadoop.refusals import INVALID_ASK, WRONG_RESPONSE_ID
from trainmaster.hadoop.scheduler import ApplicationMaster
from trainmaster.master import heartbeat
from trainmaster.master.asking import table
from trainmaster.master.heartbeat import REPLAY, Heart
from trainmaster.plan.memory import Key
from trainmaster.plan.values import Ask, Size


class Scheduler:
    """As ApplicationMasterService.allocate: a number one step old gets the last answer again, and nothing it says is heeded.

    Refuses whole calls that ask for more than `largest` MiB; loses as many answers as `lose` says.
    """

    def __init__(self, largest: int = 1024) -> None:
        self.calls: list[AllocateCall] = []
        self.heeded: list[AllocateCall] = []
        self.table: dict[int, int] = {}
        """allocation request id -> containers asked for, as it stands"""
        self.blacklist: set[str] = set()
        self.lose = 0
        self.largest, self._last = largest, 0

    def restarted(self) -> None:
        self.blacklist.clear()
        self.table.clear()
        self.registered()

    def registered(self) -> None:
        """A register alone makes the scheduler forget nothing (DefaultAMSProcessor.registerApplicationMaster)."""
        self._last = 0

    async def allocate(self, call: AllocateCall) -> Allocated:
        self.calls.append(call)
        if call.response_id + 1 != self._last:
            if call.response_id != self._last:
                raise RefusedError(WRONG_RESPONSE_ID, f"{call.response_id} instead of {self._last}")
            if any(line.size.memory > self.largest for line in call.asks):
                raise RefusedError(INVALID_ASK, "too large")
            self.heeded.append(call)
            self.table |= {line.allocation_request_id: line.count for line in call.asks}
            self.blacklist = (self.blacklist | set(call.avoid)) - set(call.unavoid)
            self._last += 1
        if self.lose:
            self.lose -= 1
            raise UnavailableError("the answer got lost")
        return Allocated(self._last)

    @property
    def wanted(self) -> set[int]:
        return {number for number, count in self.table.items() if count}


def heart(
    scheduler: Scheduler, growth: Callable[[], int] = lambda: 0, start: int = 0, hosts: Iterable[str] = ()
) -> Heart:
    racks = dict.fromkeys(hosts, "/default-rack")
    return Heart(cast("ApplicationMaster", scheduler), lambda: racks, lambda _: None, start, growth=growth)


def ask(role: str, number: int, memory: int = 128, run: int = 1) -> Ask:
    return Ask(Key(role, 0), run, number, Size(memory, 1))


async def test_no_line_is_made_to_find_out_that_there_is_none_to_send() -> None:
    ours = heart(Scheduler())
    ours.want((ask("ps", 0),), frozenset())
    await ours.beat()
    with patch.object(heartbeat, "difference") as lines:
        assert not ours.has_news
        await ours.beat()
        ours.want((ask("ps", 0), ask("worker", 1)), frozenset())
        assert ours.has_news
    assert not lines.called


async def test_what_stands_is_not_said_again() -> None:
    scheduler = Scheduler()
    ours = heart(scheduler)
    ours.want((ask("ps", 0), ask("worker", 1)), frozenset())
    await ours.beat()
    await ours.beat()
    assert [len(call.asks) for call in scheduler.calls] == [2, 0]
    assert not ours.has_news


async def test_a_repeated_beat_acknowledges_nothing_and_says_nothing() -> None:
    scheduler = Scheduler()
    ours = heart(scheduler)
    ours.want((ask("ps", 0),), frozenset())
    await ours.beat()
    before = ours.response_id
    await ours.repeat()
    assert scheduler.calls[-1].response_id == scheduler.calls[0].response_id
    assert scheduler.calls[-1].asks == ()
    assert ours.response_id == before


async def test_one_bad_ask_is_found_and_the_others_stand() -> None:
    scheduler = Scheduler()
    ours = heart(scheduler)
    ours.want((ask("ps", 0), ask("worker", 1, memory=4096), ask("chief", 2)), frozenset())
    for _ in range(4):
        await ours.beat()
    assert scheduler.wanted == set(table([ask("ps", 0), ask("chief", 2)]))
    assert set(ours.refused.values()) == {"too large"}
    assert not ours.has_news


async def test_a_changed_ask_gets_a_new_chance() -> None:
    scheduler = Scheduler()
    ours = heart(scheduler)
    ours.want((ask("worker", 1, memory=4096),), frozenset())
    await ours.beat()
    assert ours.refused
    ours.want((ask("worker", 1, memory=512, run=2),), frozenset())
    assert not ours.refused
    await ours.beat()
    assert scheduler.wanted


@virtual
async def test_a_refused_ask_is_made_again_after_pauses_that_grow_and_not_with_each_beat() -> None:
    scheduler = Scheduler()
    ours = heart(scheduler)
    ours.want((ask("ps", 0), ask("worker", 1, memory=4096)), frozenset())
    for _ in range(3600):
        await ours.beat()
        await asyncio.sleep(1)
    made = sum(1 for call in scheduler.calls for line in call.asks if line.size.memory == 4096)
    assert 10 < made < 25
    assert ours.refused, "the words stay while it waits to be made again"
    assert scheduler.wanted == set(table([ask("ps", 0)]))
    scheduler.largest = 8192
    for _ in range(301):
        await ours.beat()
        await asyncio.sleep(1)
    assert len(scheduler.wanted) == 2
    assert not ours.refused


@virtual
async def test_a_refused_ask_is_made_again_at_once_when_the_cluster_has_grown() -> None:
    scheduler, grown = Scheduler(), [1]
    ours = heart(scheduler, lambda: grown[0])
    ours.want((ask("worker", 1, memory=4096),), frozenset())
    await ours.beat()
    assert not ours.has_news
    grown[0] += 1
    assert ours.has_news
    await ours.beat()
    assert not ours.has_news, "the node was no larger"
    scheduler.largest = 8192
    grown[0] += 1
    await ours.beat()
    assert scheduler.wanted
    assert not ours.refused


async def test_after_a_register_everything_is_said_again_once_the_last_answer_was_replayed() -> None:
    scheduler = Scheduler()
    ours = heart(scheduler)
    ours.want((ask("ps", 0),), frozenset({"bad"}))
    ours.releases.add("c1")
    await ours.beat()
    scheduler.restarted()
    ours.registered_anew()
    ours.releases.add("c2")
    await ours.beat()
    assert scheduler.calls[-1] == AllocateCall(REPLAY), "what a replayed call says is not heeded"
    assert ours.has_news
    await ours.beat()
    assert scheduler.wanted == set(table([ask("ps", 0)]))
    assert scheduler.heeded[-1].avoid == ("bad",)
    assert scheduler.heeded[-1].releases == ("c2",)
    assert not ours.has_news


@pytest.mark.parametrize("restarted", [True, False])
async def test_what_is_unwanted_when_a_register_was_made_is_taken_back_although_it_was_said_before(
    restarted: bool,
) -> None:
    scheduler = Scheduler()
    ours = heart(scheduler)
    ours.want((ask("ps", 0), ask("worker", 1)), frozenset({"bad", "worse"}))
    await ours.beat()
    scheduler.restarted() if restarted else scheduler.registered()
    ours.registered_anew()
    ours.want((ask("worker", 1),), frozenset({"worse"}))
    await ours.beat()
    await ours.beat()
    assert scheduler.wanted == set(table([ask("worker", 1)]))
    assert scheduler.blacklist == {"worse"}
    assert not ours.has_news


async def test_hosts_that_an_earlier_master_had_avoided_are_free_to_one_who_asks_anew() -> None:
    scheduler = Scheduler()
    scheduler.blacklist = {"a", "b"}
    ours = heart(scheduler, start=REPLAY, hosts=("a", "b", "c"))
    await ours.beat()
    assert scheduler.blacklist == {"a", "b"}, "who asks for nothing needs no host"
    ours.want((ask("ps", 0),), frozenset({"b"}))
    await ours.beat()
    assert scheduler.blacklist == {"b"}
    ours.want((ask("ps", 0), ask("worker", 1)), frozenset({"b"}))
    await ours.beat()
    assert [len(call.unavoid) for call in scheduler.heeded] == [2, 0], "once is enough"


async def test_nobody_before_us_had_a_new_application_avoid_anything() -> None:
    scheduler = Scheduler()
    ours = heart(scheduler, hosts=("a", "b"))
    ours.want((ask("ps", 0),), frozenset())
    await ours.beat()
    assert scheduler.heeded[-1].unavoid == ()


async def test_what_was_said_when_an_answer_got_lost_is_no_reason_to_forget_what_is_said_since() -> None:
    scheduler = Scheduler()
    ours = heart(scheduler)
    ours.want((ask("ps", 0),), frozenset())
    scheduler.lose = 1
    with pytest.raises(UnavailableError):
        await ours.beat()
    ours.want((ask("ps", 0), ask("worker", 1)), frozenset())
    ours.releases.add("c1")
    await ours.beat()
    assert ours.has_news, "the answer was a replay: the new lines were not heard"
    await ours.beat()
    assert scheduler.wanted == set(table([ask("ps", 0), ask("worker", 1)]))
    assert [call.releases for call in scheduler.heeded] == [(), ("c1",)]


@pytest.mark.parametrize("lost", [0, 1])
async def test_before_the_first_answer_and_after_a_lost_one_there_are_signs_of_life(lost: int) -> None:
    scheduler = Scheduler()
    ours = heart(scheduler)
    ours.want((ask("ps", 0),), frozenset())
    if lost:
        scheduler.lose = lost
        with pytest.raises(UnavailableError):
            await ours.beat()
    for _ in range(3):
        await ours.repeat()
    assert len(set(scheduler.calls)) == 1, "the same again and again"
    assert len(scheduler.heeded) == 1, "nothing but the first was acknowledged"
    await ours.beat()
    await ours.beat()
    assert scheduler.wanted == set(table([ask("ps", 0)]))


async def test_an_ask_that_may_not_even_be_taken_back_is_given_up() -> None:
    scheduler = Scheduler()
    ours = heart(scheduler)
    ours.want((ask("ps", 0), ask("worker", 1, memory=512)), frozenset())
    await ours.beat()
    scheduler.largest = 256  # the administrator has lowered it
    ours.want((), frozenset())
    for _ in range(3):
        await ours.beat()
    assert scheduler.table[next(iter(table([ask("ps", 0)])))] == 0
    assert not ours.has_news


@settings(max_examples=60)
@given(
    st.lists(
        st.sampled_from(
            ["beat", "lose", "repeat", "more", "less", "restart", "register", "release", "avoid"]
        ),
        max_size=25,
    )
)
async def test_whatever_happens_the_scheduler_comes_to_have_just_what_is_wanted(steps: list[str]) -> None:
    scheduler = Scheduler()
    ours = heart(scheduler)
    runs, avoid = [1], frozenset[str]()
    released = set()
    for number, step in enumerate(steps):
        scheduler.lose = step == "lose"
        if step in ("more", "less"):
            runs = [*runs, number + 2] if step == "more" else runs[1:]
            ours.want(tuple(ask("worker", 1, run=run) for run in runs), avoid)
        elif step == "avoid":
            avoid ^= {f"host{number % 3}"}
        elif step == "release":
            ours.releases.add(f"c{number}")
            released.add(f"c{number}")
        elif step == "restart":
            scheduler.restarted()
            ours.registered_anew()
        elif step == "register":
            scheduler.registered()
            ours.registered_anew()
        else:
            with contextlib.suppress(UnavailableError):
                await (ours.repeat() if step == "repeat" else ours.beat())
    ours.want(tuple(ask("worker", 1, run=run) for run in runs), avoid)
    scheduler.lose = 0
    for _ in range(3):
        await ours.beat()
    assert scheduler.wanted == set(table(ask("worker", 1, run=run) for run in runs))
    assert scheduler.blacklist == avoid
    assert {id_ for call in scheduler.heeded for id_ in call.releases} == released
    assert not ours.has_news


async def test_other_refusals_come_through() -> None:
    class Gone(Scheduler):
        async def allocate(self, call: AllocateCall) -> Allocated:
            raise RefusedError("org.example.Gone", "gone")

    with pytest.raises(RefusedError):
        await heart(Gone()).beat()
