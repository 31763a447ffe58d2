"""The admission webhooks before a real API server: what people are told at kubectl, and what happens when nobody answers."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import yaml

from real.admission import Guarded, guarded
from real.cluster import until
from real.served import Ran, Served, job
from trainmaster.local.kubernetes.controlplane import LocalKubernetes
from trainmaster.settings import PolicyRule
from trainmaster.sources.kubernetes.objects import FINALIZER

WORKER = {"replicas": 2, "command": "train"}
SPEC: dict[str, Any] = {"roles": {"worker": WORKER}}
SAME_NAME = [{"source": "hdfs:///a/train.py"}, {"source": "hdfs:///b/train.py"}]
"""a mistake for which the schema has no rule"""


@pytest.fixture(scope="module")
def guard(kubernetes: LocalKubernetes) -> Iterator[Guarded]:
    """Two replicas that are asked in turn. Without their answer nothing passes, so that what passes was asked."""
    name = f"guarded-{uuid.uuid4().hex[:8]}"
    kubernetes.kubectl("create", "namespace", name)
    policy = (PolicyRule(namespace=name, users=("alice", "bob"), queues=("default", "gpu")),)
    with guarded(kubernetes, name, policy) as made:
        made.configure()
        for replica in (made.replica(), made.replica()):
            replica.look()
            assert replica.trouble == ""
        served = Served(kubernetes, name)
        until(lambda: _is_asked(served))  # the API server takes a moment to take in its configuration
        served.close()
        yield made
    kubernetes.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture
def served(guard: Guarded) -> Iterator[Served]:
    found = Served(guard.kubernetes, guard.namespace)
    yield found
    found.close()


@pytest.fixture
def name() -> str:
    return f"job-{uuid.uuid4().hex[:8]}"


def apply(served: Served, document: dict[str, Any], *options: str) -> Ran:
    return served.kubectl("apply", *options, "-f", "-", stdin=yaml.safe_dump(document))


def edit(served: Served, name: str, spec: dict[str, Any]) -> Ran:
    patch = json.dumps({"spec": spec})
    return served.kubectl("patch", "tj", name, "--type=merge", "--patch-file=/dev/stdin", stdin=patch)


# --- at kubectl apply


def test_an_invalid_job_is_refused_with_its_fields(served: Served, name: str) -> None:
    worker = {**WORKER, "files": SAME_NAME[:1]}
    ran = apply(served, job({"roles": {"worker": worker}, "files": SAME_NAME}, name))
    assert ran.code == 1
    assert f'The TrainingJob "{name}" is invalid' in ran.err
    same = "another file is named train.py in the same folder"
    assert f"* spec.files[1].name: {same}" in ran.err
    assert f"* spec.roles.worker.files[0].name: {same}" in ran.err
    assert served.kubectl("get", "tj", name).code == 1


@pytest.mark.parametrize(
    ("resources", "line"),
    [
        ({"memroy": "4G"}, "resources.memroy: unknown field 'memroy': did you mean 'memory'?"),
        ({"memory": "4G", "vcore": 2}, "resources.vcore: unknown field 'vcore': did you mean 'vcores'?"),
        ({"limits": {"cpu": 1}}, "resources.limits: unknown field 'limits': write memory, vcores and gpus"),
        (["memory"], "resources: "),
    ],
)
def test_a_mistyped_resource_is_told_in_our_words_and_not_in_the_schemas(
    served: Served, name: str, resources: object, line: str
) -> None:
    ran = apply(served, job({"roles": {"worker": {**WORKER, "resources": resources}}}, name))
    assert ran.code == 1
    first = ran.err.removeprefix(f'The TrainingJob "{name}" is invalid: ').strip().splitlines()[0]
    assert first.removeprefix("* ").startswith(f"spec.roles.worker.{line}")


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"user": "hdfs"}, "spec.user: namespace {} may not run jobs as hdfs: the policy lets it run as alice, bob"),
        ({"queue": "prod"}, "spec.queue: namespace {} may not run jobs as alice in queue prod: the policy lets it use default"),
    ],
)  # fmt: skip
def test_the_policy_is_told(served: Served, name: str, spec: dict[str, Any], words: str) -> None:
    ran = apply(served, job(SPEC | spec, name))
    assert ran.code == 1
    assert "(Forbidden)" in ran.err
    assert words.format(served.namespace) in ran.err


def test_a_valid_job_is_held_and_applying_it_again_changes_nothing(served: Served, name: str) -> None:
    document = job(SPEC | {"user": "bob", "queue": "gpu"}, name)
    assert "created" in apply(served, document).out
    kept = served.get(name)
    assert kept["metadata"]["finalizers"] == [FINALIZER]
    assert kept["spec"]["user"] == "bob"

    assert "unchanged" in apply(served, document).out
    assert apply(served, document, "--server-side", "--force-conflicts").code == 0
    before = served.get(name)
    assert before["metadata"]["generation"] == 1
    assert before["metadata"]["finalizers"] == [FINALIZER]
    assert apply(served, document, "--server-side").code == 0
    assert served.get(name) == before
    assert served.kubectl("diff", "-f", "-", stdin=yaml.safe_dump(document)).code == 0


def test_nothing_but_finalizer_and_driver_is_filled_in(served: Served, name: str) -> None:
    """The user that the namespace stands for isn't written: it would be in the way of every later edit of it."""
    assert apply(served, job(SPEC, name)).code == 0
    kept = served.get(name)
    assert "user" not in kept["spec"]
    plain = json.loads(served.ok("create", "-f", "-", "--dry-run=server", "-o", "json", document=job(SPEC, "plain")))  # fmt: skip
    assert plain["spec"] == kept["spec"]


@pytest.mark.parametrize("prefix", ["made-up-", "x" * 57 + "-", "x" * 58 + "-", "x" * 253], ids=len)
def test_a_name_that_the_api_server_makes_up(served: Served, prefix: str) -> None:
    document = job(SPEC)
    document["metadata"] = {"generateName": prefix}
    made = json.loads(served.ok("create", "-f", "-", "-o", "json", document=document))
    assert made["metadata"]["finalizers"] == [FINALIZER]
    assert len(made["metadata"]["name"]) == min(len(prefix), 58) + 5


def test_what_is_too_large_for_kubectls_note_of_it_is_applied_by_the_server(
    served: Served, name: str
) -> None:
    """As docs/kubernetes.md says."""
    env = [{"name": f"V{i}", "value": "x" * 3000} for i in range(90)]
    document = job(SPEC | {"env": env}, name)
    ran = apply(served, document)
    assert ran.code == 1
    assert "metadata.annotations: Too long: may not be more than 262144 bytes" in ran.err
    assert apply(served, document, "--server-side").code == 0
    env[-1]["value"] = "changed"
    assert apply(served, document, "--server-side").code == 0
    assert served.get(name)["spec"]["env"][-1]["value"] == "changed"


def test_a_dry_run_is_told_the_same_and_keeps_nothing(served: Served, name: str) -> None:
    assert apply(served, job(SPEC, name), "--dry-run=server").code == 0
    ran = apply(served, job(SPEC | {"files": SAME_NAME}, name), "--dry-run=server")
    assert "spec.files[1].name" in ran.err
    assert served.kubectl("get", "tj", name).code == 1


# --- edits


def test_an_invalid_edit_is_refused_and_the_job_stays(served: Served, name: str) -> None:
    served.create(SPEC, name)
    ran = edit(served, name, {"files": SAME_NAME})
    assert ran.code == 1
    assert "spec.files[1].name" in ran.err
    assert "files" not in served.get(name)["spec"]


def test_an_edit_that_restarts_says_so(served: Served, name: str) -> None:
    served.create(SPEC, name)
    assert "Warning" not in edit(served, name, {"files": SAME_NAME[:1]}).err
    served.show({"roles": {"worker": {"wanted": 2, "running": 2}}}, name)
    assert (
        "Warning: this edit restarts all processes of the job once" in edit(served, name, {"files": []}).err
    )
    assert "Warning" not in edit(served, name, {"priority": 3}).err
    assert served.kubectl("scale", "tj", name, "--replicas=3").code == 0


def test_a_large_job_can_be_edited(served: Served, name: str) -> None:
    """The conditions of the webhooks compare whole specs within the API server's budget."""
    env = [{"name": f"V{i}", "value": "x" * 3000} for i in range(60)]
    served.create(SPEC | {"env": env}, name)
    env[-1]["value"] = "y"
    assert edit(served, name, {"env": env}).code == 0
    assert "spec.files[1].name" in edit(served, name, {"files": SAME_NAME}).err


# --- nobody answers


@contextmanager
def nobody_answers(guard: Guarded) -> Iterator[None]:
    ports, guard.entrance.ports = guard.entrance.ports, []
    guard.entrance.hang_up()
    try:
        yield
    finally:
        guard.entrance.ports = ports


def test_what_they_are_not_asked_about_passes_without_them(guard: Guarded, served: Served, name: str) -> None:
    created = served.create(SPEC, name)
    with nobody_answers(guard):
        assert "failed calling webhook" in apply(served, job(SPEC, f"{name}-new")).err
        assert "failed calling webhook" in edit(served, name, {"priority": 3}).err

        assert served.kubectl("label", "tj", name, "a=b").code == 0
        assert served.show({"state": "Queued"}, name)["status"]["state"] == "Queued"
        assert served.kubectl("scale", "tj", name, "--replicas=3").code == 0
        assert served.kubectl("delete", "tj", name, "--wait=false").code == 0
        going = served.get(name)
        assert going["metadata"]["uid"] == created["metadata"]["uid"]
        assert "deletionTimestamp" in going["metadata"]
        assert edit(served, name, {"priority": 3}).code == 0, "what is going is no business of theirs"
        released = json.dumps({"metadata": {"finalizers": []}})
        assert served.kubectl("patch", "tj", name, "--type=merge", "-p", released).code == 0
        assert served.kubectl("get", "tj", name).code == 1


def test_with_failure_policy_ignore_all_passes_and_can_be_edited_later(
    guard: Guarded, served: Served, name: str
) -> None:
    invalid = job(SPEC | {"user": "hdfs"}, name)
    guard.configure("Ignore")
    with nobody_answers(guard):
        until(lambda: "created" in apply(served, invalid).out)
    assert "finalizers" not in served.get(name)["metadata"]

    guard.configure("Fail")  # which leaves alone what the controller wrote into it
    until(lambda: _is_asked(served))
    suspended = edit(served, name, {"runPolicy": {"suspend": True}})
    assert suspended.code == 0
    assert "Warning: spec.user: namespace" in suspended.err
    assert "spec.files[1].name" in edit(served, name, {"files": SAME_NAME}).err


def _is_asked(served: Served) -> bool:
    return (
        "spec.files[1].name" in apply(served, job(SPEC | {"files": SAME_NAME}, "try"), "--dry-run=server").err
    )
