"""In which namespace `events` asks an API server. What it shows of one: tests/real/test_kubernetes_source.py."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from cli.running import Ran
from sources.kubernetes.told import kubeconfig, status
from trainmaster.cli.exits import ExitCode


class Server(ThreadingHTTPServer):
    """Knows of no object, and remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[str] = []
        self.port = self.server_port


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        none = "events" in self.path
        body = {"items": [], "metadata": {}} if none else status(404, "NotFound", "there is none")
        self.send_response(200 if none else 404)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as serving:
        thread = Thread(target=serving.serve_forever)
        thread.start()
        yield serving
        serving.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("environment", "words", "asked"),
    [
        ("", (), "mine"),
        ("vision", (), "vision"),
        ("", ("-n", "speech"), "speech"),
        ("vision", ("-n", "speech"), "speech"),
    ],
)
def test_events_asks_in_the_contexts_namespace_unless_one_is_named(
    trainmaster: Callable[..., Ran],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    server: Server,
    environment: str,
    words: tuple[str, ...],
    asked: str,
) -> None:
    """As kubectl does: a job looked for in `default` would be one that isn't there."""
    monkeypatch.delenv("TRAINMASTER_STORE")
    monkeypatch.setenv("TRAINMASTER_SOURCE", "kubernetes")
    monkeypatch.setenv("KUBECONFIG", kubeconfig(server, tmp_path, token="t"))
    if environment:
        monkeypatch.setenv("TRAINMASTER_NAMESPACE", environment)
    ran = trainmaster("events", "mnist", *words)
    assert ran.code == ExitCode.MISSING
    assert ran.error.startswith(f"error: there is no job {asked}/mnist in the context test of ")
    assert server.asked
    assert all(f"/namespaces/{asked}/" in path for path in server.asked)
