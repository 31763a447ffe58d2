"""Jobs in Kubernetes as people with kubectl handle them: applied, watched, waited for, scaled, applied again, refused.

The jobs of all tests are neighbours under one controller.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path

import pytest

from real.cluster import until
from real.kubernetes_rooms import KubernetesRoom
from real.reading import message, processes, reason, trainers
from real.rooms import document, eager
from trainer.ledger import Ledger
from trainmaster.api import reasons
from trainmaster.api.status import ConditionType as C
from trainmaster.errors import RefusedError

STATES = ["", "Queued", "Starting", "Running", "Succeeded"]
"""in the life of a job without trouble; some are too short to be shown"""


@pytest.fixture(scope="module")
def kind() -> str:
    return "kubernetes"


def test_from_apply_to_succeeded_the_conditions_come_in_order(shared: KubernetesRoom, ledger: Ledger) -> None:
    shared.drop("first", eager(worker=trainers(ledger, 2, steps=30)))
    shown = list(shared.history("first", C.FINISHED))

    states = [state for state, _ in groupby(status.state for status in shown)]
    assert states == [state for state in STATES if state in states]
    assert states[-2:] == ["Running", "Succeeded"]
    end = shown[-1]
    true = {condition.type for condition in end.conditions if condition.status == "True"}
    assert true == {C.ACCEPTED, C.SUCCEEDED, C.FINISHED, C.READY}
    times = [found.last_transition_time for c in (C.ACCEPTED, C.SUCCEEDED) if (found := end.condition(c))]
    assert times == sorted(times)
    assert {end.observed_generation, *(c.observed_generation for c in end.conditions)} == {1}
    running = next(status for status in shown if status.is_true(C.RUNNING))
    assert running.is_true(C.READY)
    assert not running.is_true(C.RECONCILING)


def test_kubectl_waits_scales_watches_and_describes(
    shared: KubernetesRoom, ledger: Ledger, tmp_path: Path
) -> None:
    wait = [{"who": f"worker-{i}", "step": 1, "do": "wait", "with": "go"} for i in range(3)]
    with watching(shared, tmp_path / "watched"):
        shared.drop("led", eager(worker=trainers(ledger, 1, acts=wait, steps=1)))
        shared.kubectl("wait", "--for=condition=Running", "tj/led", "--timeout=240s")
        shared.kubectl("scale", "tj/led", "--replicas=3")
        processes(ledger, 3)
        shared.until("led", lambda status: status.workers_summary == "3/3")
        shared.kubectl("wait", "--for=jsonpath={.status.observedGeneration}=2", "tj/led", "--timeout=240s")
        ledger.go()
        shared.kubectl("wait", "--for=condition=Succeeded", "tj/led", "--timeout=240s")
        until(lambda: "Succeeded" in (tmp_path / "watched").read_text())

    lines = [line for line in (tmp_path / "watched").read_text().splitlines() if line.startswith("led ")]
    states = [line.split()[1] for line in lines]
    assert states.index("Running") < states.index("Succeeded")
    told = until(lambda: text if reasons.JOB_SUCCEEDED in (text := _events(shared, "led")) else "")
    assert reasons.ALL_RUNNING in told
    assert told.index(reasons.ALL_RUNNING) < told.index(reasons.JOB_SUCCEEDED)


@contextmanager
def watching(room: KubernetesRoom, output: Path) -> Iterator[None]:
    """Meanwhile `kubectl get tj -w` looks on."""
    program = str(room.kubernetes.program("kubectl"))
    command = [program, "-n", room.namespace, "get", "tj", "-w"]
    with output.open("wb") as file, subprocess.Popen(command, stdout=file, stderr=file) as process:
        try:
            yield
        finally:
            process.kill()


def _events(room: KubernetesRoom, name: str) -> str:
    """What `kubectl describe` says below Events."""
    return room.kubectl("describe", "tj", name).partition("Events:")[2]


def test_applying_the_same_again_changes_nothing(
    shared: KubernetesRoom, ledger: Ledger, tmp_path: Path
) -> None:
    file = tmp_path / "same.yaml"
    file.write_text(document("same", eager(worker=trainers(ledger, 2, steps=0))))
    shared.kubectl("apply", "-f", str(file))
    shared.until_true("same", C.RUNNING)
    before, running = shared.object("same"), processes(ledger, 2)

    assert "unchanged" in shared.kubectl("apply", "-f", str(file))
    shared.kubectl("apply", "--server-side", "--force-conflicts", "--field-manager=gitops", "-f", str(file))
    shared.kubectl("annotate", "tj", "same", "note=nothing to us")

    after = shared.object("same")
    assert after["spec"] == before["spec"]
    assert after["metadata"]["generation"] == 1
    assert shared.kubectl("diff", "-f", str(file)) == ""
    shared.edit("same", {("spec", "priority"): 3})  # when this was seen, all before it was
    shared.until("same", lambda status: status.observed_generation == 2)
    assert ledger.running() == running
    assert len(ledger.starts()) == 2


def test_what_the_schema_can_tell_is_refused_at_apply_with_its_field(
    shared: KubernetesRoom, ledger: Ledger
) -> None:
    good = document("refused", eager(worker=trainers(ledger)))
    for bad, field in (
        (good.replace("replicas: 1", "replicas: many"), "spec.roles.worker.replicas"),
        (good.replace("replicas: 1", "replica: 1"), "spec.roles.worker.replica"),
        (good.replace("replicas: 1", "replicas: -1"), "spec.roles.worker.replicas"),
    ):
        with pytest.raises(RefusedError) as refused:
            shared.apply("refused", bad)
        assert field in refused.value.message
    assert "refused" not in shared.names()


def test_without_a_webhook_a_refusal_is_a_condition(shared: KubernetesRoom, ledger: Ledger) -> None:
    spec = eager(worker=trainers(ledger, steps=1))
    shared.drop("denied", spec | {"user": "alice"})
    status = shared.until("denied", lambda status: reason(status, C.ACCEPTED) == reasons.DENIED)
    assert "alice" in message(status, C.ACCEPTED)
    assert status.is_true(C.STALLED)
    assert not status.application_id
    assert not ledger.starts()


def test_with_a_webhook_the_refusal_comes_at_apply(room: KubernetesRoom, ledger: Ledger) -> None:
    room.controller(**room.guard())
    good = document("guarded", eager(worker=trainers(ledger, steps=1)))
    room.apply("guarded", good)
    room.until_true("guarded", C.SUCCEEDED)

    for bad, words in (
        (good.replace("worker:", "Worker_1:"), "spec.roles"),
        (good.replace("spec:", "spec:\n  user: alice"), "alice"),
    ):
        with pytest.raises(RefusedError) as refused:
            until(lambda bad=bad: room.apply("bad", bad.replace("name: guarded", "name: bad")))
        assert words in refused.value.message
    assert room.names() == ["guarded"]


def test_a_running_job_and_its_neighbours_stand_edits_of_the_definition(
    shared: KubernetesRoom, ledger: Ledger
) -> None:
    """An upgrade that brings a field with a default, as the next version might."""
    kubectl = shared.kubernetes.kubectl
    shared.drop("old", eager(worker=trainers(ledger, 2, steps=0)))
    shared.until_true("old", C.RUNNING)
    before = processes(ledger, 2)

    properties = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties"
    field = '{"type": "string", "default": "new", "description": "A field of the next version."}'
    add = f'[{{"op": "add", "path": "{properties}/nextVersion", "value": {field}}}]'
    remove = f'[{{"op": "remove", "path": "{properties}/nextVersion"}}]'
    kubectl("patch", "crd", "trainingjobs.trainmaster.io", "--type=json", "-p", add)
    try:
        until(lambda: shared.object("old")["spec"].get("nextVersion") == "new")
        shared.edit("old", {("spec", "priority"): 4})
        shared.until("old", lambda status: status.observed_generation >= 2)
        assert ledger.running() == before
    finally:
        kubectl("patch", "crd", "trainingjobs.trainmaster.io", "--type=json", "-p", remove)
    assert not shared.status("old").is_true(C.STALLED)
