"""The history on real HDFS, and what it says that a run held beside what a real ResourceManager counted for it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from rare import rare
from real.cluster import until
from real.controllers import Controller
from real.person import as_controller
from real.reading import states
from real.rooms import FolderRoom, Room, eager
from trainmaster.api.history import EndedRun, decode, encode, file_of
from trainmaster.api.status import ConditionType as C
from trainmaster.api.status import ReplicaState
from trainmaster.errors import InvalidError
from trainmaster.settings import Settings
from trainmaster.sources.history import HistoryFolder, open_history

RUNNING = ReplicaState.RUNNING
CONTAINERS = 3
"""of the run that is counted: two, and one that took a place"""
FAILS_ONCE = "test -e {done} || {{ touch {done}; sleep {first}; exit 3; }}; sleep {second}"
COUNTED = "tests/real/test_history.py::test_what_a_run_held_is_what_the_resourcemanager_counted"
WORKER = {
    "replicas": 2,
    "resources": {"memory": "300Mi", "gpus": 1},
    "restartPolicy": "OnFailure",
    "terminationGracePeriod": "0s",
}


@pytest.fixture(scope="module")
def kind() -> str:
    return "folder"


def kept(room: Room) -> list[EndedRun]:
    """All runs in the history of a room."""
    assert isinstance(room, FolderRoom)
    folder = open_history(Settings(store=room.url))
    days = [f"{month}/{day:02}" for month in folder.months() for day in range(1, 32)]
    return [decode(folder.read(f"{day}/{name}")) for day in days for name in folder.names(day)]


def whole_files(room: Room) -> list[EndedRun]:
    """The same, or nothing while one of them is being written."""
    try:
        return kept(room)
    except InvalidError:
        return []


def resource_seconds(room: Room, application: str) -> dict[str, float]:
    """By resource. The ResourceManager repeats the key `entry` in one object, of which a dictionary would keep the last."""
    found: list[dict[str, str]] = []

    def note(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found.extend(value for key, value in pairs if key == "entry" and isinstance(value, dict))
        return dict(pairs)

    answer = requests.get(f"{room.rest._base}/apps/{application}", timeout=10).text
    json.loads(answer, object_pairs_hook=note)
    return {each["key"]: float(each["value"]) for each in found if each["value"].isdigit()}


def whole(counted: float, share: float) -> Any:
    """So large a share about what was counted of single cores or GPUs: of each container the ResourceManager drops what is less
    than a second, which is half a second on the average."""
    return pytest.approx(counted + CONTAINERS / 2, rel=share)


def said(room: Room, *words: str) -> Any:
    """What the command line tells, as JSON."""
    return json.loads(as_controller(room, *words, "-o", "json"))


@pytest.mark.parametrize(
    ("first", "second", "share"),
    [(8, 24, 0.04), pytest.param(25, 80, 0.01, marks=rare(COUNTED))],
)
def test_what_a_run_held_is_what_the_resourcemanager_counted(
    first: int, second: int, share: float, room: Room, tmp_path: Path
) -> None:
    """Through a restart of a worker, and a controller that is killed while it trains."""
    controller = room.controller()
    fails_once = FAILS_ONCE.format(done=tmp_path / "done", first=first, second=second)
    role = WORKER | {"command": f"[ $TRAINMASTER_INDEX = 0 ] || exec sleep {first + second}; {fails_once}"}
    room.drop("counted", eager(worker=role))
    room.until_true("counted", C.RUNNING)
    room.until("counted", lambda status: status.restarts == 1 and states(status) == [RUNNING] * 2)
    controller.end()
    controller = room.controller()
    status = room.until_true("counted", C.FINISHED, timeout=240)
    assert status.is_true(C.SUCCEEDED)
    (run,) = until(lambda: whole_files(room))

    counted = room.rest.application(status.application_id)
    assert run.applications == (status.application_id,)
    assert run.held
    assert run.held.memory_mib_seconds == pytest.approx(counted["memorySeconds"], rel=share)
    assert run.held.vcore_seconds == whole(counted["vcoreSeconds"], share)
    gpu_seconds = resource_seconds(room, status.application_id)["yarn.io/gpu"]
    assert run.held.gpu_seconds == whole(gpu_seconds, share)
    # What is asked for and waited for is a few seconds of each container, however long it runs.
    assert run.held.gpu_asked_seconds == pytest.approx(run.held.gpu_seconds, rel=10 * share)
    assert sum(run.restarts_by_cause.values()) == 1

    report = said(room, "report", "--by", "user")
    assert report["total"]["gpu_hours_held"] == pytest.approx(run.held.gpu_seconds / 3600, abs=0.0001)


def _stays_known(room: Room, controller: Controller) -> None:
    page = f"{controller.web}/jobs/default/gone/"
    until(lambda: "declared any more" in requests.get(page, timeout=15).text)
    assert "gone" in requests.get(f"{controller.web}/history/", timeout=15).text
    assert [run["name"] for run in said(room, "history", "-A")["runs"]] == ["gone"]


def test_a_job_that_is_deleted_while_it_runs_leaves_one_file_though_controllers_die(room: Room) -> None:
    controller = room.controller()
    room.drop("gone", eager(worker=WORKER | {"command": "sleep 600"}))
    room.until_true("gone", C.RUNNING)
    room.delete("gone")
    for _ in range(3):
        until(lambda seen=controller: "leading" in seen.words)
        controller.end()
        controller = room.controller()
    until(lambda: whole_files(room))
    time.sleep(3)
    (run,) = kept(room)
    assert (run.name, run.state) == ("gone", "Deleted")
    assert run.held
    assert run.held.gpu_seconds > 0
    _stays_known(room, controller)


def ended(uid: str) -> EndedRun:
    return EndedRun(uid=uid, namespace="n", name="j", state="Failed", ended_at="2026-11-27T10:00:00Z")


@pytest.mark.parametrize("left", [0, 40])
def test_half_a_file_in_hdfs_is_written_anew_and_a_whole_one_stays(store: str, left: int) -> None:
    folder: HistoryFolder = open_history(Settings(store=store))
    path, data = file_of(ended("u")).path, encode(ended("u"))
    folder.put(path, data[:left])
    folder.put(path, data)
    folder.put(path, encode(ended("u").model_copy(update={"page": "http://later/"})))
    assert folder.read(path) == data
    assert list(folder.names("2026-11/27")) == [path.rpartition("/")[2]]
    assert folder.prune("2026-12") == ["2026-11"]
    assert list(folder.months()) == []
    folder.close()
