"""The module that trainings import: it tells the newest step, and whatever goes wrong it neither raises nor waits."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

import trainmaster.shipped

FOLDER = Path(trainmaster.shipped.__file__).parent


class Hears(BaseHTTPRequestHandler):
    heard: list[tuple[str, str, Any]]
    status = 200
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.heard.append((self.path, self.headers["Authorization"], json.loads(body)))
        said = b'{"after": 0}'
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_: object) -> None:
        return None


@pytest.fixture
def door() -> Iterator[tuple[str, list[tuple[str, str, Any]]]]:
    kind = type("Kind", (Hears,), {"heard": []})
    server = HTTPServer(("127.0.0.1", 0), kind)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/reports/u/worker/0/1/1", kind.heard
    server.shutdown()
    server.server_close()


def trained(code: str, url: str, **variables: str) -> subprocess.CompletedProcess[str]:
    told = {"TRAINMASTER_STATUS_URL": url, "TRAINMASTER_STATUS_TOKEN": "secret", "PYTHONPATH": str(FOLDER)}
    env = {"PATH": os.environ["PATH"], **told, **variables}
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=env,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_the_newest_step_is_told_and_the_last_one_at_the_end(door: tuple[str, list[Any]]) -> None:
    url, heard = door
    code = (
        "from trainmaster_report import report\nfor step in range(1, 1001): report(step, 1000, loss=1 / step)"
    )
    began = trained(code, url)
    assert (began.returncode, began.stderr) == (0, "")
    path, token, last = heard[-1]
    assert (path, token) == ("/reports/u/worker/0/1/1", "Bearer secret")
    assert last == {"step": 1000, "total": 1000, "metrics": {"loss": 0.001}}
    assert len(heard) <= 2, "a thousand steps in a moment are told once, and the last one once more"


def test_it_never_raises_whatever_it_is_told(door: tuple[str, list[Any]]) -> None:
    url, heard = door
    code = "import trainmaster_report as r\nr.report(5, loss=float('nan'), words='x', good=1)"
    assert trained(code, url).stderr == ""
    assert heard[-1][2] == {"step": 5, "metrics": {"good": 1.0}}
    for odd in ("None", "'five'", "object()", "float('nan')"):
        assert trained(f"import trainmaster_report as r\nr.report({odd})", url).stderr == ""


@pytest.mark.parametrize("url", ["", "http://127.0.0.1:9/x", "nonsense", "http://[", "https://127.0.0.1:9/x"])
def test_without_a_door_it_does_nothing(url: str) -> None:
    done = trained("import trainmaster_report as r\nr.report(5)\nprint('trained')", url)
    assert (done.returncode, done.stdout, done.stderr) == (0, "trained\n", "")


def test_of_several_processes_of_one_replica_the_first_speaks(door: tuple[str, list[Any]]) -> None:
    url, heard = door
    trained("import trainmaster_report as r\nr.report(5)", url, LOCAL_RANK="1")
    assert heard == []


def test_a_process_that_is_asked_tells_its_stacks_and_goes_on(tmp_path: Path) -> None:
    """Its parent, as a NodeManager does, has SIGQUIT blocked."""
    code = (
        "import trainmaster_report, time\nprint('up', flush=True)\n"
        "def waits_for_ever():\n    time.sleep(60)\n"
        "waits_for_ever()"
    )
    env = {
        "TRAINMASTER_STATUS_URL": "http://127.0.0.1:9/x",
        "TRAINMASTER_STATUS_TOKEN": "t",
        "PYTHONPATH": str(FOLDER),
    }
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGQUIT})
    try:
        with (
            (tmp_path / "err").open("wb") as err,
            subprocess.Popen(
                [sys.executable, "-c", code], env=env, stdout=subprocess.PIPE, stderr=err
            ) as process,
        ):
            assert process.stdout
            assert process.stdout.readline() == b"up\n"
            try:
                deadline = time.monotonic() + 20
                while b"waits_for_ever" not in (tmp_path / "err").read_bytes():
                    assert time.monotonic() < deadline
                    process.send_signal(signal.SIGQUIT)  # the first may come before it waits
                    time.sleep(0.1)
                assert process.poll() is None
            finally:
                process.kill()
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGQUIT})


def test_an_optimizer_without_hooks_counts_its_steps_and_goes_on_as_before(
    door: tuple[str, list[Any]],
) -> None:
    url, heard = door
    code = (
        "import trainmaster_report as r\n"
        "class Optimizer:\n    taken = 0\n    def step(self, closure=None):\n        self.taken += 1\n        return 'loss'\n"
        "o = Optimizer()\nr.pytorch_hook(o, total=10, start=5)\n"
        "assert o.step() == 'loss' and o.step(None) == 'loss'\nassert o.taken == 2\n"
        "assert o.step.__func__ and o.step.__self__ is o"
    )
    assert trained(code, url).stderr == ""
    assert heard[-1][2] == {"step": 7, "total": 10, "metrics": {}}


def test_keras_counts_batches_and_knows_how_many_there_will_be(door: tuple[str, list[Any]]) -> None:
    url, heard = door
    code = (
        "import sys, types\n"
        "tf = types.ModuleType('tensorflow')\n"
        "tf.keras = types.SimpleNamespace(callbacks=types.SimpleNamespace(Callback=object))\n"
        "sys.modules['tensorflow'] = tf\n"
        "import trainmaster_report as r\n"
        "c = r.keras_callback()\nc.params = {'steps': 5, 'epochs': 2}\nc.on_train_begin()\n"
        "for b in range(3): c.on_train_batch_end(b, {'loss': 0.5})"
    )
    assert trained(code, url).stderr == ""
    assert heard[-1][2] == {"step": 3, "total": 10, "metrics": {"loss": 0.5}}
