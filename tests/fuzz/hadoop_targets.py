"""What Hadoop's web servers send, and its tokens: JSON, identifiers, keytabs, pages of logs."""

from __future__ import annotations

import base64
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from fuzz.mutations import Draws, bitten, json_text, pieces
from fuzz.playing import RECORDED, asyncly, well_typed
from fuzz.target import Target
from hadoop.fake import TOKEN
from hadoop.gpu_answers import CONTAINER, FAILED, LATCHED, UNKNOWN, device
from hadoop.gpu_answers import answer as gpu_answer
from hadoop.use_answers import RECORDED as USE
from trainmaster.errors import InvalidError, TrainmasterError, UnavailableError
from trainmaster.hadoop import (
    container_use,
    gpus,
    messages,
    writable,
)
from trainmaster.hadoop import rest as rest_answers
from trainmaster.hadoop.configuration import parse
from trainmaster.hadoop.http import _merge, http_error
from trainmaster.hadoop.kerberos import keytabs
from trainmaster.hadoop.logs import ContainerLogs, parse_tail
from trainmaster.hadoop.nodeweb import NodeWeb
from trainmaster.hadoop.rest import Rest
from trainmaster.json_text import loads

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

TARGETS = (rest, tokens, log_pages)
