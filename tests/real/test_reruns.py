"""Jobs that run again on real YARN, at both doors: what is kept of the run before, and where YARN's link to it leads."""

from __future__ import annotations

from pathlib import Path

import requests

from real.reading import SMALL, message, trainers
from real.rooms import Room, eager
from trainer.ledger import Ledger
from trainmaster.api.status import ConditionType as C

RERUN = ("spec", "runPolicy", "rerun")
SUSPEND = ("spec", "runPolicy", "suspend")


def test_a_failed_job_runs_again_and_its_first_run_stays_known(room: Room, tmp_path: Path) -> None:
    room.controller()
    data = tmp_path / "data"
    command = f"test -e {data} || {{ echo 'the data is lacking' >&2; exit 3; }}"
    room.drop("again", eager(worker=SMALL | {"command": command, "restartPolicy": "Never"}))
    failed = room.until_true("again", C.FINISHED)
    assert "exit code 3: the data is lacking" in message(failed, C.FAILED)

    data.touch()
    room.edit("again", {RERUN: 1})
    status = room.until("again", lambda s: s.rerun == 1 and s.is_true(C.FINISHED))
    assert status.is_true(C.SUCCEEDED)
    (first,) = status.earlier_runs
    assert (first.rerun, first.state, first.application_ids) == (0, "Failed", (failed.application_id,))
    assert status.application_id != failed.application_id
    logs = first.logs[0].log_url.replace("/containers/", "/containerlogs/").removesuffix("/logs")
    assert "the data is lacking" in requests.get(f"{logs}/stderr", timeout=10).text
    for application, words in (
        (failed.application_id, "the data is lacking"),
        (status.application_id, "Succeeded"),
    ):
        link = room.rest.application(application)["trackingUrl"]
        assert words in requests.get(link, timeout=10).text


def test_what_ended_suspended_comes_up_suspended_only_where_it_says_so(room: Room, ledger: Ledger) -> None:
    room.controller()
    room.drop("held", eager(worker=trainers(ledger, steps=1)))
    room.until_true("held", C.FINISHED)
    room.edit("held", {SUSPEND: True, RERUN: 1})
    room.until("held", lambda s: s.rerun == 1 and s.is_true(C.SUSPENDED))
    assert len(ledger.starts()) == 1
    room.edit("held", {SUSPEND: False})
    room.until("held", lambda s: s.is_true(C.FINISHED))
    assert len(ledger.starts()) == 2
