"""ContainerManagementProtocol as the stand-in's NodeManagers answer it (ContainerManagerImpl). No process is started.

All nodes share one listener; which of them was called is told by the address that the caller connected to.
"""

from __future__ import annotations

import time
from io import BytesIO

from google.protobuf.message import Message
from google.protobuf.proto import parse_length_prefixed

from bench.scale import digest
from bench.scale.cluster import Cluster
from bench.scale.messages import Messages, fields_of
from bench.scale.rpc import Answer, Caller, RefusedCallError
from bench.scale.values import Application, Container, Step
from trainmaster.hadoop import refusals
from trainmaster.hadoop.proto import yarn_nodemanager_pb2 as pb
from trainmaster.hadoop.proto.yarn_pb2 import (
    C_RUNNING,
    CSS_RUNNING,
    CSS_SCHEDULED,
    ContainerIdProto,
    ContainerStatusProto,
    SerializedExceptionProto,
)

LAUNCH = 0.1
"""seconds from the call that starts a container until its process runs: files are brought, a script is written"""
KILLED_BY_MASTER = -105
"""ContainerExitStatus.KILLED_BY_APPMASTER"""

TERMINATED = 143
"""what a process ends with that SIGTERM ended"""


class Nodes:
    def __init__(self, cluster: Cluster, messages: Messages) -> None:
        self._cluster, self._messages = cluster, messages

    @property
    def methods(self) -> dict[str, Answer]:
        return {
            "startContainers": self._start,
            "getContainerStatuses": self._statuses,
            "stopContainers": self._stop,
            "signalToContainer": self._signal,
        }

    def _application(self, caller: Caller) -> Application:
        """The one that the NM token was made for; it is good for one node only (NMTokenSecretManagerInNM)."""
        kind, number, host = fields_of(caller.identifier)
        if (kind, host) != ("node", caller.host):
            raise RefusedCallError(
                refusals.INVALID_TOKEN, f"Given NMToken for node {host} is not valid for {caller.host}"
            )
        return self._cluster.applications[int(number)]

    # --- start

    def _start(self, caller: Caller, body: BytesIO) -> Message:
        application = self._application(caller)
        answer = pb.StartContainersResponseProto()
        for wanted in parse_length_prefixed(pb.StartContainersRequestProto, body).start_container_request:
            container, no = self._startable(application, caller.host, wanted)
            if container and not no:
                container.step, container.started_at = Step.STARTED, time.monotonic()
                answer.succeeded_requests.append(self._messages.container_id(container))
            else:
                answer.failed_requests.append(pb.ContainerExceptionMapProto(exception=_exception(no)))
        return answer

    def _startable(
        self, application: Application, host: str, wanted: pb.StartContainerRequestProto
    ) -> tuple[Container | None, str]:
        """The container that is to be started, and why it can't be."""
        token = wanted.container_token
        if not digest.valid(token) or not wanted.container_launch_context.command:
            return None, "Invalid container token used for starting container"
        _, owner, number = fields_of(token.identifier)
        container = application.containers.get(int(number))
        if int(owner) != application.number or container is None or container.node.host != host:
            return (
                None,
                "No such container on this node",
            )  # a real one learns of a release with its next heartbeat
        return container, "" if container.step is Step.GRANTED else "Container was started already"

    # --- statuses

    def _statuses(self, caller: Caller, body: BytesIO) -> Message:
        application = self._application(caller)
        answer = pb.GetContainerStatusesResponseProto()
        for id_ in parse_length_prefixed(pb.GetContainerStatusesRequestProto, body).container_id:
            container = application.containers.get(id_.id)
            if container and container.step is Step.STARTED and container.node.host == caller.host:
                answer.status.append(self._running(container))
            else:
                answer.failed_requests.append(_unknown(id_))
        return answer

    def _running(self, container: Container) -> ContainerStatusProto:
        runs = time.monotonic() - container.started_at >= LAUNCH
        return ContainerStatusProto(
            container_id=self._messages.container_id(container),
            state=C_RUNNING,
            container_sub_state=CSS_RUNNING if runs else CSS_SCHEDULED,
        )

    # --- stop

    def _stop(self, caller: Caller, body: BytesIO) -> Message:
        application = self._application(caller)
        answer = pb.StopContainersResponseProto()
        for id_ in parse_length_prefixed(pb.StopContainersRequestProto, body).container_id:
            container = application.containers.get(id_.id)
            if container and container.step is Step.STARTED:
                self._cluster.end(container, KILLED_BY_MASTER, "Container killed by the ApplicationMaster.")
                answer.succeeded_requests.append(id_)
            else:
                answer.failed_requests.append(_unknown(id_))
        return answer

    def _signal(self, caller: Caller, body: BytesIO) -> Message:
        """SIGTERM ends a process at once. Of what isn't there nothing is said (internalSignalToContainer)."""
        said = parse_length_prefixed(pb.SignalContainerRequestProto, body)
        container = self._application(caller).containers.get(said.container_id.id)
        if container and container.step is Step.STARTED and said.command == pb.GRACEFUL_SHUTDOWN:
            self._cluster.end(container, TERMINATED, "Container exited with a non-zero exit code 143.")
        return pb.SignalContainerResponseProto()


def _unknown(id_: ContainerIdProto) -> pb.ContainerExceptionMapProto:
    return pb.ContainerExceptionMapProto(
        container_id=id_, exception=_exception("Container is not handled by this NodeManager")
    )


def _exception(words: str) -> SerializedExceptionProto:
    return SerializedExceptionProto(class_name=refusals.YARN_EXCEPTION, message=words)
