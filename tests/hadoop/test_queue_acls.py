"""Whether a user may submit to a queue: asked as him, kept for a while, and never refused where YARN says nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from hadoop.fake import Call, Server, serving
from trainmaster.errors import DeniedError, RefusedError, UnavailableError
from trainmaster.hadoop import queue_rights as rights
from trainmaster.hadoop.configuration import parse
from trainmaster.hadoop.proto import yarn_client_pb2 as pb
from trainmaster.hadoop.queue_rights import QueueAcls, QueueRights, queue_acls
from trainmaster.hadoop.resourcemanager import ResourceManager
from trainmaster.master.opening import _check_queue

ACLS = {
    "root.open": [pb.QACL_SUBMIT_APPLICATIONS],
    "root.his": [pb.QACL_ADMINISTER_QUEUE],
    "root.closed": [],
    "root.default": [],
    "short": [],
}
NONE: dict[str, Any] = dict.fromkeys(("root", "root.default", "root.closed"), ())


def telling(acls: dict[str, Any]) -> Any:
    def tells(server: Server, call: Call) -> None:
        assert call.method == "getQueueUserAcls"
        answer = pb.GetQueueUserAclsInfoResponseProto()
        for name, may in acls.items():
            answer.queueUserAcls.add(queueName=name, userAcls=may)
        call.reply(answer)

    return tells


@pytest.mark.parametrize(
    ("queue", "may"),
    [
        ("root.open", True),
        ("open", True),
        ("his", True),
        ("root.closed", False),
        ("closed", False),
        ("root.a.short", False),
        ("root.made.later", True),
        ("root.other.closed", True),
        ("default", True),
        ("root.default", True),
    ],
)
async def test_a_queue_is_known_by_its_path_and_by_its_leafs_name(queue: str, may: bool) -> None:
    async with serving(telling(ACLS)) as server:
        rm = ResourceManager(parse({"yarn.resourcemanager.address": server.address}), "alice")
        assert await rm.may_submit(queue) is may
        assert [context.userInfo.effectiveUser for context in server.contexts] == ["alice"]
        await rm.close()


async def test_no_rule_maps_the_default_queue_to_one_for_who_may_submit_to_none() -> None:
    async with serving(telling(NONE)) as server:
        rm = ResourceManager(parse({"yarn.resourcemanager.address": server.address}), "alice")
        assert not await rm.may_submit("default")
        assert not await rm.may_submit("root.default")
        await rm.close()


def test_of_a_queue_that_is_told_twice_the_yes_counts() -> None:
    """A router of several clusters tells what each of them says."""
    answer = pb.GetQueueUserAclsInfoResponseProto()
    for may in ([pb.QACL_SUBMIT_APPLICATIONS], []):
        answer.queueUserAcls.add(queueName="root.shared", userAcls=may)
    assert queue_acls(answer).submits("shared")
    assert queue_acls(answer).submits("root.shared")


async def test_a_yes_is_kept_and_a_no_is_asked_about_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rights, "NO_KEPT", 0.0)
    acls: dict[str, Any] = dict(ACLS)
    async with serving(telling(acls)) as server:
        rm = ResourceManager(parse({"yarn.resourcemanager.address": server.address}), "alice")
        assert [await rm.may_submit("open") for _ in range(5)] == [True] * 5
        assert len(server.calls) == 1
        assert not await rm.may_submit("closed")
        acls["root.closed"] = [pb.QACL_SUBMIT_APPLICATIONS]
        assert await rm.may_submit("closed")
        await rm.close()


async def test_many_jobs_of_one_who_may_not_ask_once() -> None:
    async with serving(telling(ACLS)) as server:
        rm = ResourceManager(parse({"yarn.resourcemanager.address": server.address}), "alice")
        asked = [rm.may_submit("closed") for _ in range(50)]
        assert not any(await asyncio.gather(*asked))
        assert not await rm.may_submit("closed")
        assert len(server.calls) == 1
        await rm.close()


async def test_what_one_hears_of_a_failure_all_hear_who_waited() -> None:
    """Else each would wait for a silent ResourceManager behind the one before."""
    asked = 0

    async def silent() -> QueueAcls:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0)
        raise UnavailableError("silence")

    known = QueueRights(silent)
    heard = await asyncio.gather(*(known.may_submit("open") for _ in range(20)), return_exceptions=True)
    assert {str(each) for each in heard} == {"silence"}
    assert asked == 1
    with pytest.raises(UnavailableError):
        await known.may_submit("open")
    assert asked == 2


async def test_what_is_too_old_to_count_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rights, "YES_KEPT", 0.0)
    known = QueueRights(told_at_once)
    assert await known.may_submit("open")
    async with asyncio.timeout(10):
        while known._acls.names:
            await asyncio.sleep(0.001)


async def told_at_once() -> QueueAcls:
    return QueueAcls({"root.open": True}, {"open": True}, anywhere=True)


async def test_who_stops_waiting_takes_the_answer_from_nobody() -> None:
    told: asyncio.Future[QueueAcls] = asyncio.get_running_loop().create_future()
    known = QueueRights(lambda: asyncio.shield(told))
    first, second = (asyncio.ensure_future(known.may_submit("open")) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    told.set_result(QueueAcls())
    assert await second
    assert first.cancelled()


class Names(dict[str, bool]):
    """Counts what is looked up, and can't be gone through."""

    looks = 0

    def get(self, name: str, default: Any = None) -> Any:
        self.looks += 1
        return super().get(name, default)

    def __iter__(self) -> Any:
        raise AssertionError("all queues are gone through for one job")

    items = keys = values = __iter__  # type: ignore[assignment]


def test_a_look_costs_the_same_however_many_queues_there_are() -> None:
    names, leaves = Names({"root.a": False}), Names({"a": False})
    assert not QueueAcls(names, leaves).submits("a")
    assert names.looks + leaves.looks <= 3


class Manager:
    """Answers one question."""

    def __init__(self, answer: bool | Exception) -> None:
        self.answer, self.asked = answer, 0

    async def may_submit(self, queue: str) -> bool:
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


async def test_who_may_not_is_told_who_lets_him() -> None:
    rm: Any = Manager(answer=False)
    with pytest.raises(
        DeniedError, match=r"alice does not have permission .* the queue closed: .* acl_submit_applications"
    ):
        await _check_queue(rm, parse({"yarn.acl.enable": "true"}), "alice", "closed")


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"yarn.acl.enable": "false"},
        {"yarn.acl.enable": "true", "yarn.scheduler.capacity.queue-mappings-override.enable": "true"},
    ],
)
async def test_where_acls_of_the_named_queue_do_not_count_nobody_is_asked(said: dict[str, str]) -> None:
    rm: Any = Manager(answer=False)
    await _check_queue(rm, parse(said), "alice", "closed")
    assert not rm.asked


async def test_where_it_is_not_told_yarn_itself_judges() -> None:
    rm: Any = Manager(answer=RefusedError("java.lang.UnsupportedOperationException", "no"))
    await _check_queue(rm, parse({"yarn.acl.enable": "true"}), "alice", "closed")
    assert rm.asked == 1
