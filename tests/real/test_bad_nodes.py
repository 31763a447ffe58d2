"""A node on which several jobs failed is asked for nothing by any: on a ResourceManager that would gladly give it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import requests

from rare import at_one_door
from real.cluster import until
from real.controllers import Controller
from real.person import as_controller
from real.reading import SMALL, message, states
from real.rooms import Room, eager
from trainer.ledger import Ledger
from trainmaster.api.status import ConditionType as C
from trainmaster.api.status import JobStatus
from trainmaster.plan.ruling import GPU_FAULTS_FREE

pytestmark = at_one_door("folder")


BROKEN = "RuntimeError: CUDA error: uncorrectable ECC error encountered"


def nodes(status: JobStatus) -> set[str]:
    return {replica.node for replica in status.roles["worker"].replicas}


def running(status: JobStatus) -> list[str]:
    return [state for state in states(status) if state == "Running"]


def test_a_third_job_keeps_away_from_where_two_have_failed(room: Room, ledger: Ledger) -> None:
    ledger.folder.mkdir(parents=True, exist_ok=True)
    fails = f"while sleep 0.2; do [ -e {ledger.folder}/$NM_HOST ] && {{ echo '{BROKEN}' >&2; exit 1; }}; done"
    role = {"command": fails, "replicas": 4, "terminationGracePeriod": "0s"} | SMALL
    ours = room.controller()
    for name in ("first", "second"):
        room.drop(name, eager(worker=role))
    began = [room.until_true(name, C.RUNNING) for name in ("first", "second")]
    bad = min(nodes(began[0]) & nodes(began[1]))

    (ledger.folder / bad).touch()
    for name, before in zip(("first", "second"), began, strict=True):
        status = room.until(name, lambda s: len(running(s)) == 4 and bad not in nodes(s))
        there = [replica.node for replica in before.roles["worker"].replicas].count(bad)
        assert status.restarts == max(0, there - GPU_FAULTS_FREE)
    told = rf'^trainmaster_node_suspect{{node="{re.escape(bad)}"}} 2.0$'
    until(lambda: re.search(told, requests.get(f"{ours.monitoring}/metrics", timeout=10).text, re.MULTILINE))

    until(lambda: command(room, ours, bad)[0]["suspect"]["avoided"])
    room.drop("third", eager(worker=role))
    status = room.until_true("third", C.RUNNING)
    assert bad not in nodes(status)
    assert "4 of 4 processes run" in message(status, C.RUNNING)

    [found] = command(room, ours, bad)
    assert (found["suspect"]["jobs"], found["suspect"]["causes"]) == (2, ["GpuFault"])
    assert {each["job"].partition("/")[2] for each in found["avoidedBy"]} == {"first", "second"}
    command(room, ours, bad, "--clear")
    until(lambda: "suspect" not in command(room, ours, bad)[0])
    assert command(room, ours, bad)[0]["avoidedBy"] == []


def command(room: Room, ours: Controller, *words: str) -> Any:
    """What `trainmaster nodes` tells as JSON."""
    told = as_controller(room, "nodes", *words, "--controller", ours.web, "-o", "json")
    return None if "--clear" in words else json.loads(told)["nodes"]


def test_a_node_that_a_file_calls_bad_is_asked_for_nothing(room: Room, tmp_path: Path) -> None:
    said = tmp_path / "bad-nodes.json"
    said.write_text("{}")
    health = {"health": [{"name": "gpud", "url": f"file://{said}"}], "health_interval": 0.5}
    ours = room.controller(TRAINMASTER_NODES=json.dumps(health))
    bad = command(room, ours, "--all")[0]["host"]
    role = {"command": "sleep 600", "replicas": 4, "terminationGracePeriod": "0s"} | SMALL

    said.write_text(json.dumps({bad: "Xid 79"}))
    told = re.compile(
        rf'^trainmaster_node_called_bad{{node="{re.escape(bad)}",source="gpud"}} 1.0$', re.MULTILINE
    )
    until(lambda: told.search(requests.get(f"{ours.monitoring}/metrics", timeout=10).text))
    room.drop("kept", eager(worker=role))
    assert bad not in nodes(room.until_true("kept", C.RUNNING))
    [found] = command(room, ours, bad)
    assert [(each["source"], each["why"], each["avoided"]) for each in found["calledBad"]] == [
        ("gpud", "Xid 79", True)
    ]

    said.write_text("not JSON any more")
    until(lambda: not command(room, ours, bad)[0]["calledBad"])
    assert (
        'trainmaster_node_health_up{source="gpud"} 0.0'
        in requests.get(f"{ours.monitoring}/metrics", timeout=10).text
    )


def test_where_the_check_of_a_job_fails_nothing_of_it_begins(shared: Room, ledger: Ledger) -> None:
    """Of two nodes or more; the one that is found unfit has run nothing, and nobody is charged."""
    ledger.folder.mkdir(parents=True, exist_ok=True)
    once = f"mkdir {ledger.folder}/unfit 2>/dev/null && echo $NM_HOST > {ledger.folder}/unfit/node"
    check = (
        f"{once}; ! grep -qx $NM_HOST {ledger.folder}/unfit/node || {{ echo no GPU answers >&2; exit 4; }}"
    )
    ran = f"echo $NM_HOST >> {ledger.folder}/ran; sleep 600"
    job = eager(worker={"command": ran, "replicas": 2} | SMALL)
    job |= {"nodeCheck": {"command": check, "timeout": "20s"}}
    job["runPolicy"] |= {"backoffLimit": 0}
    shared.drop("checked", job)

    status = shared.until(
        "checked", lambda s: len(running(s)) == 2 and (ledger.folder / "unfit/node").exists()
    )
    unfit = (ledger.folder / "unfit/node").read_text().strip()
    status = shared.until("checked", lambda s: len(running(s)) == 2 and unfit not in nodes(s))
    ends = [replica.last_exit for replica in status.roles["worker"].replicas if replica.last_exit]
    assert {end.cause for end in ends} == {"NodeCheckFailed"}
    assert {end.message for end in ends} == {
        "its node failed: nodeCheck ended with exit code 4: no GPU answers"
    }
    assert status.restarts == 0
    until(lambda: len((ledger.folder / "ran").read_text().split()) == 2)
    assert unfit not in (ledger.folder / "ran").read_text()
