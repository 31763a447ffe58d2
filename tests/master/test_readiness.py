"""What looks beside a process whether it is ready: a real shell, real ports, and a server in place of the reports door."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from master.test_launch import ORDERS, begun
from trainmaster.api.start_order import HttpGet, Readiness
from trainmaster.master.launch import launch
from trainmaster.master.readiness import readiness_lines
from trainmaster.master.reports import TOKEN, URL

SERVES = """
import http.server, os, time
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/ok?a=%25" and time.time() > begun + {after} else 503)
        self.end_headers()
    def log_message(self, *_): pass
begun = time.time()
server = http.server.ThreadingHTTPServer(("127.0.0.1", {port}), Answer)
server.timeout = 0.1
while time.time() < begun + {long} and not os.path.exists("told"):
    server.handle_request()
"""


class Door:
    """What came in, as it came."""

    def __init__(self, folder: Path) -> None:
        came = self.came = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                came.append((self.path, self.headers["Authorization"], body))
                (folder / "told").touch()
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/reports/u/ps/0/1/2"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    made = Door(tmp_path)
    yield made
    made.server.shutdown()
    made.server.server_close()


def free() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def runs(door: Door, folder: Path, readiness: Readiness | None, command: str, *ports: int) -> int:
    told = {URL: door.url, TOKEN: "secret"}
    context = launch(told, command, "127.0.0.1", ports, {}, order=next(ORDERS), readiness=readiness)
    return begun(context, folder).returncode


def serving(folder: Path, port: int, after: float, long: float) -> str:
    (folder / "serve.py").write_text(SERVES.format(port=port, after=after, long=long))
    return f"exec {sys.executable} serve.py"


ASKS = Readiness(http_get=HttpGet(path="/ok?a=%25", port=2))


@pytest.mark.parametrize("readiness", [Readiness(), Readiness(port=1), ASKS], ids=["first", "port", "http"])
def test_the_door_is_told_once_the_port_answers(door: Door, tmp_path: Path, readiness: Readiness) -> None:
    first, second = free(), free()
    port = second if readiness.http_get else first
    assert runs(door, tmp_path, readiness, serving(tmp_path, port, 0, 15), first, second) == 0
    assert door.came == [("/reports/u/ps/0/1/2", "Bearer secret", b'{"ready": true}')]


@pytest.mark.parametrize("never", ["another port", "another answer", "no readiness"])
def test_what_is_not_ready_is_not_told(door: Door, tmp_path: Path, never: str) -> None:
    port, other = free(), free()
    readiness = {"another port": Readiness(port=2), "another answer": Readiness(http_get=HttpGet())}.get(
        never
    )
    assert runs(door, tmp_path, readiness, serving(tmp_path, port, 0, 2), port, other) == 0
    assert door.came == []


def test_nobody_is_told_in_clear_what_was_meant_for_https(door: Door, tmp_path: Path) -> None:
    door.url = door.url.replace("http://", "https://")
    port = free()
    assert runs(door, tmp_path, Readiness(), serving(tmp_path, port, 0, 3), port) == 0
    assert door.came == []
    assert (
        readiness_lines(Readiness(), {URL: "https://ctl/reports/u/ps/0/1/2", TOKEN: "secret"}, "n1", (port,))
        == ""
    )


def test_it_is_no_child_of_the_program_and_goes_with_it(door: Door, tmp_path: Path) -> None:
    waits = f"exec {sys.executable} -c 'import os\ntry: os.wait()\nexcept ChildProcessError: exit(7)'"
    assert runs(door, tmp_path, Readiness(), waits, free()) == 7
    assert door.came == []
