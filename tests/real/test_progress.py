"""Trainings that tell their steps: what is shown of them, who hangs is restarted with its stack told, and no leader is missed."""

from __future__ import annotations

import random
import re
import sys
import time
from pathlib import Path

import pytest
import requests

from real.cluster import until
from real.prometheus import Prometheus
from real.reading import SMALL, last_exit, worker
from real.rooms import Room
from real.trainings import log
from trainmaster.api.status import ConditionType as C
from trainmaster.api.status import JobStatus
from trainmaster.local.services import LOOPBACK, free

TRAIN = """\
import os, signal, sys, time
from trainmaster_report import report

FOLDER, PACE, STEPS, FREEZES, HOW = sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), sys.argv[4], sys.argv[5]
me = os.environ["TRAINMASTER_ROLE"] + "-" + os.environ["TRAINMASTER_INDEX"]
first = os.environ["TRAINMASTER_RUN"] == "1" and os.environ["TRAINMASTER_GENERATION"] == "1"

def waits_for_a_message_that_never_comes():
    if HOW == "stopped":
        os.kill(os.getpid(), signal.SIGSTOP)
    while True:
        time.sleep(3600)

for step in range(1, STEPS + 1):
    if first and me == FREEZES and step == 6:
        waits_for_a_message_that_never_comes()
    time.sleep(PACE)
    with open(FOLDER + "/" + me, "a") as file:
        file.write("%d %f\\n" % (step, time.time()))
    report(step, STEPS, loss=1 / step)
"""


@pytest.fixture(scope="module")
def kind() -> str:
    """What comes after a declaration is the same whatever its source."""
    return "folder"


def training(
    folder: Path,
    replicas: int = 1,
    pace: float = 0.2,
    steps: int = 100,
    freezes: str = "",
    how: str = "waits",
    **policy: object,
) -> dict[str, object]:
    command = f"cat > train.py <<'EOF'\n{TRAIN}EOF\n{sys.executable} train.py {folder} {pace} {steps} '{freezes}' {how}"
    role = SMALL | {"replicas": replicas, "command": command, "restartScope": "Job"}
    return {"runPolicy": {"backoff": {"base": "0s"}, **policy}, "roles": {"worker": role}}


def steps(folder: Path, who: str) -> list[tuple[int, float]]:
    path = folder / who
    lines = path.read_text().splitlines() if path.exists() else []
    return [(int(step), float(at)) for step, at in map(str.split, lines)]


def step_of(status: JobStatus) -> int:
    return status.progress.step if status.progress else 0


def free_port() -> int:
    """One that the kernel gives to nobody meanwhile, as it may those of its own range; no replica is given it either."""
    return next(port for port in random.sample(range(30_000, 32_700), 2_700) if free(LOOPBACK, port))


STOOD = "it stood in waits_for_a_message_that_never_comes (train.py, line 12), called by <module> (train.py"


@pytest.mark.parametrize(("how", "told"), [("waits", STOOD), ("stopped", "it told no stack")])
def test_a_frozen_worker_is_restarted_soon_and_says_where_it_stood(
    how: str, told: str, room: Room, tmp_path: Path
) -> None:
    controller = room.controller(TRAINMASTER_REPORTS__PORT="0")
    room.drop("frozen", training(tmp_path, 4, 1.0, 25, "worker-2", how, progressDeadline="5s"))
    before = room.until("frozen", lambda s: s.is_true(C.RUNNING) and s.workers_summary == "4/4")
    status = room.until("frozen", lambda s: s.restarts == 1, 90)
    end = last_exit(worker(status, 2))
    assert end.cause == "Hang"
    assert re.search("no step for 5s after step [45];", end.message), (
        "the last one may not have been told yet"
    )
    assert told in end.message
    assert sorted(asked(replica.log_url) for replica in before.roles["worker"].replicas) == [
        how == "waits",
        True,
        True,
        True,
    ]

    last = max(at for step, at in steps(tmp_path, "worker-2") if step == 5)
    again = until(lambda: [at for step, at in steps(tmp_path, "worker-2") if step == 1 and at > last], 60)
    (tmp_path / "restarted").write_text(f"{again[0] - 1.0 - last:.1f} s after its last step\n")

    done = room.until_true("frozen", C.FINISHED, 120)
    assert done.is_true(C.SUCCEEDED)
    assert done.restarts == 1
    assert "STATUS_TOKEN" not in controller.words


def asked(log_url: str) -> bool:
    """Whether the process that wrote this log told its stacks there."""
    container, node = re.findall(r"container_\w+", log_url)[0], log_url.split("/")[2]
    url = f"http://{node}/ws/v1/node/containerlogs/{container}/stderr"
    return "most recent call first" in requests.get(url, params={"size": "-65536"}, timeout=10).text


def test_processes_go_on_to_report_to_whoever_leads_next(room: Room, tmp_path: Path) -> None:
    port = str(free_port())
    first = room.controller(TRAINMASTER_REPORTS__PORT=port)
    room.drop("told", training(tmp_path, 2, 0.2, 0x7FFF, progressDeadline="5s"))
    status = room.until("told", lambda s: step_of(s) > 0)
    assert status.progress
    assert status.progress.total == 0x7FFF
    assert worker(status).restarts == 0

    first.end()
    reached = steps(tmp_path, "worker-0")[-1][0]
    time.sleep(8)  # longer than the deadline
    room.controller(TRAINMASTER_REPORTS__PORT=port)
    status = room.until("told", lambda s: step_of(s) > reached + 20, 90)
    assert status.restarts == 0, "the time in which nobody could hear them doesn't count"
    room.delete("told")


def test_what_comes_to_a_standby_is_handed_on_to_the_leader(room: Room, tmp_path: Path) -> None:
    standby = str(free_port())
    leader = room.controller(
        TRAINMASTER_REPORTS__PORT="0", TRAINMASTER_REPORTS__URL=f"http://127.0.0.1:{standby}"
    )
    until(lambda: "leading" in leader.words, 60)
    room.controller(TRAINMASTER_REPORTS__PORT=standby)
    room.drop("handed-on", training(tmp_path, 1, 0.2, 0x7FFF))
    room.until("handed-on", lambda s: step_of(s) > 0)
    room.delete("handed-on")


def test_a_slow_worker_is_named_with_its_node(room: Room, tmp_path: Path) -> None:
    room.controller(TRAINMASTER_REPORTS__PORT="0")
    spec = training(tmp_path, 3, 0.3, 0x7FFF)
    slow = spec["roles"]["worker"]["command"].replace(
        " 0.3 ", " $(test $TRAINMASTER_INDEX = 1 && echo 0.5 || echo 0.3) "
    )  # type: ignore[index]
    spec["roles"]["worker"]["command"] = slow  # type: ignore[index]
    room.drop("slow", spec)
    status = room.until("slow", lambda s: s.progress and s.progress.stragglers, 120)
    assert status.progress
    [named] = status.progress.stragglers
    assert (named.role, named.index, named.node) == ("worker", 1, worker(status, 1).node)
    assert named.steps_per_second < named.best_steps_per_second
    room.delete("slow")


def test_what_hung_while_nobody_looked_is_found_by_the_next_leader(room: Room, tmp_path: Path) -> None:
    port = str(free_port())
    first = room.controller(TRAINMASTER_REPORTS__PORT=port)
    room.drop("unseen", training(tmp_path, 1, 1.0, 10, "worker-0", progressDeadline="8s"))
    until(lambda: len(steps(tmp_path, "worker-0")) == 5, 90)
    room.until("unseen", lambda s: step_of(s) > 0)
    first.end()
    room.controller(TRAINMASTER_REPORTS__PORT=port)
    status = room.until("unseen", lambda s: s.restarts == 1, 90)
    assert last_exit(worker(status)).cause == "Hang"
    assert room.until_true("unseen", C.FINISHED).is_true(C.SUCCEEDED)


def test_no_log_and_no_status_holds_the_token(room: Room, tmp_path: Path) -> None:
    controller = room.controller(TRAINMASTER_REPORTS__PORT="0")
    spec = training(tmp_path, 1, 0.1, 100)
    spec["roles"]["worker"]["command"] = (  # type: ignore[index]
        f"echo -n $TRAINMASTER_STATUS_TOKEN > {tmp_path}/token; " + spec["roles"]["worker"]["command"]  # type: ignore[index]
    )
    room.drop("secret", spec)
    status = room.until("secret", lambda s: step_of(s) > 0)
    token = (tmp_path / "token").read_text()
    assert len(token) > 20
    assert token not in controller.words
    assert token not in status.model_dump_json()
    assert token not in log(status, "worker", 0)
    arguments = [_arguments(folder) for folder in Path("/proc").glob("[0-9]*")]
    assert not any(token.encode() in each for each in arguments)
    assert re.fullmatch(r"[\w-]+", token)


SERVES = """\
import http.server, os

class Metrics(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(b"training_loss 0.25\\n")

port = int(os.environ["TRAINMASTER_PORTS"].split(",")[1])
http.server.HTTPServer(("", port), Metrics).serve_forever()
"""


def test_a_prometheus_finds_the_metrics_that_processes_serve_by_themselves(
    room: Room, tmp_path: Path
) -> None:
    controller = room.controller()
    command = f"cat > serve.py <<'EOF'\n{SERVES}EOF\nexec {sys.executable} serve.py"
    role = SMALL | {"replicas": 2, "command": command, "ports": 2, "metricsPort": 2}
    room.drop("serving", {"roles": {"worker": role}})
    room.until_true("serving", C.RUNNING)
    address = controller.monitoring
    with Prometheus(tmp_path, address.removeprefix("http://"), discovery=f"{address}/sd") as watching:
        found = until(lambda: (r := watching.query("training_loss")) and len(r) == 2 and r, 60)
    labels = sorted(each["metric"]["index"] for each in found)
    assert labels == ["0", "1"]
    assert {each["value"][1] for each in found} == {"0.25"}
    one = found[0]["metric"]
    assert (one["job_namespace"], one["job_name"], one["role"]) == ("default", "serving", "worker")


def _arguments(folder: Path) -> bytes:
    try:
        return (folder / "cmdline").read_bytes()
    except OSError:
        return b""
