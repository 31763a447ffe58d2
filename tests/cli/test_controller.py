"""`controller` as a process: it starts without YARN, says so, stops on a signal, and a taken port is one line."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from trainmaster.cli.exits import ExitCode


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
def environment(tmp_path: Path, port: int) -> dict[str, str]:
    """A store in a folder, and a ResourceManager that nobody runs."""
    own = {
        name: value for name, value in os.environ.items() if not name.startswith(("TRAINMASTER_", "HADOOP_"))
    }
    nobody = {
        "yarn.resourcemanager.address": "127.0.0.1:1",
        "yarn.resourcemanager.scheduler.address": "127.0.0.1:1",
    }
    store = {"TRAINMASTER_STORE": f"file://{tmp_path}/store", "TRAINMASTER_WEB_PORT": "0"}
    ports = {"TRAINMASTER_METRICS_PORT": str(port)}
    return own | store | ports | {"TRAINMASTER_HADOOP": json.dumps(nobody), "TRAINMASTER_LOG_FORMAT": "json"}


@pytest.fixture
def controller(environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    words = [sys.executable, "-m", "trainmaster", "controller"]
    with subprocess.Popen(words, env=environment, stderr=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def ask(port: int, path: str) -> tuple[int, str]:
    until = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}") as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


def test_it_serves_without_yarn_and_says_what_is_missing(
    controller: subprocess.Popen[str], port: int
) -> None:
    assert ask(port, "/healthz") == (200, "ok\n")
    while (answer := ask(port, "/readyz")) and '"leader"' not in answer[
        1
    ]:  # it stands by until it has the lease
        time.sleep(0.1)
    status, ready = answer
    assert status == 200, "it serves"
    assert not json.loads(ready)["well"]
    assert {"name": "yarn", "ok": False, "message": "the ResourceManager can't be reached"} in json.loads(
        ready
    )["checks"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_cleanly(
    controller: subprocess.Popen[str], port: int, number: signal.Signals
) -> None:
    ask(port, "/healthz")
    controller.send_signal(number)
    _, said = controller.communicate(timeout=60)
    assert controller.returncode == ExitCode.OK
    assert [json.loads(line)["message"] for line in said.splitlines()][-1] == "stopped"


HANGS = """
import sys, time
from trainmaster.sources.past_runs import PastRuns
PastRuns.__call__ = lambda *_: time.sleep(600)
from trainmaster.cli.main import run
from trainmaster.web import past
past.PATIENCE = 0.5
sys.argv = ["trainmaster", "controller"]
run()
"""
"""a controller whose history lies on a store that never answers"""


def test_a_store_that_hangs_holds_up_no_end(environment: dict[str, str], port: int) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        pages = free.getsockname()[1]
    own = environment | {"TRAINMASTER_WEB_PORT": str(pages)}
    with subprocess.Popen(
        [sys.executable, "-c", HANGS], env=own, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            while '"leader"' not in ask(port, "/readyz")[1]:
                time.sleep(0.1)
            assert ask(pages, "/history/")[0] == 503
            process.terminate()
            _, said = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == ExitCode.OK
    assert [json.loads(line)["message"] for line in said.splitlines()][-1] == "stopped"


def test_a_taken_port_is_one_line(
    controller: subprocess.Popen[str], environment: dict[str, str], port: int
) -> None:
    ask(port, "/healthz")
    words = [sys.executable, "-m", "trainmaster", "controller"]
    second = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert second.returncode == ExitCode.UNAVAILABLE
    assert second.stderr.startswith(f"error: the web server can't listen on 127.0.0.1:{port}: ")
    assert len(second.stderr.splitlines()) == 1


def test_a_web_proxy_that_believes_anybody_is_refused_in_words(environment: dict[str, str]) -> None:
    words = [sys.executable, "-m", "trainmaster", "controller"]
    believing = {"TRAINMASTER_ACCESS__YARN_PROXIES": '["10.1.2.3"]'}
    ran = subprocess.run(
        words, env=environment | believing, capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == ExitCode.INVALID
    assert ran.stderr.startswith(
        "error: access.yarn_proxies: with hadoop.security.authentication=simple anybody"
    )
