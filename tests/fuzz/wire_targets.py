"""What Hadoop's daemons send by RPC, or whoever is taken for one: frames, log-ins and protobufs."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from google.protobuf.message import DecodeError

from fuzz.mutations import Draws, Edit, bitten, pieces, twisted, varint
from fuzz.playing import LOOP, RECORDED, asyncly, recorded, well_typed
from fuzz.target import Target
from hadoop.fake import TOKEN
from trainmaster.errors import InvalidError, TrainmasterError
from trainmaster.hadoop import (
    blocks,
    messages,
    nodemanager,
    queue_rights,
    resourcemanager,
    scheduler,
)
from trainmaster.hadoop.connection import Connection
from trainmaster.hadoop.frames import FrameError, read
from trainmaster.hadoop.protection import DigestLayer, Protection
from trainmaster.hadoop.proto import hdfs_pb2, yarn_client_pb2, yarn_nodemanager_pb2, yarn_scheduler_pb2
from trainmaster.hadoop.proto.common_pb2 import (
    RpcResponseHeaderProto,
    RpcSaslProto,
)
from trainmaster.hadoop.sasl import SimpleLogin, TokenLogin

WORKING = 10
"""turns of the loop until all that a frame leads to has happened"""

# --- protobufs: each answer that a client understands, and what it makes of it

LISTING = hdfs_pb2.GetListingResponseProto(
    dirList=hdfs_pb2.DirectoryListingProto(remainingEntries=1, partialListing=[])
)


def _listed(answer: Any) -> Any:
    return blocks.located(map(blocks._of_file, answer.dirList.partialListing))


READERS: Mapping[str, tuple[Any, Callable[[Any], Any]]] = {
    "AllocateResponseProto": (yarn_scheduler_pb2, scheduler.allocated),
    "RegisterApplicationMasterResponseProto": (
        yarn_scheduler_pb2,
        lambda answer: [messages.granted(each) for each in answer.containers_from_previous_attempts],
    ),
    "GetApplicationReportResponseProto": (
        yarn_client_pb2,
        lambda answer: resourcemanager.application_report(answer.application_report),
    ),
    "GetQueueInfoResponseProto": (
        yarn_client_pb2,
        lambda answer: resourcemanager.queue_info(answer.queueInfo),
    ),
    "GetClusterNodesResponseProto": (
        yarn_client_pb2,
        lambda answer: tuple(map(messages.node_report, answer.nodeReports)),
    ),
    "GetQueueUserAclsInfoResponseProto": (yarn_client_pb2, queue_rights.queue_acls),
    "GetNewApplicationResponseProto": (
        yarn_client_pb2,
        lambda answer: messages.resource(answer.maximumCapability),
    ),
    "GetContainerStatusesResponseProto": (yarn_nodemanager_pb2, nodemanager.statuses),
    "StopContainersResponseProto": (
        yarn_nodemanager_pb2,
        lambda answer: [str(nodemanager._error(each)) for each in answer.failed_requests],
    ),
    "StartContainersResponseProto": (
        yarn_nodemanager_pb2,
        lambda answer: [str(nodemanager._error(each)) for each in answer.failed_requests],
    ),
}
GRANT = yarn_scheduler_pb2.AllocateResponseProto(response_id=2)
_granted = GRANT.allocated_containers.add(node_http_address="node:2", allocation_request_id=7)
_granted.id.id, _granted.id.app_attempt_id.attemptId = 3 << 40 | 2, 1
_granted.nodeId.host, _granted.nodeId.port = "node", 1
_granted.resource.memory, _granted.resource.virtual_cores = 1024, 1
_granted.resource.resource_value_map.add(key=messages.GPU, value=2)
_granted.container_token.CopyFrom(TOKEN)
PROTOBUFS = [("AllocateResponseProto", varint(GRANT.ByteSize()) + GRANT.SerializeToString())] + [
    (kind, data) for kind in READERS for data in recorded(kind)
]


def _answer(number: int, fields: list[Edit], bites: list[Edit]) -> tuple[str, bytes]:
    kind, data = PROTOBUFS[number % len(PROTOBUFS)]
    said = read(getattr(READERS[kind][0], kind), data)
    body = twisted(said, fields)
    return kind, bitten(varint(len(body)) + body, bites)


def read_protobuf(draws: Draws) -> None:
    kind, data = _answer(draws.number(), draws.edits(), draws.seldom())
    module, understood = READERS[kind]
    try:
        answer = read(getattr(module, kind), data)
    except (FrameError, DecodeError):
        return
    with suppress(InvalidError):
        well_typed(understood(answer))


protobufs = Target(
    "protobufs",
    read_protobuf,
    ("hadoop.messages",),
    frozenset({"resource_proto", "token_proto"}),
)

# --- frames: a connection that is open, with calls that wait


class Transport(asyncio.Transport):
    """Keeps what is written, and hears of the end as asyncio's own would tell it."""

    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self.written, self._connection, self._ended = b"", connection, False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def abort(self) -> None:
        if not self._ended:
            self._ended = True
            LOOP.call_soon(self._connection.connection_lost, None)

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


def framed(header: RpcResponseHeaderProto, body: bytes, edits: list[Edit]) -> bytes:
    """One answer, its header with these edits."""
    head = twisted(header, edits)
    payload = varint(len(head)) + head + body
    return len(payload).to_bytes(4, "big") + payload


def _opened() -> tuple[Connection, Transport]:
    connection = Connection("node:1", "protocol")
    transport = Transport(connection)
    connection.connection_made(transport)
    return connection, transport


async def turns() -> None:
    for _ in range(WORKING):
        await asyncio.sleep(0)


async def told(calls: list[asyncio.Task[Any]], connection: Connection, transport: Transport) -> list[Any]:
    """What became of each call: once the connection is over, none may wait."""
    await turns()
    transport.abort()
    await turns()
    done, waiting = await asyncio.wait(calls, timeout=0)
    assert not waiting, "a call waits for ever"
    assert not connection.usable
    return [task.exception() or task.result() for task in done if not task.cancelled()]


HEADERS = [RpcResponseHeaderProto.FromString(b"\x08\x01\x10\x00")] + [
    read(RpcResponseHeaderProto, base64.b64decode(each)) for each in RECORDED["headers"]
]


async def read_frames(draws: Draws) -> None:
    """Some calls wait, and answers come, cut and bitten."""
    answers = [
        (draws.number(), draws.number(), draws.seldom(), draws.seldom())
        for _ in range(1 + draws.number() % 3)
    ]
    bites, cuts = draws.seldom(), draws.edits()
    connection, transport = _opened()
    await connection._enter(SimpleLogin("somebody"))
    kinds = [PROTOBUFS[number % len(PROTOBUFS)][0] for number, *_ in answers]
    calls = [
        LOOP.create_task(connection.call("method", TOKEN, getattr(READERS[kind][0], kind))) for kind in kinds
    ]
    await asyncio.sleep(0)
    stream = b""
    for place, (number, head, fields, edits) in enumerate(answers):
        header = RpcResponseHeaderProto()
        header.CopyFrom(HEADERS[head % len(HEADERS)])
        header.callId = place + 1
        stream += framed(header, _answer(number, fields, [])[1], edits)
    for piece in pieces(bitten(stream, bites), cuts):
        if connection.usable:
            connection.data_received(piece)
    for outcome in await told(calls, connection, transport):
        if isinstance(outcome, BaseException):
            assert isinstance(outcome, TrainmasterError), repr(outcome)
            assert isinstance(str(outcome), str)


frames = Target(
    "frames",
    asyncly(read_frames),
    ("hadoop.frames", "hadoop.waiting", "hadoop.refusals"),
    frozenset({"wrapped", "method_header", "says_nothing_of_the_job", "WaitingCalls._look"}),
)

# --- log-ins: the other side of SASL, which may say anything in any order

OFFER = RpcSaslProto.SaslAuth(
    method="TOKEN",
    mechanism="DIGEST-MD5",
    protocol="",
    serverId="default",
    challenge=b'realm="default",nonce="abc+/=",qop="auth,auth-int,auth-conf",cipher="3des,rc4",charset=utf-8,algorithm=md5-sess',
)
NEGOTIATE = RpcSaslProto(state=RpcSaslProto.NEGOTIATE, auths=[OFFER])


class Known(TokenLogin):
    """Tells the other side what it needs to be right: it knows the token as well."""

    __slots__ = ("mechanism",)

    def choose(self, offers: Any) -> Any:
        offer, mechanism = super().choose(offers)
        object.__setattr__(self, "mechanism", mechanism)
        return offer, mechanism


def sasl(message: bytes, call_id: int = 0xFFFFFFDF, edits: list[Edit] | None = None) -> bytes:
    header = RpcResponseHeaderProto(callId=call_id, status=RpcResponseHeaderProto.SUCCESS)
    return framed(header, varint(len(message)) + message, edits or [])


async def read_login(draws: Draws) -> None:
    """A log-in by a token, and one call within what it agreed on; each message of the server may be wrong."""
    number, offered, challenge, proven = draws.number(), draws.seldom(), draws.seldom(), draws.seldom()
    answered, bites = draws.seldom(), draws.seldom()
    connection, transport = _opened()
    protection = tuple(Protection)[number % 3]
    login = Known(TOKEN.SerializeToString(), (protection,))
    entering = LOOP.create_task(connection._enter(login))
    await asyncio.sleep(0)
    said = RpcSaslProto()
    said.CopyFrom(NEGOTIATE)
    said.auths[0].challenge = bitten(OFFER.challenge, challenge)
    _hears(connection, sasl(twisted(said, offered)))
    await turns()
    mechanism = getattr(login, "mechanism", None)
    proof = b"rspauth=" + (mechanism._proof if mechanism else b"")
    states = (RpcSaslProto.SUCCESS, RpcSaslProto.SUCCESS, RpcSaslProto.CHALLENGE)
    done = RpcSaslProto(state=states[number // 3 % 3], token=proof)
    _hears(connection, sasl(twisted(done, proven)))
    await turns()
    calls = [entering]
    if entering.done() and not entering.exception():
        calls.append(LOOP.create_task(connection.call("method", TOKEN, RpcSaslProto)))
        await asyncio.sleep(0)
        _hears(connection, bitten(_wrapped(mechanism, protection, answered), bites))
    for outcome in await told(calls, connection, transport):
        if isinstance(outcome, BaseException):
            assert isinstance(outcome, TrainmasterError), repr(outcome)


def _hears(connection: Connection, data: bytes) -> None:
    if connection.usable:
        connection.data_received(data)


def _wrapped(mechanism: Any, protection: Protection, edits: list[Edit]) -> bytes:
    """An answer to the first call, as the other side of what was agreed on sends it."""
    answer = sasl(NEGOTIATE.SerializeToString(), 1, edits)
    if protection is Protection.AUTHENTICATION:
        return answer
    layer = DigestLayer(mechanism._secret, sealed=protection is Protection.PRIVACY)
    layer._signing, layer._checking = layer._checking, layer._signing
    layer._seal = layer._open
    token = RpcSaslProto(state=RpcSaslProto.WRAP, token=layer.wrap(answer))
    return sasl(twisted(token, edits[1:]))


logins = Target(
    "logins",
    asyncly(read_login),
    ("hadoop.digest", "hadoop.protection"),
    frozenset({"wanted", "Layer.wrap", "Layer.unwrap"}),
)

TARGETS = (frames, logins, protobufs)
