"""The line: promises between two looks at YARN, turns that are taken back, and what a long line costs."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import ClassVar
from unittest.mock import patch

from master.virtual import virtual
from trainmaster.master import line as line_module
from trainmaster.master.line import LONGEST, PATIENCE, Line
from trainmaster.plan.bounds import Bound, Bounds, of_partition, of_queue
from trainmaster.plan.turns import STEP, Round, Waiting
from trainmaster.plan.values import Cluster, Node, Nodes, Size

GIB = 1024


@dataclass
class Look:
    """The last look at YARN, as the test says it was."""

    free: int = 4
    seen_at: float = 1.0
    queues: dict[str, int] = field(default_factory=dict)
    total: int = 64

    @property
    def bounds(self) -> Bounds:
        known = {of_partition(""): Bound("the cluster", self._size(self.total), self._size(self.free))}
        for path, left in self.queues.items():
            known[of_queue(path)] = Bound(f"queue {path!r}", self._size(self.total), self._size(left))
        return Bounds(known)

    def of_queue(self, queue: str) -> Cluster:
        node = Node("n", "/r", self._size(self.free), self._size(self.total))
        return Cluster(self._size(self.total), nodes=Nodes([node]), queue=queue)

    def again(self, seconds: float = 2.0, **changes: object) -> None:
        for name, value in changes.items():
            setattr(self, name, value)
        self.seen_at += seconds

    @staticmethod
    def _size(gigabytes: int) -> Size:
        return Size(gigabytes * GIB, 1000)


def waiting(uid: str, gigabytes: int, since: float = 0.0, queue: str = "root.a", **more: object) -> Waiting:
    size = Size(gigabytes * GIB, 1)
    job = Waiting(uid, since, 0, size, queue, "u", gang=size, containers=(Size(GIB, 1),))
    return replace(job, **more)  # type: ignore[arg-type]


def test_room_that_was_promised_is_not_promised_twice_until_the_nodes_are_looked_at_again() -> None:
    look = Look()
    line = Line(look)
    assert line.join(waiting("a", 3, 1)).may
    line.leave("a")  # complete: its containers are granted, and the last look doesn't know
    assert line.join(waiting("b", 3, 2)).may, "it is at the front of the line"
    assert not line.join(waiting("c", 1, 3)).may, "what a and b were promised is more than there is"
    look.again()
    assert line.join(waiting("c", 1, 3)).may, "a's containers are counted in the new look"


def test_the_front_may_always_ask() -> None:
    line = Line(Look(free=0))
    assert line.join(waiting("a", 60, 1)).may
    assert not line.join(waiting("b", 1, 2)).may
    line.leave("a")
    assert line.join(waiting("b", 1, 2)).may


def test_a_turn_is_kept_from_who_comes_later_though_before_by_rank() -> None:
    line = Line(Look())
    assert line.join(waiting("b", 3, 2)).may
    assert not line.join(waiting("a", 3, 1)).may, "b may hold a part already"
    assert line.join(waiting("b", 3, 2)).may
    line.leave("b")
    assert line.join(waiting("a", 3, 1)).may


def test_what_was_granted_since_the_last_look_is_not_free() -> None:
    look = Look()
    line = Line(look)
    assert line.join(waiting("a", 3, 1)).may
    part = waiting("a", 1, 1, gang=Size(3 * GIB, 1), holds=True)
    assert line.join(part).may, "two of three are granted"
    assert not line.join(waiting("b", 2, 2)).may, "the last look knew nothing of them"
    look.again(free=2)
    assert not line.join(waiting("b", 2, 2)).may
    assert line.join(waiting("c", 1, 1.5)).may, "beside a there is room for one of this size"


def test_what_todays_nodes_cannot_hold_stands_in_nobodys_way() -> None:
    look = Look()
    line = Line(look)
    assert not line.join(waiting("vast", 100, 1)).may
    assert line.join(waiting("small", 1, 2)).may
    line.leave("small")
    look.again(total=128)
    assert line.join(waiting("vast", 100, 1)).may, "nodes came"


def test_whose_turn_has_come_is_called_when_another_leaves() -> None:
    called: list[str] = []
    line = Line(Look(), called.append)
    assert line.join(waiting("big", 8, 1)).may
    assert not line.join(waiting("small", 1, 2)).may
    line.leave("big")
    assert called == ["small"]


def test_a_job_of_a_free_queue_goes_at_once_past_four_of_a_full_one() -> None:
    line = Line(Look(queues={"root.full": 0, "root.free": 64}))
    turns = [line.join(waiting(f"stuck-{i}", 2, i, "root.full")) for i in range(4)]
    assert [turn.may for turn in turns] == [True, False, False, False]
    assert line.join(waiting("ours", 4, 9, "root.free")).may


async def test_a_turn_is_taken_back_from_who_holds_nothing_for_who_can_be_served_sooner() -> None:
    called: list[str] = []
    look = Look(free=0, queues={"root.full": 0})
    line = Line(look, called.append)
    assert line.join(waiting("stuck", 2, 1, "root.full")).may
    assert not line.join(waiting("ours", 4, 2)).may, "what the first was granted may be on its way"
    look.again()
    await line.look()
    assert called == ["stuck", "ours"]
    assert line.join(waiting("ours", 4, 2)).may
    assert not line.join(waiting("stuck", 2, 1, "root.full")).may


def test_who_is_granted_nothing_for_a_while_though_there_is_room_claims_none() -> None:
    """Its queue's share of masters may be used up: YARN says nothing of that."""
    look = Look(queues={"root.a": 64})
    line = Line(look)
    assert all(line.join(waiting(f"stuck-{i}", 1, i)).may for i in range(4))
    ours = waiting("ours", 4, 9, "root.b")
    look.again()
    assert line.join(ours).may is False, "they may be granted something yet"
    look.again(PATIENCE)
    assert line.join(ours).may
    assert line.join(waiting("stuck-0", 1, 0)).may, "it asks on"
    look.again()
    granted = waiting("stuck-0", 1, 0, gang=Size(2 * GIB, 1), holds=True)
    assert not line.join(granted).words, "it was let in at last"


def test_who_had_no_room_is_not_taken_for_stuck() -> None:
    look = Look(free=0)
    line = Line(look)
    assert line.join(waiting("front", 8, 1)).may
    look.again(PATIENCE * 2)
    assert not line.join(waiting("behind", 1, 2)).may, "what is freed goes to the front"


# --- what it costs


class Counted(Round):
    """Counts how many jobs are gone through."""

    jobs: ClassVar[Counter[str]] = Counter()

    def steps(self, waiting: Iterable[Waiting]) -> Iterator[None]:
        jobs = list(waiting)
        self.jobs["through"] += len(jobs)
        return super().steps(jobs)


@virtual
async def test_a_line_of_thousands_is_joined_and_left_without_going_through_it_each_time() -> None:
    jobs = [waiting(f"j{i:04}", 2, i) for i in range(3000)]
    backwards = [replace(job, uid=f"b{job.uid}", since=-job.since) for job in jobs]
    with patch.object(line_module, "Round", Counted):
        Counted.jobs.clear()
        line = Line(Look(free=0))
        for job in (*jobs, *backwards):
            line.join(job)
        for job in jobs:
            line.leave(job.uid)
        await asyncio.sleep(1)
        assert Counted.jobs["through"] < 10 * len(jobs)
        assert line.join(backwards[-1]).may, "it waits longest"


@virtual
async def test_while_there_is_room_for_all_nobodys_coming_and_going_makes_a_round() -> None:
    with patch.object(line_module, "Round", Counted):
        Counted.jobs.clear()
        look = Look(free=1000, total=1000)
        line = Line(look)
        assert all(line.join(waiting(f"j{i:04}", 2, i)).may for i in range(100))
        for i in range(100):
            line.leave(f"j{i:04}")
        assert Counted.jobs["through"] <= 1
        assert line.join(waiting("vast", 900, 200)).words, "what was promised to the others counts"


@virtual
async def test_while_there_is_room_for_all_it_does_not_matter_who_comes_where() -> None:
    """Applications are opened in no order: of jobs that begin together each would wait for the line to be gone through."""
    with patch.object(line_module, "Round", Counted):
        Counted.jobs.clear()
        line = Line(Look(free=1000, total=1000))
        assert all(line.join(waiting(f"j{i:04}", 2, -i, priority=i % 3)).may for i in range(100))
        assert Counted.jobs["through"] <= 1
        assert line.join(vast := waiting("vast", 900, 200)).words, "what was promised to the others counts"
        line.join(older := waiting("older", 2, -200))
        await asyncio.sleep(1)
        assert line.join(older).may, "now it does matter"
        assert not line.join(vast).may


@virtual
async def test_a_machine_that_stood_still_while_a_line_was_gone_through_holds_up_nobodys_turn() -> None:
    """By the clock that took long, and the next time waited for twenty times as long: a hundred seconds for five."""
    called: list[str] = []
    line = Line(Look(free=2), called.append)
    for i in range(100):
        line.join(waiting(f"j{i:04}", 2, i))
    loop, stood = asyncio.get_running_loop(), 0.0

    def stands_still() -> float:
        nonlocal stood
        stood += 60.0
        return loop.time() + stood

    line.leave("j0000")
    with patch.object(line_module.clock, "monotonic", stands_still):
        await asyncio.sleep(1)
    assert called == ["j0001"]
    line.leave("j0001")
    await asyncio.sleep(LONGEST + 0.1)
    assert called == ["j0001", "j0002"]


@virtual
async def test_only_those_are_called_whose_turn_has_come() -> None:
    called: list[str] = []
    look = Look(free=0)
    line = Line(look, called.append)
    for i in range(3000):
        line.join(waiting(f"j{i:04}", 2, i))
    assert len(line.news()) == 0
    look.again()
    await line.look()
    assert called == []
    assert line.news() == [], "nothing has changed for anybody"
    line.leave("j0000")
    await asyncio.sleep(1)
    assert called == ["j0001"]
    assert len(line.news()) < 30, "their place is told roughly"


# --- what happens while it is gone through in steps


async def steps_of(line: Line, each: Callable[[int], object] = lambda _: None) -> int:
    """Others' turns of the loop while the line is looked at; each is told its number."""
    looking, number = asyncio.ensure_future(line.look()), 0
    while not looking.done():
        each(number)
        number += 1
        await asyncio.sleep(0)
    return number


@virtual
async def test_others_have_their_turn_while_a_long_line_is_gone_through() -> None:
    look = Look(free=0)
    line = Line(look)
    for i in range(20 * STEP):
        line.join(waiting(f"j{i:04}", 2, i))
    look.again()
    assert await steps_of(line) >= 3 * 20


@virtual
async def test_others_have_their_turn_while_a_long_line_is_gone_through_for_one_who_left() -> None:
    line = Line(Look(free=0))
    for i in range(20 * STEP):
        line.join(waiting(f"j{i:04}", 2, i))
    await asyncio.sleep(LONGEST)
    line.leave("j0000")
    most = between = 0
    through = Round._at_queues

    def counted(self: Round, job: Waiting) -> object:
        nonlocal most, between
        between += 1
        most = max(most, between)
        return through(self, job)

    with patch.object(Round, "_at_queues", counted):
        while not line.join(waiting("j0001", 2, 1)).may:
            between = 0
            await asyncio.sleep(0.0001 if not line._under_way else 0)
    assert 0 < most <= STEP


@virtual
async def test_nobody_is_let_in_before_who_came_earlier_at_the_moment_when_a_line_comes_to_be_gone_through() -> (
    None
):
    line, turns = Line(Look(free=100, queues={"root.b": 0})), list[bool]()
    for i in range(30):
        line.join(waiting(f"j{i:02}", 2, i))
    line.join(waiting("hindered", 5, 30, queue="root.b"))
    await asyncio.sleep(LONGEST)
    begin = line._begin

    def joined_just_then() -> None:
        begin()
        turns.append(line.join(waiting("later", 38, 40)).may)

    with patch.object(line, "_begin", joined_just_then):
        line.leave("j00")
        line.join(waiting("earlier", 38, 31))
    await asyncio.sleep(LONGEST)
    assert turns == [False]
    assert line.join(waiting("earlier", 38, 31)).may
    assert not line.join(waiting("later", 38, 40)).may


@virtual
async def test_who_asks_meanwhile_is_called_afterwards_and_no_room_is_promised_twice() -> None:
    called: list[str] = []
    look = Look(free=0)
    line = Line(look, called.append)
    for i in range(3 * STEP):
        line.join(waiting(f"j{i:04}", 2, i))
    new = waiting("new", 2, -1.0)
    look.again(free=2)
    asked: list[bool] = []
    await steps_of(line, lambda number: asked.append(line.join(new).may) if number == 2 else None)
    assert asked == [False]
    assert "new" in called
    called.clear()
    await asyncio.sleep(10)
    assert "new" in called, "its turn has come"
    may = [
        uid
        for uid in ("new", "j0000", "j0001")
        if line.join(waiting(uid, 2, -1.0 if uid == "new" else int(uid[1:]))).may
    ]
    assert len(may) == 1


@virtual
async def test_who_wants_more_meanwhile_has_no_turn_for_what_he_wanted_before() -> None:
    look = Look(free=0)
    line = Line(look)
    jobs = {f"j{i:04}": waiting(f"j{i:04}", 1, i) for i in range(3 * STEP)}
    for job in jobs.values():
        line.join(job)
    look.again(free=64)
    vast = replace(jobs["j0009"], needs=Size(60 * GIB, 1))
    await steps_of(line, lambda number: line.join(vast) if number == 4 else None)
    may = [uid for uid, job in jobs.items() if line.join(vast if uid == "j0009" else job).may]
    assert "j0009" not in may
    assert len(may) <= 64


@virtual
async def test_who_had_his_turn_and_asks_meanwhile_is_told_at_the_end_what_became_of_it() -> None:
    called: list[str] = []
    look = Look(free=0, queues={"root.full": 0})
    line = Line(look, called.append)
    stuck, ours = waiting("stuck", 2, 1, "root.full"), waiting("ours", 4, 2)
    assert line.join(stuck).may
    assert not line.join(ours).may
    for i in range(3 * STEP):
        line.join(waiting(f"j{i:04}", 2, i + 10, "root.full"))
    look.again()
    await steps_of(line, lambda number: line.join(ours) if number == 2 else None)
    assert {"stuck", "ours"} <= set(called)
    assert line.join(ours).may


@virtual
async def test_who_leaves_meanwhile_has_no_turn_any_more_and_the_next_one_has_his() -> None:
    called: list[str] = []
    look = Look(free=0)
    line = Line(look, called.append)
    for i in range(3 * STEP):
        line.join(waiting(f"j{i:04}", 2, i))
    look.again()
    await steps_of(line, lambda number: line.leave("j0000") if number == 2 else None)
    assert "j0000" not in line
    await asyncio.sleep(10)
    assert called == ["j0001"]


@virtual
async def test_what_is_news_for_thousands_is_told_to_some_at_each_look() -> None:
    look = Look(free=0)
    line = Line(look)
    for i in range(1000):
        line.join(waiting(f"j{i:04}", 2, i))
    look.again(total=72)
    await line.look()
    told = [line.news() for _ in range(11)]
    assert [len(news) for news in told] == [100] * 10 + [0]
    assert len({uid for news in told for uid in news}) == 1000
