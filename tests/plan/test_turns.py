"""Whose turn it is: by queue, partition and scarce resource. And the law that no two gangs ever wait for each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainmaster.plan.bounds import Bound, Bounds, of_partition, of_queue, of_user
from trainmaster.plan.cluster import Size
from trainmaster.plan.turns import Round, Waiting, in_order, turns

MOST = Size(100, 100, 100)


def waiting(
    uid: str, memory: int, since: float = 0.0, priority: int = 0, gpus: int = 0, queue: str = "root.a"
) -> Waiting:
    return Waiting(uid, since, priority, Size(memory, 1, gpus), queue, user="u", gang=Size(memory, 1, gpus))


def bounds(free: int, gpus: int = 9, **queues: int) -> Bounds:
    """So much memory is free in the cluster, and left to queues below the root."""
    known = {of_partition(""): Bound("the cluster", MOST, Size(free, 99, gpus))}
    known |= {
        of_queue(f"root.{q}"): Bound(f"queue 'root.{q}'", MOST, Size(m, 99, 9)) for q, m in queues.items()
    }
    return Bounds(known)


def may(jobs: Sequence[Waiting], within: Bounds) -> set[str]:
    return {uid for uid, turn in turns(jobs, within).items() if turn.may}


@pytest.mark.parametrize(
    ("jobs", "free", "expected"),
    [
        ([waiting("a", 8, 1), waiting("b", 8, 2)], 8, {"a"}),
        ([waiting("a", 8, 2), waiting("b", 8, 1)], 8, {"b"}),
        ([waiting("a", 8, 1), waiting("b", 8, 2, priority=1)], 8, {"b"}),
        ([waiting("a", 4, 1), waiting("b", 4, 2)], 8, {"a", "b"}),
        ([waiting("a", 99, 1), waiting("b", 1, 2)], 8, {"a"}),
        # Both would hold a part of the memory that the other lacks: the GPUs of the one don't change that.
        ([waiting("a", 99, 1), waiting("g", 99, 2, gpus=1)], 8, {"a"}),
        # Short of GPUs alone, it holds up nobody who wants none.
        ([waiting("g", 4, 1, gpus=99), waiting("a", 4, 2)], 8, {"g", "a"}),
        ([waiting("g", 4, 1, gpus=99), waiting("h", 1, 2, gpus=1), waiting("a", 4, 3)], 8, {"g", "a"}),
        ([], 8, set()),
    ],
)
def test_who_may_gather(jobs: list[Waiting], free: int, expected: set[str]) -> None:
    assert may(jobs, bounds(free)) == expected


@given(
    st.lists(
        st.builds(waiting, st.text(max_size=3), st.integers(1, 9), st.floats(0, 9), st.integers(0, 2)),
        unique_by=lambda job: job.uid,
    )
)
def test_somebody_always_may(jobs: list[Waiting]) -> None:
    assert bool(may(jobs, Bounds())) == bool(jobs)


# --- queues


def test_four_jobs_of_a_full_queue_hold_up_nobody_elses() -> None:
    stuck = [waiting(f"stuck-{i}", 4, i, queue="root.full") for i in range(4)]
    ours = waiting("ours", 8, 9, queue="root.idle")
    assert may([*stuck, ours], bounds(8, full=0, idle=50)) == {"stuck-0", "ours"}


def test_a_job_that_its_queue_can_serve_in_part_claims_that_part_and_no_more() -> None:
    part = waiting("part", 8, 1, queue="root.full")
    assert may([part, waiting("fits", 6, 2, queue="root.idle")], bounds(8, full=2)) == {"part", "fits"}
    assert may([part, waiting("large", 7, 2, queue="root.idle")], bounds(8, full=2)) == {"large"}


def test_a_part_that_is_held_is_not_taken_back_for_who_needs_the_same() -> None:
    held = replace(waiting("held", 8, 1, queue="root.full"), holds=True)
    assert may([held, waiting("large", 9, 2, queue="root.idle")], bounds(8, full=2)) == {"held"}
    assert may([held, waiting("fits", 6, 2, queue="root.idle")], bounds(8, full=2)) == {"held", "fits"}


def test_a_queue_above_bounds_both_below_it() -> None:
    within = Bounds({**bounds(99).known, of_queue("root.p"): Bound("queue 'root.p'", MOST, Size(8, 99, 9))})
    jobs = [waiting("a", 6, 1, queue="root.p.a"), waiting("b", 6, 2, queue="root.p.b"), waiting("c", 6, 3)]
    assert may(jobs, within) == {"a", "c"}


def test_a_user_whose_share_is_used_up_holds_up_no_other_of_the_queue() -> None:
    known = bounds(50, a=50).known | {of_user("root.a", "u"): Bound("u's share", MOST, Size(2, 99, 9))}
    other = replace(waiting("other", 45, 2), user="v")
    assert may([waiting("mine", 8, 1), other], Bounds(known)) == {"mine", "other"}


def test_a_partition_is_a_world_of_its_own() -> None:
    known = bounds(0).known | {of_partition("gpu"): Bound("gpu", MOST, Size(8, 99, 9))}
    within = Bounds(known, {"root.g": "gpu"})
    assert may([waiting("a", 8, 1), waiting("b", 8, 2, queue="root.g")], within) == {"a", "b"}


def test_what_todays_nodes_cannot_hold_stands_in_nobodys_way() -> None:
    assert may([replace(waiting("vast", 99, 1), possible=False), waiting("small", 8, 2)], bounds(8)) == {
        "small"
    }


def test_who_is_granted_nothing_though_there_is_room_claims_nothing_and_asks_on() -> None:
    stuck = [replace(waiting(f"stuck-{i}", 4, i), stuck=True) for i in range(4)]
    assert may([*stuck, waiting("ours", 8, 9)], bounds(8)) == {"ours", *(job.uid for job in stuck)}
    assert may([*stuck, waiting("large", 9, 9)], bounds(8)) == {"large"}, (
        "what it needs whole, nobody else asks for"
    )


# --- priority


def test_priority_counts_among_one_users_jobs_in_one_queue_only() -> None:
    mine = [waiting("old", 8, 1), waiting("new", 8, 5, priority=2_000_000_000)]
    theirs = [replace(waiting("theirs", 8, 2), user="v"), waiting("elsewhere", 8, 3, queue="root.b")]
    assert [job.uid for job in in_order([*mine, *theirs])] == ["new", "theirs", "elsewhere", "old"]


# --- what is said


def test_the_sentence_names_bound_place_and_numbers() -> None:
    jobs = [waiting(f"j{i}", 8, i, queue="root.full") for i in range(20)]
    said = turns(jobs, bounds(99, full=4))
    has = "queue 'root.full' (100 MiB, 100 vcores, 100 GPU in all)"
    assert said["j0"].words == f"{has} has no room for all of it yet"
    wants = f"it wants 8 MiB, 1 vcores of {has}"
    assert said["j1"].words == f"{wants}; 1 job is before it in line there"
    assert said["j3"].words == f"{wants}; 3 jobs are before it in line there"
    assert said["j4"].words == f"{wants}; 4 jobs are before it in line there"
    assert said["j19"].words == f"{wants}; up to 32 jobs are before it in line there"


def test_a_queue_that_holds_back_applications_is_named() -> None:
    known = {of_queue("root.a"): Bound("queue 'root.a'", MOST, Size(50, 50), held_back=7)}
    words = turns([replace(waiting("a", 8), stuck=True)], Bounds(bounds(50).known | known))["a"].words
    assert words == (
        "nothing is granted to it, though nodes have room; queue 'root.a' lets 7 applications wait, "
        "mostly for its share of masters"
    )


@given(
    st.lists(
        st.builds(
            waiting,
            st.text("abcdefgh", min_size=1, max_size=3),
            st.integers(1, 9),
            queue=st.sampled_from(["root.a", "root.b", "root.full"]),
        ),
        unique_by=lambda job: job.uid,
    ),
    st.integers(0, 30),
)
def test_who_comes_last_is_judged_as_if_all_were_gone_through_again(jobs: list[Waiting], free: int) -> None:
    within = bounds(free, a=12, full=2)
    placed = [replace(job, since=at) for at, job in enumerate(jobs)]
    one_by_one = Round(within)
    one_by_one.through(())
    for at, job in enumerate(placed):
        told = one_by_one.last(job)
        anew = turns(placed[: at + 1], within)
        if told is None:
            one_by_one = Round(within)
            one_by_one.through(placed[: at + 1])
        else:
            assert (told.may, bool(told.words)) == (anew[job.uid].may, bool(anew[job.uid].words))


# --- the law


@dataclass
class Tenants:
    """Gangs in queues of a cluster that fill up, run and end. YARN grants what it likes of what is asked for."""

    total: int
    queues: Mapping[str, int]
    """what each may use"""
    line: dict[str, Waiting] = field(default_factory=dict)
    held: dict[str, int] = field(default_factory=dict)
    running: dict[str, Waiting] = field(default_factory=dict)

    def left(self, queue: str = "") -> int:
        jobs = {**self.line, **self.running}
        used = sum(n for uid, n in self.held.items() if not queue or jobs[uid].queue == queue)
        return (self.queues[queue] if queue else self.total) - used

    def bounds(self) -> Bounds:
        return bounds(self.left(), **{name.removeprefix("root."): self.left(name) for name in self.queues})

    def asks(self) -> list[Waiting]:
        standing = [
            replace(job, needs=job.gang - Size(self.held[uid]), holds=self.held[uid] > 0)
            for uid, job in self.line.items()
        ]
        allowed = may(standing, self.bounds())
        return [job for job in standing if job.uid in allowed]

    def grant(self, job: Waiting, number: int) -> bool:
        """Some of what is asked for, as far as the queue and the nodes have it; whether that was anything."""
        most = min(job.needs.memory, self.left(), self.left(job.queue))
        given = most and 1 + number % most
        self.held[job.uid] += given
        if given == job.needs.memory:
            self.running[job.uid] = self.line.pop(job.uid)
        return given > 0

    def end(self, number: int) -> None:
        if self.running:
            uid = sorted(self.running)[number % len(self.running)]
            del self.running[uid], self.held[uid]

    def add(self, uid: str, memory: int, queue: str, since: float) -> None:
        self.line[uid] = waiting(uid, min(memory, self.total, self.queues[queue]), since, queue=queue)
        self.held[uid] = 0


JOBS = st.tuples(st.just("add"), st.integers(0, 199))
STEPS = st.lists(
    st.one_of(JOBS, st.tuples(st.sampled_from(["grant", "grant", "end"]), st.integers(0, 199))), max_size=60
)


@settings(max_examples=300, deadline=None)
@given(st.integers(4, 20), st.lists(st.integers(2, 20), min_size=1, max_size=3), STEPS)
def test_no_two_gangs_ever_wait_for_each_other(
    total: int, most: list[int], steps: list[tuple[str, int]]
) -> None:
    queues = {f"root.q{i}": min(m, total) for i, m in enumerate(most)}
    world = Tenants(total, queues)
    for at, (what, number) in enumerate(steps):
        asking = world.asks()
        if what == "add":
            world.add(f"j{at}", 1 + number % 20, sorted(queues)[number % len(queues)], at)
        elif what == "end":
            world.end(number)
        elif asking:
            world.grant(asking[number % len(asking)], number)
    while world.line:
        granted = any(world.grant(job, 0) for job in world.asks())
        assert granted or world.running, f"they wait for each other: {world}"
        if not granted:
            world.end(0)


def test_who_waits_is_told_who_is_before_it_while_the_line_is_short() -> None:
    jobs = [replace(waiting(f"j{n}", 8, n), name=f"vision/j{n}") for n in range(9)]
    said = turns(jobs, bounds(8))
    assert said["j1"].words.endswith("1 job is before it in line there, vision/j0 first")
    assert said["j3"].words.endswith("3 jobs are before it in line there, vision/j0 first")
    assert said["j8"].words.endswith("up to 8 jobs are before it in line there")
