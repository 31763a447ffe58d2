"""A node on which several jobs failed is asked for nothing by any: on a ResourceManager that would gladly give it."""

from __future__ import annotations

import re

import requests

from rare import at_one_door
from real.cluster import until
from real.reading import SMALL, message, states
from real.rooms import Room, eager
from trainer.ledger import Ledger
from trainmaster.api.status import ConditionType as C
from trainmaster.api.status import JobStatus

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
    for name in ("first", "second"):
        status = room.until(name, lambda s: len(running(s)) == 4 and bad not in nodes(s))
        assert status.restarts == 0
    told = rf'^trainmaster_node_suspect{{node="{re.escape(bad)}"}} 2.0$'
    until(lambda: re.search(told, requests.get(f"{ours.monitoring}/metrics", timeout=10).text, re.MULTILINE))

    room.drop("third", eager(worker=role))
    status = room.until_true("third", C.RUNNING)
    assert bad not in nodes(status)
    assert "4 of 4 processes run" in message(status, C.RUNNING)
