"""Tokens of HDFS for a job's processes, where the cluster asks for tickets: one that is submitted with the application, which
YARN renews until its maximum life and takes back after the application's end; and newer ones for what starts late.

Absolute time judges them. Never here: a call's form (hadoop/namenode.py).
"""

from __future__ import annotations

import asyncio
import base64
from dataclasses import dataclass, field

from trainmaster.errors import TrainmasterError
from trainmaster.hadoop.configuration import HadoopConf
from trainmaster.hadoop.messages import token_bytes, token_proto
from trainmaster.hadoop.namenode import NameNodes, has_tokens
from trainmaster.hadoop.writable import credentials, life
from trainmaster.master import clock
from trainmaster.plan.memory import ApplicationMemory

FRESH = 600.0
"""seconds for which what starts late shares a token: nobody renews it, so it should be new, and a thousand starts should not be a
thousand tokens"""


AGAIN = 30.0
"""seconds for which the old one goes on serving where no new one is to be had"""


@dataclass(frozen=True, slots=True)
class _Newer:
    token: bytes = field(repr=False)
    until: float
    """when another one is to be got"""


class Delegation:
    """For all jobs of one controller."""

    def __init__(self, conf: HadoopConf) -> None:
        self._nodes = NameNodes(conf) if has_tokens(conf) else None
        self._newer: dict[str, _Newer] = {}
        """by application"""
        self._asking: dict[str, asyncio.Lock] = {}

    async def new(self, user: str) -> str:
        """What an application of this user is submitted with, to be remembered (base64; a secret); empty where none is needed."""
        if self._nodes is None:
            return ""
        return base64.b64encode(token_bytes(await self._nodes.token(user))).decode()

    async def of(self, application: ApplicationMemory | None) -> bytes | None:
        """The token file for what is started now. Its token has half of its maximum life before it, or is new."""
        if self._nodes is None or application is None:
            return None
        token, now = base64.b64decode(application.hdfs_token), clock.now()
        if not token or now > life(token_proto(token).identifier).half:
            token = await self._late(self._nodes, application, token, now)
        return credentials([token_proto(token)])

    async def _late(self, nodes: NameNodes, application: ApplicationMemory, old: bytes, now: float) -> bytes:
        """One for all that are started at one time: a gang's starts come beside each other."""
        self._asking = {id_: lock for id_, lock in self._asking.items() if lock.locked()}
        async with self._asking.setdefault(application.id, asyncio.Lock()):
            self._newer = {id_: newer for id_, newer in self._newer.items() if now < newer.until}
            if application.id not in self._newer:
                self._newer[application.id] = await _fetched(nodes, application.user, old, now)
            return self._newer[application.id].token


async def _fetched(nodes: NameNodes, user: str, old: bytes, now: float) -> _Newer:
    """A new one; where none is to be had, whatever the reason, the old one while it lives."""
    try:
        return _Newer(token_bytes(await nodes.token(user)), now + FRESH)
    except TrainmasterError:
        if not old or now >= life(token_proto(old).identifier).ends:
            raise
        # Better than no start, and not to be waited for again by each of a gang's.
        return _Newer(old, now + AGAIN)


def submitted(application: ApplicationMemory) -> bytes | None:
    """The token file that goes with the submission, for YARN to renew."""
    token = base64.b64decode(application.hdfs_token)
    return credentials([token_proto(token)]) if token else None
