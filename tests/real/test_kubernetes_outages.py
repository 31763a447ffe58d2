"""The API server slow, throttled, in conflict, forgetful or away: training goes on, nothing is done twice, status catches up.

The jobs of most tests are neighbours under one controller, which speaks to the API server through the proxy of faults.py.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rare import rare
from real.cluster import until
from real.controllers import Controller
from real.faults import (
    Fault,
    FaultyApi,
    Which,
    conflict,
    cut,
    every,
    expired,
    half,
    lost,
    slow,
    throttled,
    writes,
)
from real.kubernetes_rooms import KubernetesRoom
from real.reading import held, processes
from real.rooms import OpenRoom, eager
from trainer.ledger import Entry, Ledger
from trainmaster.api.status import ConditionType as C
from trainmaster.local.cluster import LocalHadoop
from trainmaster.local.kubernetes.controlplane import LocalKubernetes

GETS_THROUGH = "tests/real/test_kubernetes_source.py::test_writes_get_through"
EXPIRED = "tests/real/test_kubernetes_source.py::test_a_deletion_in_a_history_that_has_expired_is_found"
KILLED = "tests/real/test_kubernetes_source.py::test_an_api_server_that_was_killed_is_followed_again"


@pytest.fixture(scope="module")
def kind() -> str:
    return "kubernetes"


@pytest.fixture(scope="module")
def faulty(kubernetes: LocalKubernetes) -> Iterator[FaultyApi]:
    with FaultyApi(kubernetes) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def open_room(faulty: FaultyApi) -> OpenRoom:
    """Rooms whose controllers meet the faults; people don't."""

    def opened(hadoop: LocalHadoop, folder: Path) -> KubernetesRoom:
        room = KubernetesRoom(faulty.kubernetes, hadoop, folder)
        room.account = faulty.kubeconfig(room.account)
        return room

    return opened


def training(room: KubernetesRoom, ledger: Ledger, name: str) -> list[Entry]:
    """The processes of a job that trains until it is let go."""
    room.drop(name, eager(worker=held(ledger, 2)))
    room.until_true(name, C.RUNNING)
    return sorted(processes(ledger, 2), key=by_index)


def by_index(entry: Entry) -> int:
    return entry.index


@pytest.mark.parametrize(
    ("name", "fault", "to"),
    [
        pytest.param("slow", slow(10), every, id="answers take 10 s"),
        pytest.param("throttled", throttled(1), every, id="429", marks=rare(GETS_THROUGH)),
        pytest.param("conflict", conflict, writes, id="conflicts", marks=rare(GETS_THROUGH)),
        pytest.param("cut", cut, every, id="connections break"),
        pytest.param("lost", lost, writes, id="answers get lost"),
        pytest.param("expired", expired, every, id="history expired", marks=rare(EXPIRED)),
    ],
)
def test_training_goes_on_and_status_catches_up(
    name: str, fault: Fault, to: Which, faulty: FaultyApi, shared: KubernetesRoom, ledger: Ledger
) -> None:
    survivor, victim = training(shared, ledger, name)

    with faulty.doing(fault, to) as met:
        faulty.hang_up()  # watches too begin anew
        victim.kill()
        shared.edit(name, {("spec", "priority"): 3})
        time.sleep(6)  # longer than the lease
        assert survivor.alive
        assert met, "the fault was met"
    ledger.go()
    status = shared.until_true(name, C.SUCCEEDED)

    assert status.observed_generation == 2
    assert status.restarts == 1
    assert [len(ledger.starts(f"worker-{i}")) for i in range(2)] == [1, 2]
    assert ledger.twice() == []


def test_a_job_is_started_once_though_half_of_the_answers_get_lost(
    faulty: FaultyApi, shared: KubernetesRoom, ledger: Ledger
) -> None:
    with faulty.doing(lost, half(writes)) as met:
        training(shared, ledger, "once")
    ledger.go()
    status = shared.until_true("once", C.SUCCEEDED)

    assert len(met) > 2
    assert status.restarts == 0
    assert status.earlier_application_ids == ()
    assert len(ledger.starts()) == 2


@pytest.mark.parametrize("daemon", [pytest.param("kube-apiserver", marks=rare(KILLED)), "etcd"])
def test_news_of_a_time_that_nobody_remembers_is_found(
    daemon: str, faulty: FaultyApi, shared: KubernetesRoom, ledger: Ledger
) -> None:
    """While the controller hears nothing a job is edited and one is deleted; then the server's own memory is gone."""
    other, kept = Ledger(ledger.folder / "other"), f"kept-{daemon}"
    before = training(shared, ledger, kept)
    training(shared, other, f"gone-{daemon}")

    with faulty.doing(cut):
        faulty.hang_up()
        shared.edit(kept, {("spec", "priority"): 3})
        shared.delete(f"gone-{daemon}")
        shared.kubernetes.kill(daemon)
        shared.kubernetes.start(daemon)
        shared.kubernetes.wait_ready(60)

    shared.until(kept, lambda status: status.observed_generation == 2)
    until(lambda: f"gone-{daemon}" not in shared.names())
    assert not other.running()
    assert sorted(ledger.running(), key=by_index) == before


def test_no_training_ends_though_nobody_can_lead(
    room: KubernetesRoom, ledger: Ledger, hadoop: LocalHadoop
) -> None:
    """The API server is away for longer than YARN waits for a silent master."""
    controllers = [room.controller(), room.controller()]
    before = training(room, ledger, "steady")
    application = room.status("steady").application_id

    room.take_away()
    time.sleep(hadoop.options.am_expiry + 5)
    assert sorted(ledger.running(), key=by_index) == before
    assert room.rest.application(application)["state"] == "RUNNING"
    room.bring_back()
    until(lambda: sum(map(leads, controllers)) == 1)
    ledger.go()
    status = room.until_true("steady", C.SUCCEEDED)

    assert (status.application_id, status.restarts) == (application, 0)
    assert len(ledger.starts()) == 2
    assert ledger.twice() == []


def leads(controller: Controller) -> bool:
    return controller.metric("trainmaster_leader") == 1
