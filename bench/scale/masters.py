"""ApplicationMasterProtocol as the stand-in answers it (ApplicationMasterService, DefaultAMSProcessor)."""

from __future__ import annotations

from io import BytesIO

from google.protobuf.message import Message
from google.protobuf.proto import parse_length_prefixed

from bench.scale.cluster import ABORTED, Cluster
from bench.scale.messages import Messages, fields_of, resource, size_of
from bench.scale.rpc import Answer, Caller, RefusedCallError
from bench.scale.values import Application, Container, Step
from trainmaster.hadoop import refusals
from trainmaster.hadoop.proto import yarn_scheduler_pb2 as pb
from trainmaster.hadoop.proto.yarn_pb2 import ContainerIdProto, FinalApplicationStatusProto, PriorityProto


class Masters:
    def __init__(self, cluster: Cluster, messages: Messages) -> None:
        self._cluster, self._messages = cluster, messages

    @property
    def methods(self) -> dict[str, Answer]:
        return {
            "registerApplicationMaster": self._register,
            "allocate": self._allocate,
            "finishApplicationMaster": self._finish,
        }

    def _application(self, caller: Caller) -> Application:
        kind, number = fields_of(caller.identifier)
        application = self._cluster.applications.get(int(number))
        if kind != "master" or application is None or application.over:
            raise RefusedCallError(refusals.ATTEMPT_NOT_FOUND, f"Application {number} is not running.")
        return application

    def _register(self, caller: Caller, _body: BytesIO) -> Message:
        """Live containers are listed, with their tokens; which tokens were handed out is forgotten (3.4.2)."""
        application = self._application(caller)
        application.registered = True
        application.last.response_id = 0
        application.tokens.clear()
        containers = list(application.containers.values())
        return pb.RegisterApplicationMasterResponseProto(
            maximumCapability=resource(self._cluster.size),
            containers_from_previous_attempts=[self._messages.grant(c, secret=False) for c in containers],
            queue=application.queue,
            nm_tokens_from_previous_attempts=self._tokens(application, containers),
        )

    def _allocate(self, caller: Caller, body: BytesIO) -> Message:
        application = self._application(caller)
        if not application.registered:
            raise RefusedCallError(refusals.NOT_REGISTERED, "AM is not registered for known application")
        said = parse_length_prefixed(pb.AllocateRequestProto, body)
        last = application.last.response_id
        if said.response_id + 1 == last:
            return application.last  # one step old: the answer once more, and nothing else of it is heeded
        if said.response_id != last:
            words = f"Invalid responseId in AllocateRequest, expect responseId to be {last}"
            raise RefusedCallError(refusals.WRONG_RESPONSE_ID, words)
        self._heed(application, said)
        application.last = self._answer(application, last + 1)
        return application.last

    def _heed(self, application: Application, said: pb.AllocateRequestProto) -> None:
        sizes = [self._cluster.checked(size_of(ask.capability)) for ask in said.ask]
        for ask, size in zip(said.ask, sizes, strict=True):
            line = ask.priority.priority, ask.allocation_request_id
            self._cluster.ask(application, line, ask.resource_name, size, ask.num_containers)
        application.avoided.update(said.blacklist_request.blacklist_additions)
        application.avoided.difference_update(said.blacklist_request.blacklist_removals)
        for id_ in said.release:
            self._release(application, id_)

    def _release(self, application: Application, id_: ContainerIdProto) -> None:
        if id_.app_attempt_id.application_id.id != application.number:  # RMServerUtils
            raise RefusedCallError(
                refusals.INVALID_RELEASE, "Cannot release container of another application"
            )
        if container := application.containers.get(id_.id):
            self._cluster.end(container, ABORTED, "Container released by application")

    def _answer(self, application: Application, number: int) -> pb.AllocateResponseProto:
        grants = [c for c in application.grants if c.step is Step.GRANTED]
        answer = pb.AllocateResponseProto(
            response_id=number,
            allocated_containers=[self._messages.grant(c, secret=True) for c in grants],
            completed_container_statuses=[self._messages.end(c) for c in application.ends],
            limit=resource(self._cluster.size),
            num_cluster_nodes=len(self._cluster.nodes),
            nm_tokens=self._tokens(application, grants),
            application_priority=PriorityProto(priority=application.priority),
        )
        application.grants.clear()
        application.ends.clear()
        return answer

    def _tokens(self, application: Application, containers: list[Container]) -> list[pb.NMTokenProto]:
        """Once per node and attempt (NMTokenSecretManagerInRM.createAndGetNMToken)."""
        nodes = {c.node.host: c.node for c in containers if c.node.host not in application.tokens}
        application.tokens.update(nodes)
        return [self._messages.node_token(application, node) for node in nodes.values()]

    def _finish(self, caller: Caller, body: BytesIO) -> Message:
        """An unmanaged master hears at once that it is done (RMAppAttemptImpl.FinalStateSaved)."""
        application = self._application(caller)
        said = parse_length_prefixed(pb.FinishApplicationMasterRequestProto, body)
        application.diagnostics = said.diagnostics
        status = FinalApplicationStatusProto.Name(said.final_application_status).removeprefix("APP_")
        self._cluster.finish(application, status)
        return pb.FinishApplicationMasterResponseProto(isUnregistered=True)
