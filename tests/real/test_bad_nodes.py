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
