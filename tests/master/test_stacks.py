"""Asking processes for their stacks: each once, of what they write from then on, and for a bounded time."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from plan.build import World, job
from trainmaster.errors import RefusedError
from trainmaster.hadoop.logs import LogTail
from trainmaster.master import stacks as stacks_module
from trainmaster.master.stacks import Stacks
from trainmaster.plan.memory import Hang
from trainmaster.plan.values import AskStacks, Plan

OLD = b'Current thread 0x1 (most recent call first):\n  File "old.py", line 1 in before\n'
NEW = b'Current thread 0x1 (most recent call first):\n  File "train.py", line 9 in waits\n'


class Node:
    """A NodeManager and its logs."""

    def __init__(self, answers: bool = True, refuses: bool = False) -> None:
        self.log, self.asked = OLD, list[str]()
        self._answers, self._refuses = answers, refuses

    async def dump_threads(self, _node: str, _token: bytes, container: str) -> None:
        self.asked.append(container)
        if self._refuses:
            raise RefusedError("YarnException", "no such container")
        if self._answers:  # a shell of its own sends the signal (DefaultContainerExecutor.signalContainer)
            asyncio.get_running_loop().call_later(0.03, self._writes)

    def _writes(self) -> None:
        self.log += NEW

    async def tail(self, _http: str, _container: str, _file: str, _size: int) -> LogTail:
        return LogTail(b"", len(self.log))

    async def since(self, _http: str, _container: str, _file: str, offset: int) -> LogTail:
        return LogTail(self.log[offset:], len(self.log))


def asking(node: Node) -> tuple[Stacks, Any, Plan]:
    told = World(job(worker=1)).runs()
    sight = SimpleNamespace(
        containers=told.seen.containers,
        stacks={},
        changed=False,
        tokens=SimpleNamespace(of=lambda _id, _node: b"token"),
    )
    desk = SimpleNamespace(logs=node, nodes=node)
    [container] = told.seen.containers
    hung = replace(told.memory, hang=Hang((told.memory.replicas[0].key,), told.now))
    plan = replace(told.plan, memory=hung, actions=(AskStacks((container,)),))
    return Stacks(cast("Any", desk), cast("Any", sight), asyncio.Event()), sight, plan


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in (("PATIENCE", 0.3), ("LOOK", 0.01), ("SETTLE", 0.01)):
        monkeypatch.setattr(stacks_module, name, seconds)


async def _told(sight: Any) -> str:
    async with asyncio.timeout(10):
        while not sight.stacks:
            await asyncio.sleep(0.01)
    assert sight.changed
    return str(next(iter(sight.stacks.values())))


async def test_what_is_written_after_the_question_is_the_answer() -> None:
    node = Node()
    stacks, sight, plan = asking(node)
    stacks.follow(plan)
    stacks.follow(plan)
    assert await _told(sight) == "waits (train.py, line 9)"
    stacks.follow(plan)
    await asyncio.sleep(0.05)
    assert len(node.asked) == 1, "it is asked once"


@pytest.mark.parametrize("node", [Node(answers=False), Node(refuses=True)])
async def test_who_does_not_answer_has_told_nothing(node: Node) -> None:
    stacks, sight, plan = asking(node)
    stacks.follow(plan)
    assert await _told(sight) == ""
    await stacks.close()


async def test_once_it_is_settled_all_is_forgotten_and_may_be_asked_anew() -> None:
    node = Node()
    stacks, sight, plan = asking(node)
    stacks.follow(plan)
    await _told(sight)
    stacks.follow(replace(plan, memory=replace(plan.memory, hang=None), actions=()))
    assert sight.stacks == {}
    stacks.follow(plan)
    await _told(sight)
    assert len(node.asked) == 2
