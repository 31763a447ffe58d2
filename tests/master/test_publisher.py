"""Statuses and events as they are shown: the newest of each job, whole, and events after the status of the same news."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from unittest.mock import patch

import pytest

from master.folder import Folder
from master.virtual import until, virtual
from trainmaster.api.declared import Declared
from trainmaster.api.status import Condition, JobStatus
from trainmaster.api.status import ConditionType as C
from trainmaster.errors import RefusedError, UnavailableError
from trainmaster.master import clock
from trainmaster.master.beats import Beats
from trainmaster.master.publisher import AT_ONCE, CALM, EVENTS, LONGEST_REST, REST_SHARE, WRITERS, Publisher
from trainmaster.master.turns_of_news import ROUND, Rank, Turns
from trainmaster.plan.values import Event


@asynccontextmanager
async def publishing(folder: Folder, beats: Beats | None = None) -> AsyncIterator[Publisher]:
    publisher = Publisher(folder, beats or Beats())
    works = [asyncio.create_task(work) for work in (publisher.run(), publisher.watch())]
    try:
        yield publisher
    finally:
        for work in works:
            work.cancel()
        await asyncio.gather(*works, return_exceptions=True)


def declared(uid: str) -> Declared:
    return Declared("folder", "default", uid, uid, f"{uid}.yaml", "u")


def true(which: C) -> Condition:
    return Condition(
        type=which, status="True", reason="R", message="", lastTransitionTime="2026-11-23T00:00:00Z"
    )


@virtual
async def test_only_the_newest_status_is_shown_and_an_equal_one_is_not_shown_again() -> None:
    folder = Folder()
    async with publishing(folder) as publisher:
        for generation in range(100):
            publisher.put(declared("a"), JobStatus(observed_generation=generation))
            await asyncio.sleep(0.01)
        await asyncio.sleep(1)
        assert folder.shown["a"].observed_generation == 99
        assert folder.publishes["a"] <= 1 / folder.pace + 2
        publisher.put(declared("a"), JobStatus(observed_generation=99))
        count = folder.publishes["a"]
        await asyncio.sleep(1)
        assert folder.publishes["a"] == count


@virtual
async def test_a_status_that_can_not_be_shown_hurts_no_other_and_is_tried_again() -> None:
    folder = Folder()
    folder.fail = {
        "away": UnavailableError("away"),
        "no": RefusedError("x", "no"),
        "bug": ZeroDivisionError(),
    }
    async with publishing(folder) as publisher:
        for uid in (*folder.fail, *(f"good-{n}" for n in range(50))):
            publisher.put(declared(uid), JobStatus(observed_generation=1))
        await until(lambda: len(folder.shown) == 50, 10)
        assert folder.most_at_once <= WRITERS
        folder.fail.clear()
        await until(lambda: {"away", "no", "bug"} <= folder.shown.keys(), 10)


@virtual
async def test_thousands_of_one_tenants_statuses_delay_anothers_by_one_write() -> None:
    folder, order = Folder(), list[str]()

    async def publish(of: Declared, status: JobStatus) -> None:
        await asyncio.sleep(0.1)
        order.append(of.owner or of.namespace)

    with patch.object(folder, "publish", publish):
        async with publishing(folder) as publisher:
            for number in range(2000):
                publisher.put(replace(declared(f"m{number}"), owner="mallory"), JobStatus(state="x" * 500))
            await until(lambda: len(order) > 10, 10)
            publisher.put(replace(declared("a"), owner="alice"), JobStatus())
            publisher.put(replace(declared("b"), owner="", namespace="bob"), JobStatus())
            put_at = len(order)
            await until(lambda: {"alice", "bob"} <= set(order), 10)
            assert max(order.index("alice"), order.index("bob")) <= put_at + 4 * WRITERS


@virtual
async def test_a_status_that_fails_in_a_way_nobody_foresaw_is_told_until_it_is_shown() -> None:
    folder, failed = Folder(), list[str]()
    folder.fail = {"bug": ZeroDivisionError()}
    beats = Beats(failed.append)
    async with publishing(folder, beats) as publisher:
        publisher.put(declared("bug"), JobStatus(observed_generation=1))
        publisher.put(declared("good"), JobStatus(observed_generation=1))
        await until(lambda: "good" in folder.shown, 10)
        await asyncio.sleep(5)
        assert "the status of default/bug (ZeroDivisionError)" in beats.trouble
        assert set(failed) == {"status"}
        folder.fail.clear()
        await until(lambda: "bug" in folder.shown, 10)
        assert beats.trouble == ""


@virtual
async def test_writers_that_are_begun_anew_leave_no_job_waiting_for_ever() -> None:
    folder = Folder()
    publisher = Publisher(folder, Beats())
    publisher.put(declared("a"), JobStatus(observed_generation=1))
    writing = asyncio.create_task(publisher.run())
    await until(lambda: folder.at_once, every=0.001)
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    publisher.put(declared("a"), JobStatus(observed_generation=2))
    writing = asyncio.create_task(publisher.run())
    try:
        await until(lambda: "a" in folder.shown, 10)
    finally:
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)


@virtual
async def test_an_outage_is_told_once_for_each_job_and_again_when_there_is_another() -> None:
    folder = Folder()
    with patch.object(logging.getLogger("trainmaster.master.publisher"), "info") as told:
        async with publishing(folder) as publisher:
            for outage in (1, 2):
                folder.fail = {"a": UnavailableError("away"), "b": UnavailableError("away")}
                for uid in folder.fail:
                    publisher.put(declared(uid), JobStatus(observed_generation=outage))
                await asyncio.sleep(3600)
                assert told.call_count == 2 * outage
                folder.fail = {}
                await asyncio.sleep(60)
                assert folder.shown["a"].observed_generation == outage


@virtual
async def test_what_follows_at_once_is_shown_with_what_it_follows() -> None:
    folder = Folder()
    folder.pace = 1.5
    async with publishing(folder) as publisher:
        publisher.put(declared("a"), JobStatus(state="Running"))
        await asyncio.sleep(10)
        publisher.put(declared("a"), JobStatus(state="Succeeded"))
        await asyncio.sleep(0.1)
        publisher.put(declared("a"), JobStatus(state="Succeeded", observed_generation=1))
        await asyncio.sleep(10)
        assert folder.publishes["a"] == 2
        assert folder.shown["a"].observed_generation == 1


@virtual
async def test_news_that_change_no_state_wait_for_others_and_hold_up_none_of_them() -> None:
    """A job that starts is Queued for two reasons, one shortly after the other."""
    folder, job = Folder(), declared("a")
    async with publishing(folder) as publisher:
        publisher.put(job, JobStatus(state="Queued"))
        await until(lambda: "a" in folder.shown, CALM)
        publisher.put(job, JobStatus(state="Queued", queue_position=1))
        await asyncio.sleep(0.4 * CALM)
        publisher.put(job, JobStatus(state="Starting"))
        await until(lambda: folder.shown["a"].state == "Starting", 0.4 * CALM)
        assert folder.publishes["a"] == 2
        await asyncio.sleep(CALM)
        publisher.put(job, JobStatus(state="Starting", queue_position=2))
        publisher.put(job, JobStatus(state="Starting", queue_position=3))
        await until(lambda: folder.shown["a"].queue_position == 3, 2 * CALM)
        assert folder.publishes["a"] == 3


@virtual
async def test_a_verdict_is_shown_with_the_end_that_it_brings_or_without_it_in_time() -> None:
    folder = Folder()
    folder.pace = 1.5
    succeeded, finished = true(C.SUCCEEDED), true(C.FINISHED)
    async with publishing(folder) as publisher:
        for uid in ("soon", "late"):
            publisher.put(declared(uid), JobStatus(conditions=(succeeded,)))
        await asyncio.sleep(1)
        publisher.put(declared("soon"), JobStatus(conditions=(succeeded, finished)))
        await asyncio.sleep(1)
        publisher.put(declared("late"), JobStatus(conditions=(succeeded, finished)))
        assert not folder.shown["late"].is_true(C.FINISHED)
        await asyncio.sleep(10)
        assert folder.publishes == {"soon": 1, "late": 2}


@virtual
async def test_many_jobs_are_shown_at_once_though_each_has_its_pace() -> None:
    folder = Folder()
    folder.pace = 5.0
    async with publishing(folder) as publisher:
        for n in range(200):
            publisher.put(declared(f"job-{n}"), JobStatus(observed_generation=1))
        await until(lambda: len(folder.shown) == 200, 2)


@virtual
async def test_a_status_that_takes_long_is_shown_more_rarely_and_the_newest_all_the_same() -> None:
    class Slow(Folder):
        async def publish(self, declared: Declared, status: JobStatus) -> None:
            await asyncio.sleep(0.4)
            await super().publish(declared, status)

    folder = Slow()
    async with publishing(folder) as publisher:
        for generation in range(200):
            publisher.put(declared("large"), JobStatus(observed_generation=generation))
            publisher.put(declared("other"), JobStatus(observed_generation=generation))
            await asyncio.sleep(0.1)
        assert folder.publishes["large"] <= 1 + 20 / (REST_SHARE * 0.4)
        await until(lambda: folder.shown["large"].observed_generation == 199, 2 * LONGEST_REST)


@virtual
async def test_the_more_is_shown_the_more_rarely_each_job_is_and_in_the_end_the_newest_of_all() -> None:
    folder = Folder()
    async with publishing(folder) as publisher:
        for generation in range(60):
            for n in range(400):
                publisher.put(declared(f"job-{n}"), JobStatus(observed_generation=generation))
            await asyncio.sleep(0.1)
            if generation == 20:
                assert len(folder.shown) == 400, "what was never shown doesn't wait for others"
        assert folder.publishes.total() <= 400 + 6 * 2 * AT_ONCE
        shown = folder.shown
        await until(lambda: {s.observed_generation for s in shown.values()} == {59}, LONGEST_REST + 1)


@virtual
async def test_events_follow_the_status_of_the_same_news_once() -> None:
    folder = Folder()
    async with publishing(folder) as publisher:
        folder.fail["a"] = UnavailableError("away")
        publisher.put(declared("a"), JobStatus(observed_generation=1), [Event(False, "One", "one")])
        publisher.put(declared("a"), JobStatus(observed_generation=2), [Event(False, "Two", "two")])
        await asyncio.sleep(1)
        assert folder.told["a"] == []
        folder.fail.clear()
        await until(lambda: folder.told["a"] == ["one", "two"], 10)
        assert folder.shown["a"].observed_generation == 2


@virtual
async def test_events_that_can_not_be_told_hold_up_no_status_and_a_flood_of_them_is_cut() -> None:
    folder = Folder()
    folder.fail["tell"] = UnavailableError("away")
    async with publishing(folder) as publisher:
        publisher.put(declared("a"), JobStatus(observed_generation=1), [Event(True, "Lost", "lost")])
        await until(lambda: "a" in folder.shown)
        folder.fail.clear()
        publisher.put(declared("b"), JobStatus(), [Event(False, "Flood", str(n)) for n in range(1000)])
        publisher.put(declared("b"), JobStatus(observed_generation=1))
        await until(lambda: "b" in folder.shown)
        assert folder.told["a"] == []
        assert folder.told["b"] == [str(n) for n in range(1000 - EVENTS, 1000)]


@virtual
async def test_after_a_start_what_is_new_or_urgent_is_shown_before_what_is_only_shown_again() -> None:
    folder = Folder()
    written: list[str] = []

    async def publish(declared: Declared, _: JobStatus) -> None:
        await asyncio.sleep(0.1)
        written.append(declared.uid)

    with patch.object(folder, "publish", publish):
        async with publishing(folder) as publisher:
            for number in range(1000):
                publisher.put(declared(f"old-{number}"), JobStatus(state="Running"))
            await asyncio.sleep(1)
            publisher.put(declared("ended"), JobStatus(state="Failed"), [Event(True, "Failed", "it failed")])
            publisher.put(replace(declared("new"), created=clock.now()), JobStatus(state="Queued"))
            publisher.put(
                declared("old-999"), JobStatus(state="Running"), [Event(True, "Restarted", "it did")]
            )
            before = len(written)
            await until(lambda: {"ended", "new", "old-999"} <= set(written))
            assert len(written) - before < 10 * WRITERS
            await until(lambda: len(set(written)) == 1002)


@pytest.mark.parametrize("flood", Rank)
def test_a_flood_of_one_kind_leaves_turns_to_the_others(flood: Rank) -> None:
    turns = Turns()
    for number in range(100):
        turns.add("a", f"f{number}", flood)
    for rank in Rank:
        turns.add("b", rank.name, rank)
    given = [turns.next() for _ in range(103)]
    assert max(given.index(rank.name) for rank in Rank) < 2 * len(ROUND)
    assert len(set(given)) == 103
    assert turns.next() == ""


def test_the_first_that_is_told_of_jobs_goes_before_what_changed_of_others() -> None:
    turns = Turns()
    for number in range(100):
        turns.add("a", f"changed-{number}", Rank.NEWS)
        turns.add("a", f"new-{number}", Rank.FIRST)
    given = [turns.next() for _ in range(100)]
    assert sum(uid.startswith("new") for uid in given) > 60


def test_a_status_that_somebody_waits_for_by_now_changes_lines() -> None:
    turns = Turns()
    turns.add("a", "x", Rank.CALM)
    turns.add("a", "x", Rank.NEWS)
    assert (turns.next(), turns.next()) == ("x", "")


@virtual
async def test_a_status_that_somebody_changed_is_shown_again() -> None:
    folder = Folder()
    async with publishing(folder) as publisher:
        publisher.put(declared("a"), JobStatus(observed_generation=1))
        publisher.put(declared("b"), JobStatus(observed_generation=1))
        await until(lambda: len(folder.shown) == 2, 10)
        await asyncio.sleep(600)
        assert folder.publishes == {"a": 1, "b": 1}
        folder.shown["a"] = JobStatus(state="Succeeded")
        folder.edited.add("a")
        await until(lambda: folder.shown["a"].observed_generation == 1, 10)
        await asyncio.sleep(600)
        assert folder.publishes == {"a": 2, "b": 1}


class Late(Folder):
    """Its news of an object come before the answer to the write that they tell of, as on a Kubernetes under load: meanwhile the
    object shows something else than was shown on it last."""

    async def publish(self, declared: Declared, status: JobStatus) -> None:
        self.shown[declared.uid] = status
        self.edited.add(declared.uid)
        await asyncio.sleep(5)
        await super().publish(declared, status)


@virtual
async def test_an_older_status_never_follows_the_newer_one_whose_write_is_answered_late() -> None:
    folder = Late()
    async with publishing(folder) as publisher:
        for generation in (1, 2):
            publisher.put(declared("a"), JobStatus(observed_generation=generation, state=str(generation)))
            await asyncio.sleep(600)
            assert folder.shown["a"].observed_generation == generation
        assert folder.publishes == {"a": 2}


@virtual
async def test_with_somebody_who_changes_it_all_the_time_nobody_fights_hot() -> None:
    folder = Folder()
    async with publishing(folder) as publisher:
        publisher.put(declared("a"), JobStatus(observed_generation=1))
        await until(lambda: folder.shown, 10)
        for _ in range(36_000):  # an hour
            folder.edited.add("a")
            await asyncio.sleep(0.1)
        assert 12 <= folder.publishes["a"] <= 25
        publisher.put(declared("a"), JobStatus(observed_generation=2))
        await until(lambda: folder.shown["a"].observed_generation == 2, 10)
