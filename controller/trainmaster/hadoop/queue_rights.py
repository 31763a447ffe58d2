"""To which queues a user may submit: what YARN tells of all of them (getQueueUserAcls), and for how long that counts.

Never here: what becomes of a job whose user may not (master/opening.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from math import inf

from trainmaster.hadoop.proto.yarn_client_pb2 import GetQueueUserAclsInfoResponseProto

YES_KEPT = 60.0
NO_KEPT = 4.0
"""seconds: less than a job waits at most before it asks again, so that one that is alone asks each time, and many ask together"""
_DEFAULTS = ("default", "root.default")
"""the queue of a job that names none: rules that map jobs to queues, of which YARN tells nothing, take it as such
(CSMappingPlacementRule, UserGroupMappingPlacementRule)"""


@dataclass(frozen=True, slots=True)
class QueueAcls:
    """Whether one user may submit, by queue."""

    names: Mapping[str, bool] = field(default_factory=dict)
    """as YARN has them: paths in some releases, leaf names in others"""
    leaves: Mapping[str, bool] = field(default_factory=dict)
    """by the last part of each name: where several queues have it, whether one of them takes the user"""
    anywhere: bool = False

    def submits(self, queue: str) -> bool:
        """By leaf name or full path. True where YARN says nothing of it, or may put the job into another queue."""
        told = (self.names.get(queue), self.leaves.get(queue), self.names.get(_leaf(queue)))
        if True in told or told == (None, None, None):
            return True
        return queue in _DEFAULTS and self.anywhere


class QueueRights:
    """Of one user. Whoever asks while YARN is being asked gets that answer, or its error, as well."""

    def __init__(self, ask: Callable[[], Awaitable[QueueAcls]]) -> None:
        self._ask = ask
        self._acls, self._at = QueueAcls(), -inf
        self._asking: asyncio.Task[None] | None = None

    async def may_submit(self, queue: str) -> bool:
        age = asyncio.get_running_loop().time() - self._at
        if age >= (YES_KEPT if self._acls.submits(queue) else NO_KEPT):
            if self._asking is None:
                self._asking = asyncio.create_task(self._refresh())
                self._asking.add_done_callback(self._asked)
            await asyncio.shield(self._asking)
        return self._acls.submits(queue)

    async def close(self) -> None:
        if self._asking:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)

    async def _refresh(self) -> None:
        self._acls = await self._ask()
        loop = asyncio.get_running_loop()
        self._at = loop.time()
        loop.call_later(YES_KEPT, self._forget, self._at)

    def _forget(self, at: float) -> None:
        """What was heard then: of thousands of queues it is large, and there may be as many users."""
        if at == self._at:
            self._acls, self._at = QueueAcls(), -inf

    def _asked(self, task: asyncio.Task[None]) -> None:
        self._asking = None
        if not task.cancelled():
            task.exception()  # heard, though everybody who asked may have gone


def queue_acls(answer: GetQueueUserAclsInfoResponseProto) -> QueueAcls:
    """Who administers a queue may submit to it as well (RMAppManager). A router of several clusters may tell a queue twice."""
    names: dict[str, bool] = {}
    leaves: dict[str, bool] = {}
    for each in answer.queueUserAcls:
        may = bool(each.userAcls)
        names[each.queueName] = names.get(each.queueName, False) or may
        leaf = _leaf(each.queueName)
        leaves[leaf] = leaves.get(leaf, False) or may
    return QueueAcls(names, leaves, any(names.values()))


def _leaf(queue: str) -> str:
    return queue.rpartition(".")[2]
