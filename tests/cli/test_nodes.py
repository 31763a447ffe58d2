"""`trainmaster nodes` as a person meets it: beside a controller's pages, and without any."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml

from cli.running import Ran
from trainmaster.cli.exits import ExitCode
from trainmaster.cli.nodes import cells, state, why

Run = Callable[..., Ran]
NOW = 1_750_000_000.0
TOKEN = "a-token-0123456789"


def node(host: str, containers: int = 0, **more: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "host": host,
        "inCluster": True,
        "total": {"memoryMiB": 65536, "gpus": 8},
        "free": {"memoryMiB": 32768, "gpus": 4},
        "ours": {"containers": containers, "memoryMiB": 0, "vcores": 0, "gpus": 2 * containers},
        "jobs": [],
        "avoidedBy": [],
        "avoidingJobs": 0,
        "calledBad": [],
    }
    return row | more


CALLED = {"source": "dcgm", "why": "Xid 79", "since": "2025-06-15T15:05:10Z", "avoided": True}
AVOIDS = {"job": "vision/mnist", "cause": "GpuFault", "times": 2, "until": "2025-06-15T15:16:40Z"}
NODES = [
    node(
        "n1",
        avoidingJobs=3,
        avoidedBy=[AVOIDS],
        suspect={"jobs": 2, "avoided": False, "causes": ["GpuFault"]},
    ),
    node("n2", 1, jobs=[{"job": "vision/mnist", "containers": 1}]),
    node("n3", calledBad=[CALLED]),
    node("n4"),
]


@pytest.fixture
def pages() -> Iterator[str]:
    """A controller's pages, which ask for a token below /closed."""

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            closed = self.path.startswith("/closed") and self.headers["Authorization"] != f"Bearer {TOKEN}"
            told = {"error": "a bearer token is needed"} if closed else {"nodes": NODES, "sources": SOURCES}
            self.send_response(401 if closed else 200 if self.path.endswith("/api/nodes") else 404)
            self.end_headers()
            self.wfile.write(json.dumps(told).encode())

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


SOURCES = [{"name": "gpud", "nodes": 0, "trouble": "it isn't written in JSON"}]


def test_nodes_that_hold_something_or_are_not_well_are_listed(trainmaster: Run, pages: str) -> None:
    told = trainmaster("nodes", "--controller", pages)
    assert [line.split()[:2] for line in told.out.splitlines()] == [
        ["NODE", "STATE"],
        ["n1", "Suspect"],
        ["n2", "Well"],
        ["n3", "LeftAlone"],
    ]
    assert told.error == "warning: gpud tells nothing of nodes: it isn't written in JSON"
    assert "n4" in trainmaster("nodes", "--controller", pages, "--all").out
    assert [
        row["host"]
        for row in json.loads(trainmaster("nodes", "n4", "--controller", pages, "-o", "json").out)["nodes"]
    ] == ["n4"]


def test_why_a_node_is_avoided_by_whom_and_until_when() -> None:
    first, second, third, _ = NODES
    assert why(first, NOW) == [
        "failed 2 jobs: GpuFault",
        "avoided by vision/mnist for 10m (GpuFault, 2 times)",
        "avoided by 2 other jobs",
    ]
    assert why(third, NOW) == ["dcgm: Xid 79 (for 1m)"]
    assert cells(second, NOW) == ("n2", "Well", "1", "2 of 8", "32 GiB, 4 GPU", "vision/mnist (1)", "")


def test_one_word_for_each_node() -> None:
    assert state(node("n", inCluster=False)) == "Gone"
    assert state(node("n", avoidingJobs=1)) == "Avoided"
    assert state(node("n", calledBad=[CALLED | {"avoided": False}])) == "Suspect"
    assert state(node("n", suspect={"jobs": 2, "avoided": True, "causes": []})) == "LeftAlone"


def test_where_no_controller_is_there_the_cure_is_told(trainmaster: Run) -> None:
    told = trainmaster("nodes", "--controller", "http://127.0.0.1:9")
    assert told.code == ExitCode.UNAVAILABLE
    assert told.error.endswith("name the address of a controller's pages with --controller")


def test_a_page_that_asks_for_a_token_gets_it_from_a_file(
    trainmaster: Run, pages: str, tmp_path: Path
) -> None:
    assert trainmaster("nodes", "--controller", f"{pages}/closed").code == ExitCode.DENIED
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    told = trainmaster("nodes", "--controller", f"{pages}/closed", "--token-file", f"{tmp_path}/token")
    assert told.code == 0


def test_a_node_that_is_not_there_is_told(trainmaster: Run, pages: str) -> None:
    for words in (["n9"], ["n9", "--clear"]):
        told = trainmaster("nodes", "--controller", pages, *words)
        assert (told.code, "n9: there is no such node" in told.err) == (ExitCode.MISSING, True)


def test_a_node_is_cleared_in_the_store_with_or_without_a_controller(
    trainmaster: Run, pages: str, tmp_path: Path
) -> None:
    marks = tmp_path / "store/cleared-nodes"
    told = trainmaster("nodes", "n3", "--clear", "--controller", pages)
    assert told.out == "node n3 cleared\n"
    assert "dcgm goes on calling n3 bad (Xid 79), until it says otherwise" in told.err
    told = trainmaster("nodes", "n5", "--clear", "--controller", "http://127.0.0.1:9")
    assert "whether there are such nodes isn't known" in told.err
    told = trainmaster("nodes", "n6", "--clear", "--controller", f"{pages}/closed")
    assert (told.code, "a bearer token is needed" in told.err) == (0, True)
    assert {path.name for path in marks.iterdir()} == {"n3", "n5", "n6"}


@pytest.mark.parametrize(("words", "code"), [([], ExitCode.USAGE), (["../x"], ExitCode.INVALID)])
def test_what_cannot_be_cleared_is_refused(words: list[str], code: ExitCode, trainmaster: Run) -> None:
    assert trainmaster("nodes", "--clear", *words).code == code


# --- on Kubernetes: in the cluster that is meant


LEASE = "/apis/coordination.k8s.io/v1/namespaces/of-test/leases/trainmaster"


@pytest.fixture
def asked() -> list[str]:
    """What the API server of context `test` was asked."""
    return []


@pytest.fixture
def two_clusters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: list[str]) -> Iterator[Path]:
    """A kubeconfig whose current context, prod, is another than `test`. Nobody answers in prod."""

    class Leases(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(f"{self.command} {self.path}")
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body or json.dumps({"metadata": {"resourceVersion": "1"}, "spec": {}}).encode())

        def do_PUT(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            return

    monkeypatch.delenv("KUBECONFIG", raising=False)
    with ThreadingHTTPServer(("127.0.0.1", 0), Leases) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        ports = {"prod": 9, "test": server.server_port}
        path = tmp_path / "kubeconfig"
        path.write_text(yaml.safe_dump(two_contexts(ports)))
        yield path
        server.shutdown()


def two_contexts(ports: dict[str, int]) -> dict[str, Any]:
    servers = {name: {"server": f"http://127.0.0.1:{port}"} for name, port in ports.items()}
    inner = {name: {"cluster": name, "user": "u", "namespace": f"of-{name}"} for name in ports}
    return {
        "current-context": "prod",
        "clusters": [{"name": name, "cluster": each} for name, each in servers.items()],
        "contexts": [{"name": name, "context": each} for name, each in inner.items()],
        "users": [{"name": "u", "user": {}}],
    }


@pytest.mark.parametrize("named", [("--kubeconfig",), ("--source", "kubernetes")])
@pytest.mark.parametrize("before", [True, False])
def test_a_node_is_cleared_in_the_cluster_that_was_named(
    trainmaster: Run,
    two_clusters: Path,
    asked: list[str],
    monkeypatch: pytest.MonkeyPatch,
    named: tuple[str, ...],
    before: bool,
) -> None:
    """Never in that of the current context, nor in the store of the settings."""
    if named == ("--kubeconfig",):
        named = ("--kubeconfig", str(two_clusters))
    else:
        monkeypatch.setenv("KUBECONFIG", str(two_clusters))
    first = (*named, "--context", "test")
    words = ("nodes", "gpu-07", "--clear", "--controller", "http://127.0.0.1:9")
    told = trainmaster(*first, *words) if before else trainmaster(*words, *first)
    assert (told.code, told.out) == (0, "node gpu-07 cleared\n")
    assert asked == [f"GET {LEASE}", f"PUT {LEASE}"]


def test_a_context_alone_means_kubernetes_and_one_that_is_not_there_is_told(
    trainmaster: Run, two_clusters: Path, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(two_clusters))
    words = ("nodes", "gpu-07", "--clear", "--controller", "http://127.0.0.1:9", "--context")
    assert trainmaster(*words, "test").code == 0
    assert len(asked) == 2
    told = trainmaster(*words, "tset")
    assert (told.code, "has no context tset; it has prod, test" in told.err) == (ExitCode.SETTINGS, True)
