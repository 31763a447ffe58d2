"""The order of starts on real YARN: data is prepared once, and nobody trains before the servers answer, whoever leads."""

from __future__ import annotations

import sys
from pathlib import Path

from rare import at_one_door
from real.cluster import until
from real.reading import SMALL, last_exit, trainers
from real.rooms import Room
from real.trainings import EXAMPLES, log
from trainer.ledger import Ledger
from trainmaster.api.status import ConditionType as C
from trainmaster.api.status import ReplicaState

pytestmark = at_one_door("kubernetes")


SERVES = f"""\
until [ -e {{folder}}/serve ]; do sleep 0.1; done
date +%s.%N >> {{folder}}/served
exec {sys.executable} -m http.server $TRAINMASTER_PORT
"""
"""answers from when it is told to"""


def _after(**roles: str) -> dict[str, object]:
    return {"startAfter": [{"role": role, "when": when} for role, when in roles.items()]}


def test_the_example_prepares_its_data_and_reads_it(room: Room, tmp_path: Path) -> None:
    text = (EXAMPLES / "data-preparation" / "job.yaml").read_text()
    room.controller()
    room.apply("prepared", text.replace("/mnt/shared/prepared-example", str(tmp_path / "data")))

    status = room.until_true("prepared", C.FINISHED)

    assert status.is_true(C.SUCCEEDED)
    said = log(status, "worker", 1)
    assert "shard 1: 1499500\nshard 3: 3499500\n" in said


def test_data_is_prepared_once_and_nobody_trains_before_the_server_answers(
    room: Room, ledger: Ledger
) -> None:
    first = room.controller(TRAINMASTER_REPORTS__PORT="0")
    serves = SMALL | {"command": SERVES.format(folder=ledger.folder), "readiness": {"httpGet": {"path": "/"}}}
    room.drop(
        "ordered",
        {
            "runPolicy": {"backoff": {"base": "0s"}},
            "roles": {
                "data": trainers(ledger, steps=3),
                "ps": serves | _after(data="Succeeded"),
                "worker": trainers(ledger, 2, steps=40)
                | {"restartScope": "Job"}
                | _after(data="Succeeded", ps="Ready"),
            },
        },
    )

    status = room.until("ordered", lambda s: s.roles and s.roles["ps"].running == 1)
    assert status.roles["data"].replicas[0].state is ReplicaState.SUCCEEDED
    assert last_exit(status.roles["data"].replicas[0]).code == 0
    assert [r.state for r in status.roles["worker"].replicas] == [ReplicaState.ALLOCATED] * 2
    assert status.roles["worker"].waits_for == "until ps is ready: 0 of 1 are"
    first.end()
    room.controller(TRAINMASTER_REPORTS__PORT="0")
    assert not ledger.starts("worker-0")
    ledger.go("serve")
    until(lambda: ledger.running("worker-1"))[0].kill()
    status = room.until_true("ordered", C.FINISHED)

    assert status.is_true(C.SUCCEEDED)
    served = float((ledger.folder / "served").read_text().split()[0])
    (data,) = ledger.starts("data-0")
    (ended,) = ledger.entries("end", "data-0")
    assert data.at < ended.at < served < min(entry.at for entry in ledger.starts("worker-0"))
    assert status.restarts == 1, "the training has failed once, and the data is there all the same"
    assert len(ledger.starts("worker-1")) == 2
    assert all("data" not in entry.cluster for entry in ledger.starts("worker-1")), "it is gone by then"
