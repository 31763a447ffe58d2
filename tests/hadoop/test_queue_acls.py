"""Whether a user may submit to a queue: asked as him, kept for a while, and never refused where YARN says nothing."""

from __future__ import annotations

from typing import Any

import pytest

from hadoop.fake import Call, Server, serving
from trainmaster.errors import DeniedError, RefusedError
from trainmaster.hadoop.configuration import parse
from trainmaster.hadoop.proto import yarn_client_pb2 as pb
from trainmaster.hadoop.resourcemanager import ResourceManager
from trainmaster.master.opening import _check_queue

ACLS = {
    "root.open": [pb.QACL_SUBMIT_APPLICATIONS],
    "root.his": [pb.QACL_ADMINISTER_QUEUE],
    "root.closed": [],
    "short": [],
}


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
    ],
)
async def test_a_queue_is_known_by_its_path_and_by_its_leafs_name(queue: str, may: bool) -> None:
    async with serving(telling(ACLS)) as server:
        rm = ResourceManager(parse({"yarn.resourcemanager.address": server.address}), "alice")
        assert await rm.may_submit(queue) is may
        assert [context.userInfo.effectiveUser for context in server.contexts] == ["alice"]
        await rm.close()


async def test_a_yes_is_kept_and_a_no_is_asked_about_again() -> None:
    acls: dict[str, Any] = dict(ACLS)
    async with serving(telling(acls)) as server:
        rm = ResourceManager(parse({"yarn.resourcemanager.address": server.address}), "alice")
        assert [await rm.may_submit("open") for _ in range(5)] == [True] * 5
        assert len(server.calls) == 1
        assert not await rm.may_submit("closed")
        acls["root.closed"] = [pb.QACL_SUBMIT_APPLICATIONS]
        assert await rm.may_submit("closed")
        await rm.close()


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


@pytest.mark.parametrize("said", [{}, {"yarn.acl.enable": "false"}])
async def test_where_acls_do_not_count_nobody_is_asked(said: dict[str, str]) -> None:
    rm: Any = Manager(answer=False)
    await _check_queue(rm, parse(said), "alice", "closed")
    assert not rm.asked


async def test_where_it_is_not_told_yarn_itself_judges() -> None:
    rm: Any = Manager(answer=RefusedError("java.lang.UnsupportedOperationException", "no"))
    await _check_queue(rm, parse({"yarn.acl.enable": "true"}), "alice", "closed")
    assert rm.asked == 1
