"""What Hadoop's daemons send, or whoever is taken for one: frames, log-ins, protobufs, JSON, tokens and texts of web servers."""

from __future__ import annotations

import asyncio
import atexit
import base64
import dataclasses
import json
import types
import typing
from collections.abc import Callable, Mapping
from contextlib import suppress
from enum import Enum
from functools import cache
from math import isfinite
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError

from fuzz.mutations import Draws, Edit, bitten, json_text, pieces, twisted, varint
from fuzz.target import Target
from hadoop.fake import TOKEN
from hadoop.gpu_answers import CONTAINER, FAILED, LATCHED, UNKNOWN, device
from hadoop.gpu_answers import answer as gpu_answer
from hadoop.use_answers import RECORDED as USE
from trainmaster.errors import InvalidError, TrainmasterError, UnavailableError
from trainmaster.hadoop import (
    blocks,
    container_use,
    gpus,
    messages,
    nodemanager,
    resourcemanager,
    scheduler,
    writable,
)
from trainmaster.hadoop import rest as rest_answers
from trainmaster.hadoop.configuration import parse
from trainmaster.hadoop.connection import Connection
from trainmaster.hadoop.frames import FrameError, read
from trainmaster.hadoop.http import _merge, http_error
from trainmaster.hadoop.kerberos import keytabs
from trainmaster.hadoop.logs import ContainerLogs, parse_tail
from trainmaster.hadoop.nodeweb import NodeWeb
from trainmaster.hadoop.protection import DigestLayer, Protection
from trainmaster.hadoop.proto import hdfs_pb2, yarn_client_pb2, yarn_nodemanager_pb2, yarn_scheduler_pb2
from trainmaster.hadoop.proto.common_pb2 import (
    RpcResponseHeaderProto,
    RpcSaslProto,
)
from trainmaster.hadoop.rest import Rest
from trainmaster.hadoop.sasl import SimpleLogin, TokenLogin
from trainmaster.json_text import loads

RECORDED: Mapping[str, Any] = json.loads((Path(__file__).parent / "recorded" / "hadoop.json").read_text())
LOOP = asyncio.new_event_loop()
atexit.register(LOOP.close)
WORKING = 10
"""turns of the loop until all that a frame leads to has happened"""


def recorded(kind: str) -> list[bytes]:
    """Real messages of one kind."""
    return [base64.b64decode(each) for each in RECORDED["rpc"].get(kind, ())]


def asyncly(run: Callable[[Draws], Any]) -> Callable[[Draws], object]:
    """The same, on a loop that all cases share."""
    return lambda draws: LOOP.run_until_complete(run(draws))


# --- what comes of answers must be of the types that its class says: a word that is bytes breaks whoever joins it


def well_typed(value: Any) -> None:
    """Of a frozen value and all that it holds."""
    if dataclasses.is_dataclass(value):
        hints = _hints(type(value))
        for each in dataclasses.fields(value):
            inner = getattr(value, each.name)
            assert _is(inner, hints[each.name]), f"{type(value).__name__}.{each.name} is {inner!r:.80}"
            well_typed(inner)
    elif isinstance(value, tuple | frozenset):
        for inner in value:
            well_typed(inner)
    elif isinstance(value, Mapping):
        for inner in value.values():
            well_typed(inner)
    elif isinstance(value, int) and not isinstance(value, Enum):
        assert abs(value) < 2**64, "a number that no machine has"
    elif isinstance(value, float):
        assert isfinite(value), "a number that isn't finite"


@cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _is(value: Any, hint: Any) -> bool:
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return any(_is(value, each) for each in typing.get_args(hint))
    return isinstance(value, origin or hint) or (hint is float and isinstance(value, int))


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
    "GetQueueUserAclsInfoResponseProto": (yarn_client_pb2, resourcemanager.queue_acls),
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

# --- JSON of the ResourceManager and the NodeManagers


class Pages:
    """Answers each question with one document."""

    def __init__(self, text: str) -> None:
        self.text = text

    async def json(self, url: str, **_: str) -> Any:
        try:
            return loads(self.text, _merge)
        except ValueError as error:
            raise UnavailableError(f"{url} did not answer in JSON") from error


CONF = parse({"yarn.resourcemanager.webapp.address": "rm:1"})
WEB = [
    (path, loads(base64.b64decode(text)))
    for path, texts in sorted(RECORDED["web"].items())
    for text in texts
    if base64.b64decode(text)[:1] == b"{"
]
BEAN = {**USE, "name": f"Hadoop:service=NodeManager,name=ContainerResource_{CONTAINER}"}
GPUS = loads(gpu_answer(device(0, 50.0, 1000), device(1), owners={0: CONTAINER}))
RESOURCE = {
    "memory": 8192,
    "vCores": 8,
    "resourceInformations": {"resourceInformation": [{"name": "yarn.io/gpu", "value": 2}]},
}
CAPACITIES = {"queueCapacitiesByPartition": [{"partitionName": "gpu", "effectiveMaxResource": RESOURCE}]}
QUEUE = {
    "queueName": "ml",
    "queuePath": "root.ml",
    "state": "RUNNING",
    "numActiveApplications": "3",
    "resourcesUsed": RESOURCE,
    "minEffectiveCapacity": RESOURCE,
    "maximumAllocation": RESOURCE,
    "capacities": CAPACITIES,
    "resources": {"resourceUsagesByPartition": [{"partitionName": "gpu", "used": RESOURCE}]},
    "users": {"user": {"username": "alice", "resourcesUsed": RESOURCE, "userResourceLimit": RESOURCE}},
    "autoCreateChildQueueEnabled": True,
    "defaultNodeLabelExpression": "<DEFAULT_PARTITION>",
}
QUEUES = {
    "type": "capacityScheduler",
    "queueName": "root",
    "queues": {"queue": {**QUEUE, "queues": {"queue": [QUEUE]}}},
}
APP, METRICS = (next(each for path, each in WEB if path.endswith(end)) for end in ("apps", "metrics"))
FILES = {
    "containerLogsInfo": [
        {"containerLogInfo": [{"fileName": "stderr", "fileSize": "12"}], "logAggregationType": "LOCAL"}
    ]
}
DOCUMENTS: list[Any] = [
    {"scheduler": {"schedulerInfo": QUEUES}},
    APP,
    METRICS,
    FILES,
    {"container": {"id": CONTAINER, "state": "RUNNING"}},
    GPUS,
    {"gpuDeviceInformation": {"gpus": [UNKNOWN]}, "totalGpuDevices": [], "assignedGpuDevices": []},
    {"beans": [BEAN, BEAN]},
    loads(LATCHED),
    loads(FAILED),
    *(document for _, document in WEB),
]


async def _queues(text: str) -> Any:
    """As Rest.queues reads them, without the thread, in which no call would be counted."""
    info = rest_answers._dig(await Pages(text).json("http://rm:1/"), "scheduler", "schedulerInfo")
    return rest_answers._understood(lambda: rest_answers._all_queues(info))


async def read_rest(draws: Draws) -> None:
    """A document, edited, as the answer to one of the questions: mostly the one that it belongs to."""
    number, own = draws.number(), draws.number()
    question = draws.number() if own % 4 == 1 else number
    text = json_text(DOCUMENTS[number % len(DOCUMENTS)], draws.edits())
    http: Any = Pages(text)
    rest, logs = Rest(CONF, http), ContainerLogs(CONF, http)
    questions: list[Callable[[], Any]] = [
        lambda: _queues(http.text),
        lambda: rest.application("application_1_1"),
        rest.metrics,
        lambda: logs.files("node:1", CONTAINER),
        lambda: NodeWeb(CONF, http).over("node:1", CONTAINER),
    ]
    with suppress(TrainmasterError):
        well_typed(await questions[question % len(questions)]())
    for body in (text.encode(errors="replace"),):
        for of_node in (gpus.read, container_use.read):
            with suppress(UnavailableError):
                well_typed(of_node(body))
        told = http_error("http://node:1/", (401, 403, 404, 409, 500, 307)[question % 6], body)
        assert str(told)
        gpus.words_of(told)
        container_use.trouble_of(told)


rest = Target(
    "rest",
    asyncly(read_rest),
    ("hadoop.rest", "hadoop.gpus", "hadoop.container_use", "hadoop.nodeweb"),
    frozenset({"by_web", "Use.__bool__", "Rest.queues"}),
)

# --- tokens and keys

IDENTIFIER = b"\x00" + b"".join(
    (
        writable._blob(b"alice"),
        writable._blob(b"yarn"),
        writable._blob(b""),
        *map(writable.vlong_bytes, (10**12, 2 * 10**12)),
    )
)
KEYTAB = keytabs.write(
    [
        b"\x00\x02\x00\x05REALM\x00\x04HTTP\x00\x04host"
        + b"\x00\x00\x00\x01\x00\x00\x00\x00\x01\x00\x12\x00\x02ab"
    ]
    * 2
)
TOKENS: list[tuple[bytes, Callable[[bytes], Any]]] = [
    (IDENTIFIER, writable.life),
    (KEYTAB, keytabs.read),
    (TOKEN.SerializeToString(), messages.token_proto),
]


def read_token(draws: Draws) -> None:
    data, understood = TOKENS[draws.number() % len(TOKENS)]
    with suppress(InvalidError):
        well_typed(understood(bitten(data, draws.edits())))


tokens = Target(
    "tokens",
    read_token,
    ("hadoop.writable", "hadoop.kerberos.keytabs"),
    frozenset({"credentials", "vlong_bytes", "_blob", "_text", "write", "of", "check", "Life.half"}),
)

# --- what a NodeManager says around a log

PAGE = (
    b"Container: %s on node:1\nLogAggregationType: LOCAL\n=====\nLogType:stderr\nLogLastModifiedTime:Sat Nov 28\n"
    b"LogLength:%d\nLogContents:\n%s\nEnd of LogType:stderr\n"
)
LOGS = [PAGE % (CONTAINER.encode(), 12, b"Traceback ()"), PAGE % (CONTAINER.encode(), 10**9, b"x" * 3000)]


def read_page(draws: Draws) -> None:
    number, bites, cuts = draws.number(), draws.edits(), draws.edits()
    page = bitten(LOGS[number % len(LOGS)], bites)
    with suppress(UnavailableError):
        tail = parse_tail(page, 100)
        assert len(tail.content) <= 100
        well_typed(tail)
    got = bytearray()
    inside = _inside(got)
    for piece in pieces(page, cuts):
        if not inside(piece):
            break
    assert len(got) <= len(page)


def _inside(got: bytearray) -> Any:
    from trainmaster.hadoop.logs import _Inside

    return _Inside(lambda piece: got.extend(piece) is None)


log_pages = Target(
    "log-pages",
    read_page,
    ("hadoop.logs",),
    frozenset({f"ContainerLogs.{each}" for each in ("__init__", "_base", "files", "since", "stream", "tail")})
    | {"LogTail.start", "_raise_unless_missing"},
)

TARGETS = (frames, logins, protobufs, rest, tokens, log_pages)
