"""Logs of a job that is over, where YARN aggregates them: from a real log server, through both the command line and a page."""

from __future__ import annotations

import pytest
import requests

from rare import rare
from real.cluster import of_its_own, until
from real.person import Person
from real.rooms import Room, eager
from trainmaster.api.status import ConditionType as C
from trainmaster.local.cluster import LocalHadoop
from trainmaster.local.options import Options

hadoop = of_its_own("log-server", Options(log_server=True, am_expiry=20))
WRITES = "echo first; printf '%0900000d' 0; echo; echo last >&2"


@pytest.fixture(scope="module")
def kind() -> str:
    return "folder"


@rare("tests/hadoop/test_log_streams.py::test_a_log_is_read_where_the_nodemanager_leads")
def test_logs_of_a_job_that_is_over_come_from_the_log_server(room: Room, hadoop: LocalHadoop) -> None:
    controller = room.controller()
    room.drop("over", eager(worker={"command": WRITES}))
    status = room.until_true("over", C.FINISHED)
    log = status.roles["worker"].replicas[0].log_url

    def redirected() -> bool:
        answer = requests.get(f"{log}/stdout", allow_redirects=False, timeout=10)
        return answer.status_code == 307 and hadoop.addresses.log_server in answer.headers["Location"]

    until(redirected, 60)
    person = Person(room, room.folder)
    until(lambda: person("logs", "over", "--container-file", "stderr").out == "last\n", 60)
    said = person.ok("logs", "over", "--container-file", "stdout")
    assert said == f"first\n{'0' * 900_000}\n"
    assert person.ok("logs", "over", "--container-file", "stdout", "--head", "1") == "first\n"
    container = log.split("/")[-2]
    shown = requests.get(f"{controller.web}/jobs/default/over/logs/{container}/stderr", timeout=30).text
    assert "last" in shown
