"""The simulated YARN (tests/yarn) as the shell meets it: the wires' calls, awaited. Never here: a rule of YARN."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Any

from trainmaster.errors import TrainmasterError
from trainmaster.hadoop.containers import (
    AllocateCall,
    Allocated,
    LaunchContext,
    NmStatuses,
    Registered,
    Reinitialising,
)
from trainmaster.hadoop.logs import LogTail
from trainmaster.hadoop.values import (
    ApplicationReport,
    FinalStatus,
    NewApplication,
    NodeReport,
    Resource,
    Submission,
)
from trainmaster.master import clock as clocks
from yarn.application import Application
from yarn.cluster import Simulated
from yarn.nodemanager import NodeManager
from yarn.tokens import read_am_token

NODE = "n1:1"
LARGE = Resource(1 << 30, 1 << 20, 8)


class Yarn(Simulated):
    """A cluster in the shell's time; one large node unless the test says another.

    `away` names what can't be asked: rm, nm (all of them), or a host.
    """

    def __init__(self, *nodes: NodeManager, clock: Callable[[], float] | None = None, **more: Any) -> None:
        super().__init__(clock or clocks.now, nodes or (NodeManager("n1", LARGE),), **more)
        self.beats: deque[AllocateCall] = deque(maxlen=1000)

    @property
    def applications(self) -> dict[str, Application]:
        return self.rm.applications

    @property
    def only(self) -> Application:
        (application,) = self.applications.values()
        return application

    @property
    def calls(self) -> Counter[str]:
        return self.answers.calls

    @property
    def away(self) -> set[str]:
        return self.answers.away

    @property
    def refuse(self) -> dict[str, TrainmasterError]:
        return self.answers.refuse

    @property
    def started(self) -> dict[str, LaunchContext]:
        """Every container that was ever started, in the order of their starts."""
        return {id_: launch for nm in self.nodes for id_, launch in nm.launches.items()}


class Rm:
    """ApplicationClientProtocol, as one user."""

    def __init__(self, yarn: Yarn, user: str = "u") -> None:
        self.yarn, self.user = yarn, user

    async def new_application(self) -> NewApplication:
        return self.yarn.call("new", self.yarn.clients.new_application)

    async def submit(self, submission: Submission) -> None:
        self.yarn.call("submit", lambda: self.yarn.clients.submit(self.user, submission))

    async def report(self, application: str) -> ApplicationReport | None:
        return self.yarn.call("report", lambda: self.yarn.clients.report(application))

    async def kill(self, application: str, words: str) -> bool:
        return self.yarn.call("kill", lambda: self.yarn.clients.kill(application, words))

    async def update_priority(self, application: str, priority: int) -> int:
        return self.yarn.call("priority", lambda: self.yarn.clients.update_priority(application, priority))

    async def cluster_nodes(self, *_: object) -> list[NodeReport]:
        return self.yarn.call("nodes", self.yarn.rm.tracking.usable)

    async def close(self) -> None:
        return None


class Master:
    """ApplicationMasterProtocol, on a connection that was opened with one application's token.

    A connection lasts until it breaks, and who was let in stays in: it is the next one for which the token counts.
    """

    def __init__(self, yarn: Yarn, token: bytes) -> None:
        self.yarn, self._token = yarn, token
        self._opened: tuple[bytes, int] | None = None
        """the connection's token, and the ResourceManager's life that it was opened in"""
        self.closed = False

    def _connection(self) -> bytes:
        """The token that the call goes by."""
        rm = self.yarn.rm
        if self._opened is None or self._opened[1] != rm.life:
            self.yarn.masters.admit(self._token)
            self._opened = (self._token, rm.life)
        return self._opened[0]

    async def register(self, _host: str, _port: int, _url: str) -> Registered:
        return self.yarn.call("register", lambda: self.yarn.masters.register(self._id()))

    async def allocate(self, call: AllocateCall) -> Allocated:
        self.yarn.beats.append(call)
        return self.yarn.call("allocate", lambda: self._allocate(call))

    def _allocate(self, call: AllocateCall) -> Allocated:
        id_, key = read_am_token(self._connection())
        return self.yarn.masters.allocate(id_, key, call)

    async def finish(self, status: FinalStatus, words: str, _url: str = "") -> bool:
        return self.yarn.call("finish", lambda: self.yarn.masters.finish(self._id(), status, words))

    def _id(self) -> str:
        return read_am_token(self._connection())[0]

    def replace_token(self, token: bytes) -> None:
        self.yarn.calls["replaced"] += 1
        self._token = token

    async def close(self) -> None:
        self.closed = True


class Nodes:
    """ContainerManagementProtocol of all nodes."""

    def __init__(self, yarn: Yarn) -> None:
        self.yarn = yarn

    async def start(self, node: str, nm: bytes, token: bytes, launch: LaunchContext) -> None:
        self.yarn.start(node, nm, token, launch)

    async def statuses(self, node: str, nm: bytes, ids: Sequence[str]) -> NmStatuses:
        return self.yarn.statuses(node, nm, ids)

    async def stop(self, node: str, nm: bytes, ids: Sequence[str]) -> dict[str, TrainmasterError | None]:
        return self.yarn.stop(node, nm, ids)

    async def terminate(self, node: str, nm: bytes, container: str) -> None:
        self.yarn.terminate(node, nm, container)

    async def reinitialise(
        self, node: str, nm: bytes, container: str, launch: LaunchContext
    ) -> Reinitialising:
        return self.yarn.reinitialise(node, nm, container, launch)

    async def close(self) -> None:
        return None


class Web:
    """The web servers of all nodes (NMWebServices.getNodeContainer): they tell what lives in the NodeManager's context."""

    def __init__(self, yarn: Yarn) -> None:
        self.yarn = yarn

    async def over(self, http: str, container: str) -> bool:
        return self.yarn.over(http, container)


class Logs:
    """What processes wrote, of which there is only that they were told to go (master/launch.py)."""

    def __init__(self, yarn: Yarn) -> None:
        self.yarn = yarn

    async def tail(self, http: str, container: str, _file: str, _size: int) -> LogTail | None:
        return LogTail(b"", 0) if self.yarn.noted(http, container) else None
