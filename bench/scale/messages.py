"""From the stand-in's values to YARN's messages. Pure."""

from __future__ import annotations

from bench.scale import digest
from bench.scale.cluster import Cluster
from bench.scale.values import Application, Container, Node, Size
from trainmaster.hadoop.proto.common_pb2 import TokenProto
from trainmaster.hadoop.proto.yarn_pb2 import (
    C_COMPLETE,
    NS_RUNNING,
    ApplicationAttemptIdProto,
    ApplicationIdProto,
    ContainerIdProto,
    ContainerProto,
    ContainerStatusProto,
    NodeIdProto,
    NodeReportProto,
    PriorityProto,
    ResourceProto,
)
from trainmaster.hadoop.proto.yarn_scheduler_pb2 import NMTokenProto

FIELDS = "|"
"""between the fields of a token's identifier: what is in it is the stand-in's own affair, as it is Hadoop's"""


class Messages:
    """Laid out for one cluster, whose NodeManagers all listen on `port`."""

    def __init__(self, cluster: Cluster, port: int) -> None:
        self._cluster, self._port = cluster, port

    def application_id(self, number: int) -> ApplicationIdProto:
        return ApplicationIdProto(id=number, cluster_timestamp=self._cluster.born)

    def attempt_id(self, number: int) -> ApplicationAttemptIdProto:
        return ApplicationAttemptIdProto(application_id=self.application_id(number), attemptId=1)

    def container_id(self, container: Container) -> ContainerIdProto:
        attempt = self.attempt_id(container.application.number)
        return ContainerIdProto(app_attempt_id=attempt, id=container.number)

    def node_id(self, node: Node) -> NodeIdProto:
        return NodeIdProto(host=node.host, port=self._port)

    def grant(self, container: Container, *, secret: bool) -> ContainerProto:
        """`secret`: with the token, which only the answer that grants it carries."""
        priority, request = container.line
        return ContainerProto(
            id=self.container_id(container),
            nodeId=self.node_id(container.node),
            node_http_address=f"{container.node.host}:8042",
            resource=resource(container.size),
            priority=PriorityProto(priority=priority),
            allocation_request_id=request,
            container_token=self.container_token(container) if secret else None,
        )

    def end(self, container: Container) -> ContainerStatusProto:
        return ContainerStatusProto(
            container_id=self.container_id(container),
            state=C_COMPLETE,
            exit_status=container.exit,
            diagnostics=container.diagnostics,
        )

    def node_report(self, node: Node) -> NodeReportProto:
        used = Size(node.total.memory - node.free.memory, node.total.vcores - node.free.vcores)
        return NodeReportProto(
            nodeId=self.node_id(node),
            httpAddress=f"{node.host}:8042",
            rackName=node.rack,
            used=resource(used),
            capability=resource(node.total),
            numContainers=len(node.containers),
            node_state=NS_RUNNING,
        )

    # --- tokens

    def master_token(self, application: Application) -> TokenProto:
        return _token("YARN_AM_RM_TOKEN", "master", application.number)

    def node_token(self, application: Application, node: Node) -> NMTokenProto:
        token = _token("NMToken", "node", application.number, node.host)
        return NMTokenProto(nodeId=self.node_id(node), token=token)

    def container_token(self, container: Container) -> TokenProto:
        return _token("ContainerToken", "container", container.application.number, container.number)


def _token(kind: str, *fields: object) -> TokenProto:
    return digest.token(kind, FIELDS.join(map(str, fields)).encode(), "stand-in")


def fields_of(identifier: bytes) -> list[str]:
    return identifier.decode().split(FIELDS)


def resource(size: Size) -> ResourceProto:
    return ResourceProto(memory=size.memory, virtual_cores=size.vcores)


def size_of(proto: ResourceProto) -> Size:
    return Size(proto.memory, proto.virtual_cores)
