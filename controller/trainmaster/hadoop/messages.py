"""Between YARN's protobufs and our values: the conversions that several clients share, pure."""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite

from google.protobuf.message import DecodeError

from trainmaster.errors import InvalidError
from trainmaster.hadoop.containers import GrantedContainer
from trainmaster.hadoop.frames import whole
from trainmaster.hadoop.ids import container_id
from trainmaster.hadoop.proto.common_pb2 import TokenProto
from trainmaster.hadoop.proto.yarn_pb2 import (
    COUNTABLE,
    ContainerProto,
    NodeIdProto,
    NodeReportProto,
    NodeStateProto,
    ResourceInformationProto,
    ResourceProto,
)
from trainmaster.hadoop.proto.yarn_scheduler_pb2 import NMTokenProto
from trainmaster.hadoop.values import NodeReport, NodeState, Resource

GPU = "yarn.io/gpu"
"""ResourceInformation.GPU_URI"""


def resource_proto(size: Resource) -> ResourceProto:
    proto = ResourceProto(memory=size.memory, virtual_cores=size.vcores)
    if size.gpus:
        # Only when wanted: a cluster without the resource type refuses the mere mention of it.
        proto.resource_value_map.append(
            ResourceInformationProto(key=GPU, value=size.gpus, units="", type=COUNTABLE)
        )
    return proto


def resource(proto: ResourceProto) -> Resource:
    gpus = next((each.value for each in proto.resource_value_map if each.key == GPU), 0)
    return Resource(proto.memory, proto.virtual_cores, gpus)


def finite(value: float) -> float:
    """A share or progress; 0 for what is no number, as Java makes it of parts of nothing."""
    return value if isfinite(value) else 0.0


def node_name(proto: NodeIdProto) -> str:
    return f"{proto.host}:{proto.port}"


def node_report(proto: NodeReportProto) -> NodeReport:
    return NodeReport(
        node=node_name(proto.nodeId),
        http=proto.httpAddress,
        rack=proto.rackName,
        state=NodeState(NodeStateProto.Name(proto.node_state).removeprefix("NS_")),
        used=resource(proto.used),
        total=resource(proto.capability),
        containers=proto.numContainers,
        health=proto.health_report,
        labels=tuple(proto.node_labels),
    )


def granted(proto: ContainerProto) -> GrantedContainer:
    return GrantedContainer(
        id=container_id(proto.id),
        node=node_name(proto.nodeId),
        http=proto.node_http_address,
        size=resource(proto.resource),
        priority=proto.priority.priority,
        allocation_request_id=proto.allocation_request_id,
        container_token=token_bytes(proto.container_token) if proto.HasField("container_token") else b"",
    )


def nm_tokens(protos: Iterable[NMTokenProto]) -> dict[str, bytes]:
    """By node; one that comes without a token says nothing."""
    return {node_name(each.nodeId): token_bytes(each.token) for each in protos if each.HasField("token")}


def token_bytes(proto: TokenProto) -> bytes:
    return proto.SerializeToString(deterministic=True)


def token_proto(token: bytes) -> TokenProto:
    """A token that was kept as bytes; InvalidError if they are not one (and never with the bytes in it)."""
    try:
        return whole(TokenProto.FromString(token))
    except DecodeError:
        # Its text is dropped, as it may quote the secret.
        raise InvalidError("the saved bytes are not a Hadoop token") from None
