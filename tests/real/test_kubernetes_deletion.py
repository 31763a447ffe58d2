"""Every way in which a job's object, its namespace or its record in Kubernetes can go: nothing of it stays running on YARN."""

from __future__ import annotations

import json

import pytest

from real.cluster import until
from real.kubernetes_rooms import KubernetesRoom
from real.reading import message, processes, reason, trainers
from real.rooms import eager
from trainer.ledger import Ledger
from trainmaster.api import reasons
from trainmaster.api.status import ConditionType as C

OVER = ("FINISHED", "KILLED")


@pytest.fixture(scope="module")
def kind() -> str:
    return "kubernetes"


def train(room: KubernetesRoom, ledger: Ledger, name: str) -> str:
    """A job that trains until it is told to stop; its uid."""
    room.drop(name, eager(worker=trainers(ledger, 2, steps=0, term="ignore")))
    room.until_true(name, C.RUNNING)
    processes(ledger, 2)
    return str(room.object(name)["metadata"]["uid"])


def ended(room: KubernetesRoom, application: str) -> bool:
    return room.rest.application(application)["state"] in OVER


def let_go(room: KubernetesRoom, name: str) -> None:
    """Take the finalizer off by force, as somebody does who has no patience."""
    room.kubectl("delete", "tj", name, "--wait=false")
    room.edit(name, {("metadata", "finalizers"): None})


def test_a_deleted_job_is_gone_when_kubectl_returns(shared: KubernetesRoom, ledger: Ledger) -> None:
    uid = train(shared, ledger, "deleted")
    application = shared.status("deleted").application_id
    assert shared.journal(uid)

    shared.kubectl("delete", "tj", "deleted", "--timeout=240s")

    assert ended(shared, application)
    assert not shared.journal(uid)
    until(lambda: not ledger.running())  # YARN's SIGKILL comes a quarter of a second after its SIGTERM


def test_a_finalizer_taken_off_by_force_leaves_nothing_running(
    shared: KubernetesRoom, ledger: Ledger
) -> None:
    uid = train(shared, ledger, "forced")
    application = shared.status("forced").application_id

    with shared.frozen():  # else it takes the finalizer off itself
        let_go(shared, "forced")

    until(lambda: not ledger.running())
    until(lambda: ended(shared, application))
    until(lambda: not shared.journal(uid))


def test_a_record_that_somebody_deleted_is_written_anew(shared: KubernetesRoom, ledger: Ledger) -> None:
    uid = train(shared, ledger, "rewritten")
    [secret] = shared.journal(uid)
    before = processes(ledger, 2)

    shared.kubernetes.kubectl("delete", "secret", secret, "-n", shared.own)
    next(entry for entry in before if entry.index == 1).kill()

    until(lambda: len(ledger.starts("worker-1")) == 2)
    assert shared.journal(uid) == [secret]
    assert len(ledger.starts("worker-0")) == 1, "training goes on"
    shared.until("rewritten", lambda status: status.restarts == 1 and status.is_true(C.RUNNING))


def test_a_namespace_goes_with_all_its_jobs(room: KubernetesRoom, ledger: Ledger) -> None:
    """Rights that are granted in the namespace go before the jobs do: it takes those of the whole cluster."""
    room.grant_everywhere()
    room.controller()
    uid = train(room, ledger, "inside")
    application = room.status("inside").application_id

    room.kubernetes.kubectl("delete", "namespace", room.namespace, "--timeout=240s")

    assert ended(room, application)
    until(lambda: not ledger.running())
    until(lambda: not room.journal(uid))


def test_a_namespace_that_takes_our_rights_with_it_is_told(room: KubernetesRoom, ledger: Ledger) -> None:
    """The API server deletes a RoleBinding before the jobs: these end, and whoever waits for the namespace is told why."""
    controller = room.controller()
    train(room, ledger, "inside")
    application = room.status("inside").application_id

    room.kubernetes.kubectl("delete", "namespace", room.namespace, "--wait=false")

    until(lambda: ended(room, application))
    until(lambda: not ledger.running())
    until(lambda: "lacks the right to patch trainingjobs of trainmaster.io named inside" in controller.words)


def test_what_is_done_to_jobs_while_no_controller_lives(room: KubernetesRoom, ledger: Ledger) -> None:
    """One is deleted, of one the finalizer is taken off, of one the record, and of one that had finished as well."""
    names = ("deleted", "forced", "lost", "over")
    ledgers = {name: Ledger(ledger.folder / name) for name in names}
    first = room.controller()
    uids = {name: train(room, ledgers[name], name) for name in names[:3]}
    room.drop("over", eager(worker=trainers(ledgers["over"], steps=1)))
    room.until_true("over", C.SUCCEEDED)
    uids["over"] = room.object("over")["metadata"]["uid"]
    applications = {name: room.status(name).application_id for name in names}
    first.end()

    room.kubectl("delete", "tj", "deleted", "--wait=false")
    let_go(room, "forced")
    for name in ("lost", "over"):
        room.kubernetes.kubectl("delete", "secret", *room.journal(uids[name]), "-n", room.own)
    assert all(len(ledgers[name].running()) == 2 for name in names[:3]), "training doesn't need a controller"
    room.controller()

    status = room.until_true("lost", C.FINISHED)
    assert reason(status, C.FAILED) == reasons.TOKEN_LOST
    assert applications["lost"] in message(status, C.FAILED)
    for name in names[:3]:
        until(lambda name=name: not ledgers[name].running())
        until(lambda name=name: ended(room, applications[name]))
    until(lambda: room.names() == ["lost", "over"])
    until(lambda: not any(room.journal(uids[name]) for name in ("deleted", "forced")))
    assert room.status("over").is_true(C.SUCCEEDED)
    assert len(ledgers["over"].starts()) == 1, "what has ended never runs again"


def test_a_status_that_names_the_application_of_another_job_ends_nothing_of_it(
    room: KubernetesRoom, ledger: Ledger
) -> None:
    """Whoever may write statuses must not get another's training ended by it."""
    first = room.controller()
    train(room, ledger, "honest")
    application = room.status("honest").application_id
    first.end()

    room.drop("forged", eager(worker=trainers(Ledger(ledger.folder / "forged"), 1)))
    forged = json.dumps({"status": {"applicationId": application}})
    room.kubectl("patch", "tj", "forged", "--subresource=status", "--type=merge", "-p", forged)
    room.controller()

    status = room.until_true("forged", C.FINISHED)
    assert reason(status, C.FAILED) == reasons.TOKEN_LOST
    assert f"nothing was ended: {application} is another job's" in message(status, C.FAILED)
    assert len(ledger.running()) == 2
    assert room.rest.application(application)["state"] == "RUNNING"
    room.until_true("honest", C.RUNNING)
