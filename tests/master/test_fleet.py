"""The fleet: leading and standing by, many jobs at once, the publisher, the line. In virtual time, on fakes with teeth."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import patch

from prometheus_client import CollectorRegistry

from master.office import Leads, Store, cluster, job
from master.virtual import virtual
from master.yarn import Master, Nodes, Rm, Yarn
from trainmaster.api.declared import Declared
from trainmaster.api.job import TrainingJob
from trainmaster.api.status import JobStatus
from trainmaster.errors import RefusedError, UnavailableError
from trainmaster.master import desk, fleet, opening
from trainmaster.master.fleet import Fleet
from trainmaster.master.line import Line
from trainmaster.master.measures import Measures
from trainmaster.master.publisher import EVENTS, WRITERS, Publisher
from trainmaster.plan.turns import Waiting
from trainmaster.plan.values import Event, Size
from trainmaster.settings import Settings


class Folder:
    """A source that shows what it is given; `down` and `broken` make its calls fail."""

    name = "folder"
    pace = 0.25
    trouble = ""

    def __init__(self) -> None:
        self.lease = Leads()
        self.journal = Store(self.lease)
        self.jobs: dict[str, Declared] = {}
        self.shown: dict[str, JobStatus] = {}
        self.publishes: Counter[str] = Counter()
        self.at_once = self.most_at_once = 0
        self.fail: dict[str, Exception] = {}
        self.told: defaultdict[str, list[str]] = defaultdict(list)

    def put(self, uid: str, of: TrainingJob) -> None:
        self.jobs[uid] = Declared("folder", "default", uid, uid, f"{uid}.yaml", "u", job=of)

    def adopt(self, known: Mapping[str, tuple[str, str]]) -> None:
        self.adopted = dict(known)

    async def look(self) -> Mapping[str, Declared]:
        if "look" in self.fail:
            raise self.fail["look"]
        return dict(self.jobs)

    async def publish(self, declared: Declared, status: JobStatus) -> None:
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        self.publishes[declared.uid] += 1
        await asyncio.sleep(0.01)
        self.at_once -= 1
        if declared.uid in self.fail:
            raise self.fail[declared.uid]
        self.shown[declared.uid] = status

    async def start(self) -> None:
        return

    async def run(self) -> None:
        await asyncio.Event().wait()

    async def changed(self, most: float) -> None:
        await asyncio.sleep(most)

    async def tell(self, declared: Declared, events: Sequence[Event]) -> None:
        if "tell" in self.fail:
            raise self.fail["tell"]
        self.told[declared.uid] += [event.message for event in events]

    async def close(self) -> None:
        return

    async def gone(self, declared: Declared) -> None:
        self.shown.pop(declared.uid, None)
        self.jobs.pop(declared.uid, None)

    async def remove(self, declared: Declared) -> None:
        self.jobs[declared.uid] = replace(declared, deleted=True)


@asynccontextmanager
async def controller(folder: Folder, yarn: Yarn) -> AsyncIterator[Fleet]:
    """A controller that runs until the block ends."""
    conf = SimpleNamespace(node_expiry=600.0, application_expiry=600.0)
    with (
        patch.object(opening, "ApplicationMaster", lambda _, token: Master(yarn, token)),
        patch.object(desk, "ResourceManager", lambda *_: Rm(yarn)),
        patch.object(fleet, "ResourceManager", lambda *_: None),
        patch.object(fleet, "Rest", lambda *_: None),
        patch.object(fleet, "ClusterView", lambda *_: cluster()),
        patch.object(fleet, "NodeManagers", lambda: Nodes(yarn)),
    ):
        measures = Measures(CollectorRegistry())
        ours = Fleet(
            Settings(user="u"), cast("Any", conf), folder, measures, cast("Any", None), lambda *_: ""
        )
        running = asyncio.create_task(ours.run())
        try:
            yield ours
        finally:
            ours.stop()
            await running


async def until(what: Any, within: float = 60.0) -> None:
    async with asyncio.timeout(within):
        while not what():
            await asyncio.sleep(0.05)


@virtual
async def test_many_jobs_at_once_leave_the_others_their_turn() -> None:
    folder, yarn = Folder(), Yarn()
    async with controller(folder, yarn):
        await asyncio.sleep(1)
        for number in range(300):
            folder.put(f"job-{number:03}", job(worker=1))
        loop = asyncio.get_running_loop()
        loop.turns = 0  # type: ignore[attr-defined]
        await until(lambda: len(yarn.running()) == 300)
        assert loop.turns > 300, "no turn of the loop serves many jobs"  # type: ignore[attr-defined]


@virtual
async def test_a_stop_leaves_jobs_running_and_a_successor_takes_them_up() -> None:
    folder, yarn = Folder(), Yarn()
    folder.put("a", job(worker=2))
    async with controller(folder, yarn):
        await until(lambda: len(yarn.running()) == 2)
        await asyncio.sleep(2)
    assert len(yarn.running()) == 2
    folder.lease.ours = True
    started = list(yarn.started)
    async with controller(folder, yarn) as ours:
        await until(lambda: ours.picture().jobs)
        await asyncio.sleep(20)
        assert list(yarn.started) == started
        assert folder.adopted == {"a": ("default", "a")}


@virtual
async def test_a_standby_touches_nothing_and_leads_when_it_may() -> None:
    folder, yarn = Folder(), Yarn()
    folder.put("a", job(worker=1))
    folder.lease.ours = False
    async with controller(folder, yarn) as ours:
        await asyncio.sleep(60)
        assert not yarn.calls
        assert not ours.picture().leading
        folder.lease.ours = True
        await until(yarn.running, 5)


@virtual
async def test_what_nobody_foresaw_in_the_store_ends_no_heartbeat() -> None:
    folder, yarn = Folder(), Yarn()
    folder.put("a", job(worker=1))
    async with controller(folder, yarn) as ours:
        await until(yarn.running)
        folder.fail["look"] = ZeroDivisionError()
        before = yarn.calls["allocate"]
        await asyncio.sleep(60)
        assert yarn.calls["allocate"] - before > 50
        del folder.fail["look"]
        folder.put("b", job(worker=1))
        await until(lambda: len(yarn.running()) == 2)
        assert ours.picture().leading


@virtual
async def test_a_controller_that_is_superseded_puts_everything_down() -> None:
    folder, yarn = Folder(), Yarn()
    folder.put("a", job(worker=1))
    async with controller(folder, yarn) as ours:
        await until(yarn.running)
        folder.lease.ours, folder.lease.superseded = False, True
        await until(lambda: not ours.picture().jobs, 5)
        assert not ours.picture().leading
        before = yarn.calls.copy()
        await asyncio.sleep(60)
        assert yarn.calls == before


@virtual
async def test_a_deleted_job_leaves_nothing_in_any_ledger() -> None:
    folder, yarn = Folder(), Yarn()
    folder.put("a", job(worker=1))
    async with controller(folder, yarn) as ours:
        await until(yarn.running)
        folder.jobs["a"] = replace(folder.jobs["a"], deleted=True)
        office = ours._masters["a"].desk
        await until(lambda: not ours._masters)
        assert not ours._tasks
        assert office.ports._by_job == {}
        assert office.line._waiting == {}
        assert ours._publisher._shown == ours._publisher._waiting == {}
        assert folder.journal.records == {}
        assert yarn.running() == []


# --- the publisher


@asynccontextmanager
async def publishing(folder: Folder) -> AsyncIterator[Publisher]:
    publisher = Publisher(folder)
    task = asyncio.create_task(publisher.run())
    try:
        yield publisher
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def declared(uid: str) -> Declared:
    return Declared("folder", "default", uid, uid, f"{uid}.yaml", "u")


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
        await until(lambda: {"away", "no"} <= folder.shown.keys(), 10)
        publisher.put(declared("bug"), JobStatus(observed_generation=2))
        await until(lambda: "bug" in folder.shown, 10)


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
async def test_many_jobs_are_shown_at_once_though_each_has_its_pace() -> None:
    folder = Folder()
    folder.pace = 5.0
    async with publishing(folder) as publisher:
        for n in range(200):
            publisher.put(declared(f"job-{n}"), JobStatus(observed_generation=1))
        await until(lambda: len(folder.shown) == 200, 2)


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


# --- the line


def test_whose_turn_has_come_is_called_when_another_leaves() -> None:
    called: list[str] = []
    line = Line(lambda: (Size(4096, 10), 1.0), called.append)
    big, small = Waiting("big", 1.0, 0, Size(8192, 1)), Waiting("small", 2.0, 0, Size(1024, 1))
    assert line.join(big)
    assert not line.join(small)
    line.leave("big")
    assert called == ["small"]


@virtual
async def test_a_job_whose_record_cannot_be_read_is_never_begun_anew() -> None:
    folder, yarn = Folder(), Yarn()
    folder.put("a", job(worker=1))
    folder.put("b", job(worker=1))
    folder.journal.records["a"] = (
        b'{"uid": "a", "namespace": "default", "name": "a", "generation": "of another version"}'
    )
    async with controller(folder, yarn):
        await until(lambda: len(yarn.running()) == 1)
        assert folder.adopted["a"] == ("default", "a")
        await until(lambda: "a" in folder.shown)
        assert "record in the journal can't be read" in folder.shown["a"].conditions[0].message
        assert "a" in folder.journal.records, "somebody may restore it"

        folder.jobs["a"] = replace(folder.jobs["a"], deleted=True)
        await until(lambda: "a" not in folder.jobs)
        assert "a" not in folder.journal.records
