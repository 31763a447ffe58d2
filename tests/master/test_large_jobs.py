"""A job of thousands of replicas holds up nobody: what takes long for it is computed beside the loop, and grows no square."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import patch

import pytest
from prometheus_client import CollectorRegistry

from master.office import Office, container
from master.virtual import turns, virtual
from plan import build
from plan.build import World
from trainmaster.errors import UnavailableError
from trainmaster.master import job, telling
from trainmaster.master.contact import Contact
from trainmaster.master.crowd import Crowd
from trainmaster.master.desk import LARGE
from trainmaster.master.doing import Doing
from trainmaster.master.intake import STEP, Intake
from trainmaster.master.job import JobMaster
from trainmaster.master.listed import Listed
from trainmaster.master.looking import MANY_ENDS
from trainmaster.master.measures import Measures
from trainmaster.master.telling import LOGGED
from trainmaster.master.works import AT_ONCE, QUICK
from trainmaster.plan import case, judge
from trainmaster.plan.decide import decide
from trainmaster.plan.memory import ReplicaMemory
from trainmaster.plan.values import Container, ContainerState, End, Event, Size, Stop


@pytest.mark.parametrize(("replicas", "aside"), [(LARGE, True), (LARGE - 1, False)])
def test_a_large_jobs_decision_is_made_beside_the_loop(replicas: int, aside: bool) -> None:
    async def computed() -> int:
        office = Office()
        try:
            return await office.desk.beside(replicas, threading.get_ident)
        finally:
            office.desk.close()

    assert (asyncio.run(computed()) != threading.get_ident()) == aside


@pytest.mark.parametrize(("failing", "aside"), [(MANY_ENDS, True), (MANY_ENDS - 1, False)])
def test_many_ends_at_once_are_judged_beside_the_loop_whatever_the_size_of_the_job(
    failing: int, aside: bool
) -> None:
    """What each process said last is looked through for a hundred patterns."""
    threads = []

    def decided(*about: Any) -> Any:
        if about[2].ends:
            threads.append(threading.get_ident())
        return decide(*about)

    async def fails() -> None:
        async with Office() as office:
            master = office.drive(build.job("Generic", {"backoff": {"base": 0}}, worker=MANY_ENDS))
            while len(office.yarn.running()) < MANY_ENDS or not all(r.bound for r in master.memory.replicas):
                await asyncio.sleep(0.05)
            for number in range(failing):
                master.contact.sight.ended(End(container(master, number), 1, "", 0.0))
            master.nudge()
            while not threads:
                await asyncio.sleep(0.01)
            office.desk.close()

    with patch.object(job, "decide", decided):
        asyncio.run(fails())
    assert (threads[0] != threading.get_ident()) == aside


def test_the_loss_of_all_replicas_costs_each_of_them_the_same() -> None:
    """Counted in successors made of rows: those of twice as many replicas are twice as many."""
    assert rows_made(400) == 2 * rows_made(200)


def rows_made(replicas: int) -> int:
    world = World(build.job("Generic", {"backoff": {"base": 0}}, worker=replicas)).runs()
    ends = tuple(End(r.container, -100, "", world.now) for r in world.memory.replicas)
    made = 0

    def counted(of: object, **changes: object) -> object:
        nonlocal made
        made += len(changes["replicas"]) if "replicas" in changes else isinstance(of, ReplicaMemory)  # type: ignore[arg-type]
        return replace(of, **changes)  # type: ignore[type-var]

    with patch.object(judge, "replace", counted), patch.object(case, "replace", counted):
        world.sees(containers={}, ends=ends)
    assert world.asked == set(world.names)
    return made


def doing_of(nodes: dict[str, str], statuses: Callable[..., Any]) -> Doing:
    """The work of a job whose containers (id -> node) are listed, and not known to run."""
    tokens = SimpleNamespace(of=lambda _id, _node: b"token", taken=lambda _node: None)
    sight = SimpleNamespace(
        unconfirmed=lambda: nodes,
        unreached=list,
        unheard=lambda _ids: None,
        confirmed=lambda *_: None,
        lives=lambda _id: True,
        containers=nodes,
        missing={},
        tokens=tokens,
        changed=False,
    )
    desk = SimpleNamespace(nodes=SimpleNamespace(statuses=statuses), passes=Crowd(10))
    return Doing(cast("Any", desk), cast("Any", sight), asyncio.Event(), set())


async def test_works_on_many_nodes_begin_in_turns_of_the_loop() -> None:
    nodes = {f"c{number}": f"n{number}:1" for number in range(50)}
    asked: list[str] = []

    async def statuses(node: str, _token: bytes, _ids: Sequence[str]) -> None:
        asked.append(node)
        raise UnavailableError(f"{node} is away")

    doing = doing_of(nodes, statuses)
    doing.confirm()
    begun = []
    for _ in range(40 * len(nodes)):
        await asyncio.sleep(0)
        begun.append(len(asked))
    assert max(after - before for before, after in itertools.pairwise(begun)) == 1
    assert sorted(asked) == sorted(nodes.values())
    await doing.close()


@virtual
async def test_of_thousands_of_nodes_a_few_are_asked_at_once_and_each_once_in_a_round() -> None:
    """All at once they would answer at once: of the loss of 5,000 replicas that was a turn of the loop with 5,000 steps."""
    nodes = {f"c{number}": f"n{number // 2}:1" for number in range(10 * AT_ONCE)}
    asked, under_way, most = Counter[str](), 0, 0

    async def statuses(node: str, _token: bytes, ids: Sequence[str]) -> None:
        nonlocal under_way, most
        asked.update(ids)
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(QUICK / 10)
        under_way -= 1

    doing = doing_of(nodes, statuses)
    doing.confirm()
    assert len(asyncio.all_tasks()) <= AT_ONCE + 2
    while len(asked) < len(nodes):
        await asyncio.sleep(QUICK / 10)
        doing.confirm()  # as each heartbeat does
    assert most <= AT_ONCE
    assert max(asked.values()) <= 2
    await doing.close()


@virtual
async def test_a_stop_that_is_wanted_anew_as_the_one_before_ends_is_made() -> None:
    """In the one turn of the loop in which its task is over and still counts: it was noted as under way for ever."""
    tries = 0

    def lives(_id: str) -> bool:
        nonlocal tries
        tries += 1
        if tries == 1:
            asyncio.get_running_loop().call_soon(doing.stop, [Stop("c1", "n1:1")])
        return False

    doing = doing_of({"c1": "n1:1"}, lambda *_: None)
    sight = cast("Any", doing._sight)
    sight.lives, sight.mark = lives, lambda _id, **_: None
    doing.stop([Stop("c1", "n1:1")])
    await asyncio.sleep(1)
    assert sight.changed, "another pass is made"
    doing.stop([Stop("c1", "n1:1")])
    await asyncio.sleep(1)
    assert tries == 2
    await doing.close()


@virtual
async def test_containers_of_two_applications_on_one_node_are_stopped_each_by_its_own_token() -> None:
    """By the first one's token alone the others are refused; and it may have none."""
    nodes, stopped = dict.fromkeys(("old", "c1", "c2", "lost"), "n1:1"), []

    async def stop(_node: str, token: bytes, ids: Sequence[str]) -> dict[str, None]:
        stopped.append((token, tuple(ids)))
        return dict.fromkeys(ids)

    doing = doing_of(nodes, lambda *_: None)
    sight, desk = cast("Any", doing._sight), cast("Any", doing._desk)
    known = {"lost": None, "old": b"old"}
    sight.tokens.of, sight.mark = lambda id_, _: known.get(id_, b"new"), lambda _id, **_: None
    desk.nodes.stop, desk.lease = stop, SimpleNamespace(held=lambda: True)
    doing.stop([Stop(id_, "n1:1") for id_ in ("lost", "old", "c1", "c2")])
    await asyncio.sleep(0.5)
    assert stopped == [(b"old", ("old",)), (b"new", ("c1", "c2"))]
    await doing.close()


@virtual
async def test_many_nodes_that_hang_keep_nobody_from_being_asked() -> None:
    nodes = {f"c{number}": f"n{number}:1" for number in range(3 * AT_ONCE + 1)}
    asked: list[str] = []

    async def statuses(node: str, _token: bytes, _ids: Sequence[str]) -> None:
        asked.append(node)
        await asyncio.Event().wait()

    doing = doing_of(nodes, statuses)
    doing.confirm()
    await asyncio.sleep(2.9 * QUICK)
    assert len(asked) == 3 * AT_ONCE
    await asyncio.sleep(QUICK)
    assert sorted(asked) == sorted(nodes.values())
    await doing.close()


def test_the_events_of_a_great_loss_are_counted_and_not_all_written_out() -> None:
    events = [Event(True, "NodeLost", f"worker-{number} was lost") for number in range(LOGGED + 7)]
    registry = CollectorRegistry()
    with patch.object(telling, "log") as log:
        telling.tell(events, {"job": "mnist"}, Measures(registry))
    assert [call.args[1] for call in log.log.call_args_list] == [e.message for e in events[:LOGGED]]
    assert [call.kwargs["extra"]["events"] for call in log.info.call_args_list] == [7]
    labels = {"type": "Warning", "reason": "NodeLost"}
    assert registry.get_sample_value("trainmaster_events_total", labels) == len(events)


class Rows(tuple[Any, ...]):  # noqa: SLOT001
    """Counts how often somebody goes through them."""

    times = 0

    def __iter__(self) -> Iterator[Any]:
        Rows.times += 1
        return super().__iter__()


@virtual
async def test_a_calm_heartbeat_goes_through_no_rows_and_no_containers() -> None:
    async with Office() as office:
        master = office.drive(build.job("Generic", worker=3))
        await office.running(3)
        rows = Rows(master.memory.replicas)
        object.__setattr__(master.memory, "replicas", rows)
        await asyncio.sleep(2)
        sight, before = master.contact.sight, office.yarn.calls["allocate"]
        Rows.times = 0
        with patch.object(sight.tokens, "lacking") as asked:
            await asyncio.sleep(10)
        assert office.yarn.calls["allocate"] - before >= 10
        assert (Rows.times, asked.call_count, master.contact.expects) == (0, 0, False)


@virtual
async def test_of_thousands_of_jobs_declarations_are_handed_out_in_steps() -> None:
    """One look that brought 3,000 new jobs beside 1,000 known ones was a step of 55 ms."""
    told: list[int] = []

    def declares(_: object) -> None:
        told.append(turns())

    masters = {str(n): SimpleNamespace(declared=None, declare=declares) for n in range(10 * STEP)}
    masters_ = SimpleNamespace(get=masters.get, sweep=lambda: False)
    beats = cast("Any", SimpleNamespace(works=lambda _: None))
    found = {uid: SimpleNamespace(uid=uid, known=True, deleted=False, at_once=False) for uid in masters}
    intake = Intake(cast("Any", None), cast("Any", masters_), beats, 1.0)
    intake._journalled = cast("Any", SimpleNamespace(judged=lambda one: one, ends_anew=lambda *_: False))
    assert await intake._hand_out(cast("Any", None), cast("Any", found)) == []
    assert len(told) == len(masters)
    assert max(Counter(told).values()) <= STEP


@virtual
async def test_what_is_done_for_a_large_job_after_a_decision_leaves_turns_to_others() -> None:
    """Of the loss of 5,000 replicas it was a step of 70 ms."""
    parts = ((job, "summary"), (Contact, "want"), (Doing, "start"), (Doing, "stop"), (JobMaster, "_show"))
    at: dict[str, int] = {}

    def noting(name: str, part: Callable[..., Any]) -> Callable[..., Any]:
        def noted(*args: Any, **kwargs: Any) -> Any:
            at[name] = turns()
            return part(*args, **kwargs)

        return noted

    async with Office() as office:
        master = office.drive(build.job("Generic", worker=LARGE))
        await office.until(lambda: master.memory.replicas and all(r.bound for r in master.memory.replicas))
        with ExitStack() as stack:
            for owner, name in parts:
                stack.enter_context(patch.object(owner, name, noting(name, getattr(owner, name))))
            office.yarn.exits(container(master), 1)
            await office.until(lambda: len(at) == len(parts))
            assert len(set(at.values())) == len(parts), at


async def test_what_is_not_sure_of_the_listed_follows_each_change() -> None:
    listed = Listed()
    one = Container("c1", "n:1", "", None, 1, Size(), ContainerState.UNKNOWN)
    listed["c1"] = one
    listed["c2"] = replace(one, id="c2", state=ContainerState.RUNNING)
    assert list(listed.unsure) == ["c1"]
    listed["c1"] = replace(one, state=ContainerState.RUNNING)
    listed["c2"] = replace(one, id="c2", state=ContainerState.STARTING)
    assert list(listed.unsure) == ["c2"]
    before = listed.version
    del listed["c2"]
    assert (list(listed.unsure), list(listed)) == ([], ["c1"])
    assert listed.version != before
