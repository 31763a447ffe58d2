"""One application of ours on a YARN, real or simulated, kept as a master would keep it; and how to wait without a schedule."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from trainmaster.hadoop.configuration import HadoopConf
from trainmaster.hadoop.containers import (
    AllocateCall,
    Allocated,
    CompletedContainer,
    GrantedContainer,
    LaunchContext,
    NmState,
    Registered,
    Reinitialising,
    ResourceAsk,
)
from trainmaster.hadoop.nodemanager import NodeManagers
from trainmaster.hadoop.resourcemanager import ResourceManager
from trainmaster.hadoop.scheduler import ApplicationMaster
from trainmaster.hadoop.values import (
    Resource,
    Submission,
)

SMALL = Resource(64, 1)


async def until(met: Callable[[], Awaitable[Any]], timeout: float = 60) -> Any:
    """Ask again until the answer is true, and return it."""
    async with asyncio.timeout(timeout):
        while not (answer := await met()):
            await asyncio.sleep(0.05)
    return answer


def script(text: str, **environment: str) -> LaunchContext:
    """A shell script as it stands, past the quoting of YARN's command line."""
    encoded = base64.b64encode(text.encode()).decode()
    command = 'exec bash -c \\"\\$(echo \\$SCRIPT | base64 -d)\\" 1><LOG_DIR>/stdout 2><LOG_DIR>/stderr'
    return LaunchContext(command, {"SCRIPT": encoded, **environment})


@dataclass
class App:
    """One application of ours, kept as a master would keep it."""

    conf: HadoopConf
    rm: ResourceManager
    nms: NodeManagers
    id: str
    token: bytes
    master: ApplicationMaster
    last: Allocated = field(default=Allocated(0))
    granted: list[GrantedContainer] = field(default_factory=list)
    ended: dict[str, CompletedContainer] = field(default_factory=dict)
    nm_tokens: dict[str, bytes] = field(default_factory=dict)
    connect: Callable[[bytes], ApplicationMaster] | None = None
    """where it isn't a real YARN"""

    @classmethod
    async def opened(cls, conf: HadoopConf, rm: ResourceManager, name: str, timeout: float = 20) -> App:
        """One of a real YARN that isn't registered yet; its NodeManagers are given so many seconds for an answer."""
        new = await rm.new_application()
        await rm.submit(Submission(new.id, name, "default", tags=("trainmaster",)))

        async def token() -> bytes | None:
            report = await rm.report(new.id)
            return report.am_rm_token if report else None

        held = await until(token)
        nodes = NodeManagers(idle=1, timeout=timeout)
        return cls(conf, rm, nodes, new.id, held, ApplicationMaster(conf, held))

    def successor(self) -> ApplicationMaster:
        """Another master of the same application, on a connection of its own."""
        return self.connect(self.token) if self.connect else ApplicationMaster(self.conf, self.token)

    async def register(self) -> Registered:
        answer = await self.master.register("localhost", 0, "http://127.0.0.1:9/")
        self.nm_tokens.update(answer.nm_tokens)
        return answer

    async def beat(self, **call: Any) -> Allocated:
        self.last = await self.master.allocate(AllocateCall(self.last.response_id, **call))
        self.granted += self.last.allocated
        self.ended.update({each.id: each for each in self.last.completed})
        self.nm_tokens.update(self.last.nm_tokens)
        return self.last

    async def gather(self, count: int, **ask: Any) -> list[GrantedContainer]:
        """Ask for some containers, and wait for them."""
        have = len(self.granted)
        asks = tuple(ResourceAsk(1, SMALL, 1, have + n + 1, **ask) for n in range(count))
        await self.beat(asks=asks)
        await until(lambda: self._beaten(lambda: len(self.granted) >= have + count))
        return self.granted[have:]

    async def end_of(self, container: GrantedContainer) -> CompletedContainer:
        await until(lambda: self._beaten(lambda: container.id in self.ended))
        return self.ended[container.id]

    async def start(self, container: GrantedContainer, launch: LaunchContext) -> None:
        token = self.nm_tokens[container.node]
        await self.nms.start(container.node, token, container.container_token, launch)

    async def anew(self, container: GrantedContainer, launch: LaunchContext) -> Reinitialising:
        token = self.nm_tokens[container.node]
        return await self.nms.reinitialise(container.node, token, container.id, launch)

    async def status(self, container: GrantedContainer) -> NmState | None:
        said = await self.nms.statuses(container.node, self.nm_tokens[container.node], [container.id])
        return said.known[container.id].state if container.id in said.known else None

    async def running(self, launch: LaunchContext, **ask: Any) -> GrantedContainer:
        """One container whose process runs."""
        [container] = await self.gather(1, **ask)
        await self.start(container, launch)
        await until(lambda: self._is(container, NmState.RUNNING))
        return container

    async def _is(self, container: GrantedContainer, state: NmState) -> bool:
        return await self.status(container) is state

    async def _beaten(self, met: Callable[[], bool]) -> bool:
        await self.beat()
        return met()
