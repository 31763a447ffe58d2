"""The probe against daemons that are away, half started, or wrong about each other."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from trainmaster.local.options import Options
from trainmaster.local.readiness import Probe
from trainmaster.local.services import Addresses, Node

Answers = dict[str, Any]


@pytest.fixture
def answers() -> Answers:
    """What is served, by path; anything else is not found."""
    return {}


@pytest.fixture
def probe(answers: Answers) -> Iterator[Probe]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.path in answers
            self.send_response(200 if known else 404)
            self.end_headers()
            self.wfile.write(json.dumps(answers.get(self.path)).encode())

        def log_message(self, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        at = f"127.0.0.1:{server.server_port}"
        with Probe(Addresses(at, at, at, at, at, at, (Node("node:1", at),)), Options()) as asked:
            yield asked
        server.shutdown()


def bean(name: str, /, **values: object) -> Answers:
    return {f"/jmx?qry={name}": {"beans": [values]}}


FILE_SYSTEM = "Hadoop:service=NameNode,name=FSNamesystemState"
DATANODE = "Hadoop:service=DataNode,name=DataNodeInfo"


@pytest.mark.parametrize(
    ("served", "waits"),
    [
        ({}, "NameNode's answer"),
        ({f"/jmx?qry={FILE_SYSTEM}": {"beans": []}}, "NameNode's answer"),
        (bean(FILE_SYSTEM, FSState="safeMode", NumLiveDataNodes=1), "safe mode"),
        (bean(FILE_SYSTEM, name="half started"), "safe mode"),
        (bean(FILE_SYSTEM, FSState="Operational", NumLiveDataNodes=0), "a DataNode"),
        (bean(FILE_SYSTEM, FSState="Operational", NumLiveDataNodes=1), None),
    ],
)
def test_namenode(probe: Probe, answers: Answers, served: Answers, waits: str | None) -> None:
    answers |= served
    assert_waits(probe.namenode(), waits)


@pytest.mark.parametrize(
    ("served", "waits"),
    [
        ({}, "DataNode to register"),
        (bean(DATANODE), "DataNode to register"),
        (bean(DATANODE, BPServiceActorInfo="[]"), "DataNode to register"),
        (bean(DATANODE, BPServiceActorInfo='[{"ActorState": "CONNECTING", "BlockPoolID": ""}]'), "DataNode"),
        (bean(DATANODE, BPServiceActorInfo='[{"ActorState": "RUNNING", "BlockPoolID": "BP-1"}]'), None),
    ],
)
def test_datanode(probe: Probe, answers: Answers, served: Answers, waits: str | None) -> None:
    answers |= served
    assert_waits(probe.datanode(), waits)


@pytest.mark.parametrize(
    ("info", "waits"),
    [
        ({}, "ResourceManager's answer"),
        ({"state": "INITED", "haState": "INITIALIZING"}, "ResourceManager's answer"),
        ({"state": "STARTED", "haState": "STANDBY"}, "ResourceManager's answer"),
        ({"state": "STARTED", "haState": "ACTIVE"}, None),
    ],
)
def test_resourcemanager(probe: Probe, answers: Answers, info: Answers, waits: str | None) -> None:
    answers["/ws/v1/cluster/info"] = {"clusterInfo": info}
    assert_waits(probe.resourcemanager(), waits)


@pytest.mark.parametrize(
    ("healthy", "nodes", "waits"),
    [
        (False, None, "the answer of NodeManager node:1"),
        (True, None, "NodeManager node:1 to register"),
        (True, {"node": [{"id": "node:2", "state": "RUNNING", "lastHealthUpdate": 6000}]}, "to register"),
        (True, {"node": [{"id": "node:1", "state": "LOST", "lastHealthUpdate": 6000}]}, "to register"),
        (True, {"node": [{"id": "node:1", "state": "RUNNING", "lastHealthUpdate": 4000}]}, "to register"),
        (True, {"node": [{"id": "node:1", "state": "RUNNING", "lastHealthUpdate": 6000}]}, None),
    ],
    ids=["unhealthy", "no nodes", "another node", "lost", "the process before", "ready"],
)
def test_nodemanager(probe: Probe, answers: Answers, healthy: bool, nodes: Any, waits: str | None) -> None:
    answers["/ws/v1/node/info"] = {"nodeInfo": {"nodeHealthy": healthy}}
    answers["/ws/v1/cluster/nodes"] = {"nodes": nodes}
    assert_waits(probe.nodemanager(1, since=5.0), waits)


def test_an_answer_that_is_no_json_object_is_none(probe: Probe, answers: Answers) -> None:
    answers["/ws/v1/cluster/info"] = ["surprise"]
    assert_waits(probe.resourcemanager(), "ResourceManager's answer")


def assert_waits(told: str | None, wanted: str | None) -> None:
    if wanted is None:
        assert told is None
    else:
        assert told is not None
        assert wanted in told
