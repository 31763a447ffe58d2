"""Two installations that look at the same jobs: one drives each, the other leaves it alone and says so; and jobs can be moved."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import requests

from real.cluster import of_its_own, until
from real.controllers import Controller
from real.kubernetes_rooms import ACCOUNT, KubernetesRoom
from real.reading import trainers
from real.rooms import eager
from trainer.ledger import Ledger
from trainmaster.api.status import ConditionType as C
from trainmaster.local.options import Options

ANNOTATION = "trainmaster.io/installation"

hadoop = of_its_own("installations", Options(nodes=2, am_expiry=120, nm_expiry=15, allocation_expiry=20))
"""it waits for a silent master longer than another installation leaves alone what nobody has claimed"""


@pytest.fixture(scope="module")
def kind() -> str:
    return "kubernetes"


def controller_of(room: KubernetesRoom, name: str) -> str:
    return str(room.object(name)["metadata"].get("annotations", {}).get(ANNOTATION, ""))


def readiness(controller: Controller) -> dict[str, Any]:
    checks = requests.get(f"{controller.monitoring}/readyz", timeout=10).json()["checks"]
    return {check["name"]: check for check in checks}


def adopt(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """As somebody who may do everything."""
    command = [sys.executable, "-m", "trainmaster", "adopt", "--lease-duration", "4", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_a_second_installation_leaves_the_jobs_of_the_first_alone_and_says_so(
    room: KubernetesRoom, ledger: Ledger
) -> None:
    room.controller()
    room.drop("mnist", eager(worker=trainers(ledger, steps=0)))
    before = room.until_true("mnist", C.RUNNING)
    second = room.controller(**room.another())
    until(lambda: not readiness(second).get("alone", {"ok": True})["ok"])
    assert "mnist" in readiness(second)["alone"]["message"]
    assert second.metric("trainmaster_foreign_jobs") == 1
    until(
        lambda: (
            "DrivenElsewhere"
            in room.kubectl("get", "events.events.k8s.io", "-o", "jsonpath={.items[*].reason}")
        )
    )
    assert second.metric("trainmaster_leader") == 1
    room.drop("later", eager(worker=trainers(ledger, steps=0)))
    room.until_true("later", C.RUNNING)
    after = room.status("mnist")
    assert (after.application_id, after.is_true(C.RUNNING)) == (before.application_id, True)
    room.delete("mnist")
    until(lambda: "mnist" not in room.names())


def test_an_installation_without_records_ends_nothing_though_the_name_on_the_object_is_gone(
    room: KubernetesRoom, ledger: Ledger
) -> None:
    """As if a version before this drove the job: nothing but the application itself says whose it is."""
    first = room.controller()
    room.drop("mnist", eager(worker=trainers(ledger, steps=0)))
    running = room.until_true("mnist", C.RUNNING).application_id
    first.end()
    room.kubectl("annotate", "tj", "mnist", f"{ANNOTATION}-")
    second = room.controller(**room.another())
    until(lambda: controller_of(room, "mnist"), 90)
    said = room.until("mnist", lambda status: "only they may end it" in str(status.conditions), 90)
    assert said.condition(C.ACCEPTED).reason == "TokenLost"
    until(lambda: second.metric("trainmaster_unended_applications") == 1)
    assert room.rest.application(running)["state"] == "RUNNING"
    room.kill(running)
    room.until_true("mnist", C.FINISHED)


def test_jobs_are_moved_to_another_installation_while_they_run(room: KubernetesRoom, ledger: Ledger) -> None:
    first, other = room.controller(), room.another()
    room.drop("mnist", eager(worker=trainers(ledger, steps=0)))
    before = room.until_true("mnist", C.RUNNING)
    old, new = f"{room.own}/{ACCOUNT}", f"{other['TRAINMASTER_KUBERNETES__NAMESPACE']}/{ACCOUNT}"
    refused = adopt("--from", old, "--into", new, f"{room.namespace}/mnist")
    assert refused.returncode == 76
    assert "leads" in refused.stderr
    first.end()
    moved = adopt("--from", old, "--into", new, f"{room.namespace}/mnist")
    assert (moved.returncode, moved.stderr) == (0, "")
    room.controller(**other)
    room.controller()
    named = controller_of(room, "mnist")
    assert named
    uid = room.object("mnist")["metadata"]["uid"]
    assert room.journal(uid) == []
    room.edit("mnist", {("spec", "priority"): 3})
    room.until("mnist", lambda status: status.observed_generation == 2)
    after = room.status("mnist")
    assert (after.application_id, after.is_true(C.RUNNING)) == (before.application_id, True)
    assert after.roles["worker"].replicas[0].container == before.roles["worker"].replicas[0].container
    assert controller_of(room, "mnist") == named
    room.delete("mnist")
    until(lambda: not room.names())


def test_jobs_are_moved_by_force_from_a_controller_that_leads(room: KubernetesRoom, ledger: Ledger) -> None:
    first, other = room.controller(), room.another()
    room.drop("mnist", eager(worker=trainers(ledger, steps=0)))
    before = room.until_true("mnist", C.RUNNING)
    named = controller_of(room, "mnist")
    old, new = f"{room.own}/{ACCOUNT}", f"{other['TRAINMASTER_KUBERNETES__NAMESPACE']}/{ACCOUNT}"
    second = room.controller(**other)
    until(lambda: second.metric("trainmaster_leader") == 1)
    moved = adopt("--force", "--from", old, "--into", new, f"{room.namespace}/mnist")
    assert moved.returncode == 0, moved.stderr
    assert "takes the lease of" in moved.stderr
    until(lambda: first.metric("trainmaster_leader") == second.metric("trainmaster_leader") == 1)
    room.edit("mnist", {("spec", "priority"): 3})
    after = room.until("mnist", lambda status: status.observed_generation == 2)
    assert (after.application_id, after.is_true(C.RUNNING)) == (before.application_id, True)
    assert after.roles["worker"].replicas[0].container == before.roles["worker"].replicas[0].container
    assert controller_of(room, "mnist") not in ("", named)
    assert "mnist" in readiness(first)["alone"]["message"]
    room.delete("mnist")
    until(lambda: not room.names())


def test_a_release_that_gets_another_name_keeps_its_jobs(room: KubernetesRoom, ledger: Ledger) -> None:
    first = room.controller()
    room.drop("mnist", eager(worker=trainers(ledger, steps=0)))
    before = room.until_true("mnist", C.RUNNING)
    named = controller_of(room, "mnist")
    first.end()
    renamed = adopt("--from", f"{room.own}/{ACCOUNT}", "--into", f"{room.own}/new-name")
    assert (renamed.returncode, renamed.stderr) == (0, "")
    rights = ["new-name", "--verb=get,update", "--resource=leases", "--resource-name=new-name"]
    room.kubernetes.kubectl("create", "role", "-n", room.own, *rights)
    room.kubernetes.kubectl(
        "create",
        "rolebinding",
        "new-name",
        "-n",
        room.own,
        "--role=new-name",
        f"--serviceaccount={room.own}:{ACCOUNT}",
    )
    room.controller(TRAINMASTER_KUBERNETES__NAME="new-name")
    room.edit("mnist", {("spec", "priority"): 3})
    after = room.until("mnist", lambda status: status.observed_generation == 2)
    assert (after.application_id, after.is_true(C.RUNNING)) == (before.application_id, True)
    assert controller_of(room, "mnist") == named
