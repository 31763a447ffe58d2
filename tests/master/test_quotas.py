"""Quotas with whole controllers: who is let in, in which order, also after a take-over. In virtual time."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest

from master.controllers import begun, controller, wired
from master.folder import Folder
from master.office import job
from master.virtual import EPOCH, until, virtual
from plan.build import declared
from thorough import schedules
from trainmaster.api.declared import Declared
from trainmaster.api.job import TrainingJob
from trainmaster.api.status import ConditionType as C
from trainmaster.api.status import JobStatus
from trainmaster.errors import UnavailableError
from trainmaster.hadoop.values import Resource
from trainmaster.master import job as masters_own
from trainmaster.master import quotas as watched
from trainmaster.master.desk import Desk
from trainmaster.master.looking import seen_by
from trainmaster.master.quotas import Quotas
from trainmaster.plan.decide import begun as begun_as
from trainmaster.plan.holdings import demand, shares_of
from trainmaster.plan.in_force import last_good
from trainmaster.plan.ledger import ShareUse
from trainmaster.plan.memory import Memory
from trainmaster.plan.quotas import NOTHING, Amount, Share, plus
from trainmaster.plan.values import Seen
from trainmaster.settings import Quota
from yarn.nodemanager import NodeManager
from yarn.wires import Rm, Yarn

TWO = (Quota(namespace="*", replicas=2),)


def yarn() -> Yarn:
    return Yarn(*(NodeManager(host, Resource(65536, 64)) for host in ("n1", "n2")))


def put(folder: Folder, uid: str, of: TrainingJob, created: float, namespace: str = "default") -> None:
    folder.put(uid, of)
    folder.jobs[uid] = replace(folder.jobs[uid], created=created, namespace=namespace)


def why(folder: Folder, uid: str, of: C = C.QUEUED) -> tuple[str, str]:
    found = (
        next((c for c in folder.shown[uid].conditions if c.type == of), None) if uid in folder.shown else None
    )
    return (found.reason, found.message) if found else ("", "")


def waits(folder: Folder, uid: str) -> bool:
    return why(folder, uid)[0] == "WaitingForQuota" and "may hold" in why(folder, uid)[1]


def ends(room: Yarn, uid: str, code: int = 0) -> None:
    for known in room.applications.values():
        if f"uid:{uid}" in known.tags:
            for id_ in set(known.live) & set(room.running()):
                room.exits(id_, code)


@virtual
async def test_who_has_no_room_waits_with_the_numbers_and_is_taken_in_in_order() -> None:
    folder, room = Folder(), yarn()
    async with controller(folder, room, quotas=TWO) as ours:
        put(folder, "a", job(worker=2), 1)
        await until(lambda: len(room.running()) == 2)
        put(folder, "b", job(worker=2), 2)
        await until(lambda: waits(folder, "b"), 10)
        put(folder, "c", job(worker=1), 3)
        await until(lambda: waits(folder, "c"), 10)
        await until(
            lambda: ours.picture().quotas == (ShareUse("namespace default", "replicas", 2, 2, 2),), 10
        )
        assert why(folder, "b")[1] == (
            "namespace default may hold 2 replicas: 2 are held by default/a; this job wants 2"
        )
        await asyncio.sleep(600)
        assert len(room.running()) == 2
        assert folder.shown["b"].state == "Queued"
        ends(room, "a")
        await until(lambda: folder.shown["b"].state == "Running", 30)
        assert waits(folder, "c")
        ends(room, "b")
        await until(lambda: folder.shown["c"].state == "Running", 30)


@virtual
async def test_where_there_is_room_nobody_waits_for_a_look() -> None:
    folder, room = Folder(), yarn()
    async with controller(folder, room, quotas=TWO):
        put(folder, "a", job(worker=1), 1)
        await until(lambda: len(room.running()) == 1)
        await asyncio.sleep(10)
        put(folder, "b", job(worker=1), 2)
        begun_at = asyncio.get_running_loop().time()
        with patch.object(watched.Quotas, "look", side_effect=AssertionError):
            await until(lambda: len(room.running()) == 2, every=0.01)
        assert asyncio.get_running_loop().time() - begun_at < 2


@virtual
async def test_other_namespaces_have_quotas_of_their_own() -> None:
    folder, room = Folder(), yarn()
    async with controller(folder, room, quotas=TWO):
        for number in range(4):
            put(folder, f"j{number}", job(worker=2), number, f"team-{number}")
        await until(lambda: len(room.running()) == 8)


@virtual
async def test_a_controller_that_takes_over_lets_nobody_in_before_it_knows_all_and_keeps_the_order() -> None:
    folder, room = Folder(), yarn()
    put(folder, "a", job(worker=2), 1)
    async with controller(folder, room, quotas=TWO):
        await until(lambda: len(room.running()) == 2)
        for at, uid in enumerate(("c", "b", "d")):
            put(folder, uid, job(worker=1), 20 - at)
        await until(lambda: waits(folder, "d"), 10)
        await asyncio.sleep(10)
    ends(room, "a")
    folder.lease.ours = True
    async with controller(folder, room, quotas=TWO):
        await until(lambda: {u for u, s in folder.shown.items() if s.state == "Running"} >= {"b", "d"}, 60)
        assert waits(folder, "c"), "it came last, whoever is seen first"


@virtual
async def test_whoever_came_last_is_not_let_in_while_the_source_cannot_tell_who_came_before() -> None:
    """What never had an application is in no journal: a store that is slow hides it from a controller that takes over."""
    folder, room = Folder(), yarn()
    put(folder, "late", job(worker=1), EPOCH)
    async with controller(folder, room, quotas=TWO):
        await until(lambda: len(room.running()) == 1)
        _edit(folder, "late", job(worker=1, policy={"suspend": True}))
        await until(lambda: not room.running())
        put(folder, "a", job(worker=2), EPOCH + 5)
        await until(lambda: len(room.running()) == 2)
        put(folder, "early", job(worker=2), EPOCH + 6)
        await until(lambda: waits(folder, "early"), 10)
        await asyncio.sleep(60)
        _edit(folder, "late", job(worker=1))
        await until(lambda: waits(folder, "late"), 10)
    ends(room, "a")
    folder.lease.ours, folder.fail["look"] = True, UnavailableError("slow")
    async with controller(folder, room, quotas=TWO):
        await asyncio.sleep(30)
        assert room.running() == []
        del folder.fail["look"]
        await until(lambda: folder.shown["early"].state == "Running", 30)
        assert waits(folder, "late")


@virtual
async def test_a_job_whose_application_yarn_lost_keeps_its_room() -> None:
    folder, room = Folder(), yarn()
    async with controller(folder, room, quotas=TWO):
        put(folder, "a", job(worker=2), 1)
        await until(lambda: len(room.running()) == 2)
        put(folder, "b", job(worker=2), 0.5)
        await until(lambda: waits(folder, "b"), 10)
        with patch.object(Rm, "new_application", side_effect=UnavailableError("slow")):
            room.fail(next(iter(room.applications.values())))
            await asyncio.sleep(60)
        await until(lambda: len(room.running()) == 2 and folder.shown["a"].state == "Running", 60)
        assert waits(folder, "b")


@virtual
async def test_a_job_that_is_being_opened_keeps_its_room_also_when_it_is_suspended() -> None:
    """Its application comes all the same, and then it holds something until that is over."""
    folder, room = Folder(), yarn()
    opened, calls = Rm.new_application, list[str]()

    async def slow(rm: Rm) -> Any:
        if "a" not in calls:
            calls.append("a")
            await asyncio.sleep(20)
        return await opened(rm)

    async with controller(folder, room, quotas=(Quota(jobs=1),)):
        with patch.object(Rm, "new_application", slow):
            put(folder, "a", job(worker=1), 1)
            await until(lambda: "a" in folder.shown)
            put(folder, "b", job(worker=1), 2)
            await until(lambda: waits(folder, "b"), 10)
            _edit(folder, "a", job(worker=1, policy={"suspend": True}))
            await until(lambda: room.applications, 60)
            [first] = room.applications.values()
            assert "uid:a" in first.tags
        await until(lambda: folder.shown["b"].state == "Running", 60)


def _edit(folder: Folder, uid: str, of: TrainingJob) -> None:
    before = folder.jobs[uid]
    folder.jobs[uid] = replace(before, job=of, generation=before.generation + 1)


@virtual
async def test_a_quota_that_shrank_ends_nothing_and_lets_nobody_in() -> None:
    folder, room = Folder(), yarn()
    for uid in "ab":
        put(folder, uid, job(worker=2), 1)
    async with controller(folder, room):
        await until(lambda: len(room.running()) == 4)
        await asyncio.sleep(5)
    folder.lease.ours = True
    async with controller(folder, room, quotas=TWO):
        put(folder, "c", job(worker=1), 2)
        await until(lambda: waits(folder, "c"), 30)
        ends(room, "a", 1)  # it restarts, and needs no new room for that
        await until(lambda: len(room.running()) == 4, 120)
        ends(room, "a")
        await asyncio.sleep(60)
        assert waits(folder, "c")
        assert len(room.running()) == 2


@virtual
async def test_an_edit_that_has_no_room_waits_while_the_job_goes_on() -> None:
    folder, room = Folder(), yarn()
    async with controller(folder, room, quotas=TWO):
        put(folder, "a", job(worker=1), 1)
        put(folder, "b", job(worker=1), 2)
        await until(lambda: len(room.running()) == 2)
        folder.jobs["a"] = replace(folder.jobs["a"], job=job(worker=2), generation=2)
        await until(lambda: why(folder, "a", C.ACCEPTED)[0] == "WaitingForQuota", 10)
        await asyncio.sleep(30)
        assert why(folder, "a", C.ACCEPTED)[1] == (
            "namespace default may hold 2 replicas: 2 are held by default/a and default/b; this job wants 1 more; "
            "going on with the declaration before"
        )
        assert len(room.running()) == 2
        ends(room, "b")
        await until(lambda: len(room.running()) == 2 and folder.shown["a"].state == "Running", 60)
        assert why(folder, "a", C.ACCEPTED)[0] == "Accepted"


@virtual
async def test_what_can_not_be_taken_in_for_another_reason_stands_in_nobodys_way() -> None:
    folder, room = Folder(), yarn()
    async with controller(folder, room, quotas=TWO) as ours:
        ours._policy = lambda declared, _: "nobody may" if declared.name == "a" else ""
    folder.lease.ours = True
    with wired(room, looks=False):
        ours, running = begun(folder, quotas=TWO)
        ours._policy = lambda declared, _: "nobody may" if declared.name == "a" else ""
        put(folder, "a", job(worker=2), 1)
        put(folder, "never", job(worker=3), 1)
        put(folder, "b", job(worker=2), 2)
        await until(lambda: len(room.running()) == 2, 30)
        await until(lambda: why(folder, "never", C.ACCEPTED)[0] == "OverQuota", 10)
        assert why(folder, "a", C.ACCEPTED)[0] == "Denied"
        ours.stop()
        await running


@virtual
async def test_what_is_refused_for_another_reason_is_left_in_peace() -> None:
    folder, room, passes = Folder(), yarn(), Counter[str]()

    def seen(desk: Desk, said: Declared, *more: Any) -> Seen:
        passes[said.name] += 1
        return seen_by(desk, said, *more)

    folder.lease.ours = True
    with wired(room, looks=False), patch.object(masters_own, "seen_by", seen):
        ours, running = begun(folder, quotas=TWO)
        ours._policy = lambda *_: "nobody may"
        for number in range(10):
            put(folder, f"j{number}", job(worker=2), number)
        await until(lambda: all(why(folder, f"j{n}", C.ACCEPTED)[0] == "Denied" for n in range(10)), 10)
        await asyncio.sleep(10)
        passes.clear()
        await asyncio.sleep(600)
        ours.stop()
        await running
    assert passes.total() <= 10, "not one at each look"


KEYS = ("default", "Secret", "keys")
WANTS = {"env": [{"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "token"}}}]}


@virtual
async def test_a_job_whose_secret_is_not_there_holds_nothing_meanwhile() -> None:
    folder, room = Folder(), yarn()
    async with controller(folder, room, quotas=TWO) as ours:
        put(folder, "a", job(worker=2, spec=WANTS), 1)
        await until(lambda: why(folder, "a") == ("WaitingForValue", "Secret default/keys isn't there"), 10)
        put(folder, "b", job(worker=2), 2)
        await until(lambda: len(room.running()) == 2, 30)
        assert why(folder, "a")[0] == "WaitingForValue"
        folder.objects[KEYS] = {"token": b"x"}
        await until(lambda: waits(folder, "a"), 60)
        ends(room, "b")
        await until(lambda: folder.shown["a"].state == "Running", 30)
        assert ours._masters["a"].desk.secrets.lacks("a") == ""


async def test_whoever_comes_back_during_the_look_that_counted_it_as_gone_waits_for_the_next() -> None:
    """Its room is given to another by that look."""
    ledger = Quotas((Quota(jobs=1),), lambda queue: queue)

    def said(uid: str, created: float, **policy: Any) -> tuple[Declared, Memory]:
        it = replace(declared(job(worker=1, policy=policy), uid=uid, created=created), name=uid)
        return it, begun_as(it)

    a, gone, b = said("a", 1), said("a", 1, suspend=True), said("b", 2)
    await ledger.look((*each, "u", False) for each in (a, b))
    assert [ledger.of(*each, "u", False).may for each in (a, b)] == [True, False]
    ledger.of(*gone, "u", False)
    look = asyncio.create_task(ledger.look((*each, "u", False) for each in (gone, b)))
    await asyncio.sleep(0)
    assert not ledger.of(*a, "u", False).may
    await look
    assert [ledger.of(*each, "u", False).may for each in (a, b)] == [False, True]


async def test_a_job_that_is_forgotten_during_a_look_leaves_nothing() -> None:
    ledger = Quotas((Quota(jobs=1),), lambda queue: queue)
    it = declared(job(worker=1), uid="a", created=1)
    look = asyncio.create_task(ledger.look([(it, begun_as(it), "u", False)]))
    await asyncio.sleep(0)
    ledger.forget("a")
    await look
    assert not ledger._granted
    assert not ledger._judged


@virtual
async def test_a_deleted_job_leaves_nothing_in_the_ledger_and_its_room_to_others() -> None:
    folder, room = Folder(), yarn()
    async with controller(folder, room, quotas=TWO) as ours:
        put(folder, "a", job(worker=2), 1)
        await until(lambda: len(room.running()) == 2)
        ledger: Any = ours._masters["a"].desk.quotas
        put(folder, "b", job(worker=2), 2)
        await until(lambda: waits(folder, "b"), 10)
        for uid in ("b", "a"):
            folder.jobs[uid] = replace(folder.jobs[uid], deleted=True)
        await until(lambda: not ours._masters, 60)
        await asyncio.sleep(5)
        for known in (
            ledger._granted,
            ledger._judged,
            ledger._late,
            ledger._news,
            ledger._known,
            ledger._outside,
        ):
            assert not known


@virtual
async def test_a_queue_is_the_same_by_its_name_and_by_its_path_once_that_is_known() -> None:
    """Before the first look at YARN nobody knows it: what was found then must not be believed afterwards."""
    paths: dict[str, str] = {}
    ledger = Quotas((Quota(queue="root.ml", replicas=2),), lambda queue: paths.get(queue, queue))
    jobs = [
        (
            said := replace(declared(job(worker=2, spec={"queue": q}), uid=q, created=n), name=q),
            begun_as(said),
        )
        for n, q in enumerate(("ml", "root.ml"))
    ]
    await ledger.look((*each, "u", False) for each in jobs)
    assert ledger.of(*jobs[0], "u", False).may, "no quota is known to be for it"
    paths["ml"] = "root.ml"
    await ledger.look((*each, "u", False) for each in jobs)
    assert [ledger.of(*each, "u", False).may for each in jobs] == [False, True], "that one was let in before"


# --- a law over whole lives

LAW = (Quota(namespace="*", replicas=4, jobs=3), Quota(user="*", replicas=6), Quota(jobs=4))
UIDS = tuple(f"j{n}" for n in range(6))


class Lives:
    """Jobs in two namespaces that come, end, are edited, suspended and run again, under controllers that die."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.folder, self.room = Folder(), yarn()
        self.said: list[str] = []

    async def play(self, steps: int) -> None:
        with wired(self.room, looks=False):
            self.takes_over()
            for _ in range(steps):
                name = self.chance.choice(
                    ("put", "put", "ends", "edits", "suspends", "resumes", "dies", "fails")
                )
                self.said.append(name)
                getattr(self, name)()
                await asyncio.sleep(0)
                if name == "dies":
                    await asyncio.gather(self.leads, return_exceptions=True)
                    self.takes_over()
                for _ in range(self.chance.randint(1, 8)):
                    await asyncio.sleep(self.chance.choice((0.05, 0.3, 1.0, 3.0)))
                    self.never_more_than_allowed()
            await self.all_come_to_their_turn()
            self.leads.cancel()
            await asyncio.gather(self.leads, return_exceptions=True)

    def takes_over(self) -> None:
        self.folder.lease.ours = True
        _, self.leads = begun(self.folder, quotas=LAW)

    # --- what happens

    def wanted(self, **policy: Any) -> TrainingJob:
        return job(worker=self.chance.randint(1, 3), policy=policy)

    def put(self) -> None:
        uid = self.chance.choice(UIDS)
        if uid not in self.folder.jobs:
            now = asyncio.get_running_loop().time()
            put(self.folder, uid, self.wanted(), now, self.chance.choice(("red", "blue")))

    def ends(self) -> None:
        ends(self.room, self.chance.choice(UIDS))

    def fails(self) -> None:
        ends(self.room, self.chance.choice(UIDS), 1)

    def edits(self) -> None:
        self._declare(self.wanted())

    def suspends(self) -> None:
        self._declare(self.wanted(suspend=True))

    def resumes(self) -> None:
        self._declare(self.wanted(rerun=self.chance.randint(0, 3)))

    def _declare(self, of: TrainingJob) -> None:
        if self.folder.jobs:
            _edit(self.folder, self.chance.choice(list(self.folder.jobs)), of)

    def dies(self) -> None:
        self.leads.cancel()

    # --- what must be so

    def never_more_than_allowed(self) -> None:
        """Of applications that live and their containers. While a job restarts, its old ones end beside its new ones: what it
        declares counts once."""
        held: dict[Share, Amount] = {}
        for known in self.room.applications.values():
            if known.state.over:
                continue
            memory = self.folder.journal.memory(next(t[4:] for t in known.tags if t.startswith("uid:")))
            declares = last_good(memory)
            assert declares
            mine = demand(declares)
            for share in shares_of(LAW, memory.namespace, "u", "default"):
                counted = mine._replace(replicas=min(mine.replicas, len(known.live)))
                held[share] = plus(held.get(share, NOTHING), counted)
        for share, amount in held.items():
            assert amount.jobs <= share.most.jobs, (share.name, amount, self.said)
            assert amount.replicas <= share.most.replicas, (share.name, amount, self.said)

    async def all_come_to_their_turn(self) -> None:
        for uid, before in self.folder.jobs.items():
            if before.job and before.job.spec.run_policy.suspend:
                _edit(self.folder, uid, self.wanted())
        for _ in range(60):
            await asyncio.sleep(20)
            self.never_more_than_allowed()
            left = [uid for uid in self.folder.jobs if not _finished(self.folder.shown.get(uid))]
            if not left:
                return
            for id_ in self.room.running():
                self.room.exits(id_, 0)
        raise AssertionError({uid: why(self.folder, uid) for uid in left})


def _finished(status: JobStatus | None) -> bool:
    return status is not None and status.is_true(C.FINISHED)


@pytest.mark.parametrize("seed", range(schedules(60, 8)))
def test_never_is_more_held_than_allowed_and_all_come_to_their_turn(seed: int) -> None:
    @virtual
    async def plays() -> None:
        await Lives(seed).play(25)

    plays()
