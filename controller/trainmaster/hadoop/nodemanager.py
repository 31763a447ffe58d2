"""What an ApplicationMaster says to NodeManagers: start, how is it, start it anew, stop.

ContainerManagementProtocol (org.apache.hadoop.yarn.api), spoken with the NM token of one application for one
node. Never here: which container is started where, or what an end means.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from google.protobuf.message import Message

from trainmaster.errors import InvalidError, RefusedError, TrainmasterError, UnavailableError
from trainmaster.hadoop import ids, messages, refusals
from trainmaster.hadoop.calls import Calls, Wire, unheard
from trainmaster.hadoop.containers import (
    LaunchContext,
    LocalResource,
    NmState,
    NmStatus,
    NmStatuses,
    Reinitialising,
)
from trainmaster.hadoop.leaving import Leaving
from trainmaster.hadoop.protection import Protection
from trainmaster.hadoop.proto import yarn_nodemanager_pb2 as pb
from trainmaster.hadoop.proto.yarn_pb2 import (
    APPACCESS_MODIFY_APP,
    APPACCESS_VIEW_APP,
    APPLICATION,
    CSS_SCHEDULED,
    ApplicationACLMapProto,
    ContainerLaunchContextProto,
    ContainerStateProto,
    ContainerStatusProto,
    LocalResourceProto,
    StringLocalResourceMapProto,
    StringStringMapProto,
    URLProto,
)
from trainmaster.hadoop.rpc import RpcClient
from trainmaster.hadoop.sasl import TokenLogin
from trainmaster.hadoop.waiting import Answer

START_PATIENCE = 60.0
"""seconds that a NodeManager may take to answer a start: one that has much to launch is slow, and may be launching this one"""
PROTOCOL = "org.apache.hadoop.yarn.api.ContainerManagementProtocolPB"
_UNHANDLED = "is not handled by this NodeManager"
_URL = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*):(?://(?:(?P<user>[^/@]+)@)?(?P<host>[^/:]+)?(?::(?P<port>\d+))?)?(?P<path>/.*)",
    re.ASCII | re.DOTALL,
)
"""a Hadoop path: what follows the authority is the path as it is, `?`, `#` and `%` included"""
_TOLD_BEFORE = re.compile(r"Attempt to relaunch the same|already is running on this node")
"""ContainerManagerImpl.authorizeStartAndResourceIncreaseRequest, startContainerInternal"""
_NOT_THERE = re.compile(r"Specified \S+ does not exist!")
_STATE = re.compile(r"Current state is \[(\w+), isReInitializing=(?:true|false)\]")
"""both: ContainerManagerImpl.preReInitializeOrLocalizeCheck, with the state's name in ContainerState"""
_UNDER_WAY = {"NEW", "LOCALIZING", "SCHEDULED", "RUNNING", "RELAUNCHING", "PAUSING", "PAUSED", "RESUMING"} | {
    "REINITIALIZING",
    "REINITIALIZING_AWAITING_KILL",
}
"""states in which there is a process, or is about to be"""
_FORGOTTEN = "was recently stopped on node manager"


@dataclass(slots=True)
class _Line:
    """A connection to one node for one application, and when to hang up."""

    rpc: RpcClient
    calls: int = 0
    hang_up: asyncio.Handle | None = None


Later = Callable[[float, Callable[[], None]], asyncio.Handle]
"""has something done in so many seconds, unless it is cancelled"""


def in_loop_time(seconds: float, act: Callable[[], None]) -> asyncio.Handle:
    return asyncio.get_running_loop().call_later(seconds, act)


class NodeManagers:
    """All NodeManagers, for all applications. A connection unused for `idle` seconds is closed, so many jobs
    hold few sockets.

    Every call raises UnavailableError when that NodeManager could not be asked or isn't ready, DeniedError
    when the token isn't good there, RefusedError when it said no to the whole call. Each `node` is host:port.
    """

    def __init__(
        self,
        idle: float = 10.0,
        timeout: float = 20.0,
        later: Later = in_loop_time,
        calls: Calls = unheard,
        protections: Sequence[Protection] = (Protection.AUTHENTICATION,),
    ) -> None:
        self._protections = protections
        self._idle, self._timeout, self._later = idle, timeout, later
        self._told = calls(Wire.NODE_RPC)
        self._lines: dict[tuple[str, bytes], _Line] = {}
        self._leaving = Leaving()

    async def start(self, node: str, nm_token: bytes, container_token: bytes, launch: LaunchContext) -> None:
        """Start the process of one container. Returning means that the NodeManager has taken it on, not that
        it runs.

        NotDoneError means that it was not; after any other UnavailableError, which is raised of one that was started before as
        well, ask `statuses` before trying again.
        """
        wanted = pb.StartContainerRequestProto(
            container_launch_context=launch_proto(launch),
            container_token=messages.token_proto(container_token),
        )
        request = pb.StartContainersRequestProto(start_container_request=[wanted])
        answer = await self._call(
            node, nm_token, "startContainers", request, pb.StartContainersResponseProto, START_PATIENCE
        )
        for failed in answer.failed_requests:
            if _TOLD_BEFORE.search(failed.exception.message):
                raise UnavailableError(f"{node} was told before to start it")
            raise _error(failed)

    async def statuses(self, node: str, nm_token: bytes, containers: Sequence[str]) -> NmStatuses:
        """How containers of one node are."""
        request = pb.GetContainerStatusesRequestProto(
            container_id=[ids.container_proto(each) for each in containers]
        )
        answer = await self._call(
            node, nm_token, "getContainerStatuses", request, pb.GetContainerStatusesResponseProto
        )
        return statuses(answer)

    async def stop(
        self, node: str, nm_token: bytes, containers: Sequence[str]
    ) -> Mapping[str, TrainmasterError | None]:
        """Stop containers: TERM, then KILL. None means that the NodeManager will; their ends arrive by
        `allocate`."""
        request = pb.StopContainersRequestProto(
            container_id=[ids.container_proto(each) for each in containers]
        )
        answer = await self._call(node, nm_token, "stopContainers", request, pb.StopContainersResponseProto)
        stopped = dict.fromkeys(map(ids.container_id, answer.succeeded_requests))
        return {
            **stopped,
            **{ids.container_id(each.container_id): _error(each) for each in answer.failed_requests},
        }

    async def terminate(self, node: str, nm_token: bytes, container: str) -> None:
        """Have SIGTERM sent to the process group of a container, and nothing after it. Of one that isn't there any more a
        NodeManager says nothing (ContainerManagerImpl.internalSignalToContainer)."""
        await self._signal(node, nm_token, container, pb.GRACEFUL_SHUTDOWN)

    async def dump_threads(self, node: str, nm_token: bytes, container: str) -> None:
        """Have SIGQUIT sent to the process group of a container. A NodeManager's children begin with that signal blocked, so only
        who waits for it takes notice."""
        await self._signal(node, nm_token, container, pb.OUTPUT_THREAD_DUMP)

    async def _signal(
        self, node: str, nm_token: bytes, container: str, command: pb.SignalContainerCommandProto
    ) -> None:
        request = pb.SignalContainerRequestProto(container_id=ids.container_proto(container), command=command)
        await self._call(node, nm_token, "signalToContainer", request, pb.SignalContainerResponseProto)

    async def reinitialise(
        self, node: str, nm_token: bytes, container: str, launch: LaunchContext
    ) -> Reinitialising:
        """End the process of a container that runs, and start another in its place: same container, working folder, logs.

        What the launch names of files is added to those that are there; where localising them fails, the old process goes on and
        the container is locked: it can only be stopped then. There is no way back to the old launch (autoCommit). A process that
        ends otherwise than with 143 or 137 when it is told to go ends its container, as always.
        """
        request = pb.ReInitializeContainerRequestProto(
            container_id=ids.container_proto(container),
            container_launch_context=launch_proto(launch),
            auto_commit=True,
        )
        try:
            await self._call(
                node, nm_token, "reInitializeContainer", request, pb.ReInitializeContainerResponseProto
            )
        except RefusedError as error:
            return _why_not(error)
        return Reinitialising.ACCEPTED

    async def close(self) -> None:
        """Hang up everywhere."""
        lines, self._lines = list(self._lines.values()), {}
        self._leaving.close()
        for line in lines:
            if line.hang_up is not None:
                line.hang_up.cancel()
        for line in lines:
            await line.rpc.close()

    async def _call(
        self,
        node: str,
        token: bytes,
        method: str,
        request: Message,
        answer: type[Answer],
        patience: float | None = None,
    ) -> Answer:
        key = (node, token)
        line = self._lines.get(key)
        if line is None:
            rpc = RpcClient(node, PROTOCOL, TokenLogin(token, self._protections), self._timeout, self._told)
            line = self._lines[key] = _Line(rpc)
        if line.hang_up is not None:
            line.hang_up.cancel()
            line.hang_up = None
        line.calls += 1
        try:
            return await line.rpc.call(method, request, answer, patience)
        finally:
            line.calls -= 1
            if not line.calls and self._lines.get(key) is line:
                # Not with the key as an argument: the loop would tell it, and the token in it, if something failed.
                line.hang_up = self._later(self._idle, lambda: self._hang_up(key))

    def _hang_up(self, key: tuple[str, bytes]) -> None:
        self._leaving.add(self._lines.pop(key).rpc)


def launch_proto(launch: LaunchContext) -> ContainerLaunchContextProto:
    """A launch as YARN wants it."""
    acls = ((APPACCESS_VIEW_APP, launch.view_acl), (APPACCESS_MODIFY_APP, launch.modify_acl))
    return ContainerLaunchContextProto(
        command=[launch.command],
        environment=[StringStringMapProto(key=key, value=value) for key, value in launch.environment.items()],
        localResources=[
            StringLocalResourceMapProto(key=name, value=_local_resource(each))
            for name, each in launch.resources.items()
        ],
        tokens=launch.tokens,
        application_ACLs=[ApplicationACLMapProto(accessType=access, acl=acl) for access, acl in acls if acl],
    )


def statuses(answer: pb.GetContainerStatusesResponseProto) -> NmStatuses:
    """YARN's answer as values: what the NodeManager knows, what it says it doesn't, and what it would not
    say."""
    known = {status.id: status for status in map(_status, answer.status)}
    unknown: set[str] = set()
    refused: dict[str, str] = {}
    for failed in answer.failed_requests:
        container, words = ids.container_id(failed.container_id), failed.exception.message
        if _UNHANDLED in words:
            unknown.add(container)
        elif _FORGOTTEN in words:
            known[container] = NmStatus(container, NmState.COMPLETE, None, words)
        else:
            refused[container] = words
    return NmStatuses(known, frozenset(unknown), refused)


def _status(proto: ContainerStatusProto) -> NmStatus:
    state = NmState(ContainerStateProto.Name(proto.state).removeprefix("C_"))
    if proto.HasField("container_sub_state") and proto.container_sub_state == CSS_SCHEDULED:
        # The NodeManager calls a container RUNNING from the moment it has taken it on.
        state = NmState.NEW
    code = proto.exit_status if state is NmState.COMPLETE else None
    return NmStatus(ids.container_id(proto.container_id), state, code, proto.diagnostics)


def _local_resource(resource: LocalResource) -> LocalResourceProto:
    url = _URL.fullmatch(resource.url)
    if url is None:
        raise InvalidError(f"{resource.url!r} is not the URL of a file")
    user, host, port, path = url.group("user", "host", "port", "path")
    return LocalResourceProto(
        # -1 is how java.net.URI says that there is no port.
        resource=URLProto(scheme=url["scheme"], host=host, port=int(port or -1), file=path, userInfo=user),
        size=resource.size,
        timestamp=resource.timestamp,
        type=resource.kind.value,
        visibility=APPLICATION,
    )


def _why_not(error: RefusedError) -> Reinitialising:
    """What the NodeManager's no to a re-initialising means; raised again where it is no answer to that."""
    if _NOT_THERE.search(error.message):
        return Reinitialising.OVER
    if state := _STATE.search(error.message):
        return Reinitialising.BUSY if state[1] in _UNDER_WAY else Reinitialising.OVER
    raise error


def _error(failed: pb.ContainerExceptionMapProto) -> TrainmasterError:
    """Why the NodeManager did not do it, for one container among several."""
    exception = failed.exception
    return refusals.refusal(exception.class_name, exception.message)
