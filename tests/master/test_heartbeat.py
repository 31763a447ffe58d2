"""The heartbeat against a scheduler that throws, replays and forgets."""

from __future__ import annotations

from typing import cast

import pytest

from trainmaster.errors import RefusedError
from trainmaster.hadoop.containers import AllocateCall, Allocated
from trainmaster.hadoop.refusals import INVALID_ASK
from trainmaster.hadoop.scheduler import ApplicationMaster
from trainmaster.master.heartbeat import REPLAY, Heart
from trainmaster.plan.memory import Key
from trainmaster.plan.values import Ask, Size


class Scheduler:
    """Answers as the ResourceManager does; refuses whole calls that ask for more than `largest` MiB."""

    def __init__(self, largest: int = 1024) -> None:
        self.calls: list[AllocateCall] = []
        self.accepted: list[AllocateCall] = []
        self._largest, self._response = largest, 0

    async def allocate(self, call: AllocateCall) -> Allocated:
        self.calls.append(call)
        if any(line.size.memory > self._largest for line in call.asks):
            raise RefusedError(INVALID_ASK, "too large")
        self.accepted.append(call)
        if call.response_id == self._response:
            self._response += 1
        return Allocated(self._response)


def heart(scheduler: Scheduler) -> Heart:
    return Heart(cast("ApplicationMaster", scheduler), dict, lambda _: None, 0)


def ask(role: str, number: int, memory: int = 128, run: int = 1) -> Ask:
    return Ask(Key(role, 0), run, number, Size(memory, 1))


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
    asked = {line.priority for call in scheduler.accepted for line in call.asks if line.count}
    assert asked == {1, 3}
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
    assert scheduler.accepted[-1].asks


async def test_after_a_register_everything_is_said_again() -> None:
    scheduler = Scheduler()
    ours = heart(scheduler)
    ours.want((ask("ps", 0),), frozenset({"bad"}))
    await ours.beat()
    ours.registered_anew()
    assert ours.response_id == REPLAY
    await ours.beat()
    assert scheduler.calls[-1].asks
    assert scheduler.calls[-1].avoid == ("bad",)


async def test_other_refusals_come_through() -> None:
    class Gone(Scheduler):
        async def allocate(self, call: AllocateCall) -> Allocated:
            raise RefusedError("org.example.Gone", "gone")

    with pytest.raises(RefusedError):
        await heart(Gone()).beat()
