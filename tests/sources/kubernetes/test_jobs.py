"""The API server as the command line asks it: what is sent, and what its answers mean to a person."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from sources.kubernetes.told import Told, fixed, kubeconfig, status
from trainmaster.errors import (
    DeniedError,
    InvalidError,
    NoStoreError,
    NoSuchJobError,
    TrainmasterError,
    UnavailableError,
)
from trainmaster.sources.kubernetes.api import Api
from trainmaster.sources.kubernetes.connection import Connection
from trainmaster.sources.kubernetes.jobs import KubernetesJobs

TEXT = """\
metadata:
  {name: mnist, uid: old, creationTimestamp: 2026-01-02T03:04:05Z, annotations: {a: b, trainmaster.io/installation: x}}
spec: {queue: gpu, priority: null, roles: {worker: {replicas: 2, command: train}}}
status: {state: Running}
"""
NOT_FOUND = 404, status(404, "NotFound", 'trainingjobs.trainmaster.io "mnist" not found')
FINISHED = {
    "observedGeneration": 1,
    "state": "Failed",
    "conditions": [
        {
            "type": "Finished",
            "status": "True",
            "reason": "X",
            "message": "",
            "lastTransitionTime": "2026-01-02T03:04:05Z",
        }
    ],
}


@pytest.fixture
def warnings() -> list[str]:
    return []


@pytest.fixture
def jobs(told: Told, tmp_path: Path, warnings: list[str]) -> KubernetesJobs:
    connection = Connection(kubeconfig(told, tmp_path, token="t"))
    return KubernetesJobs(Api(connection, timeout=5, warned=warnings.append))


def mnist(version: int = 1, **more: Any) -> dict[str, Any]:
    metadata = {"name": "mnist", "namespace": "vision", "uid": "u", "generation": 1}
    metadata |= {"resourceVersion": str(version), "creationTimestamp": "2026-01-02T03:04:05Z"}
    spec = {"queue": "gpu", "roles": {"worker": {"replicas": 2, "command": "train"}}}
    managed = [{"manager": "kubectl", "fieldsV1": {}}]
    return {"metadata": metadata | {"managedFields": managed}, "spec": spec, **more}


async def ask(call: Callable[..., Any], *given: Any, **more: Any) -> Any:
    """In a thread, as the server that answers lives in this loop."""
    return await asyncio.to_thread(call, *given, **more)


async def test_a_text_is_applied_as_it_was_written_and_nothing_else(told: Told, jobs: KubernetesJobs) -> None:
    told.to_answer(NOT_FOUND, (201, mnist()))
    applied = await ask(jobs.apply, TEXT, "vision", "mnist")
    assert (applied.outcome, applied.namespace, applied.name) == ("created", "vision", "mnist")
    path = "/apis/trainmaster.io/v1alpha1/namespaces/vision/trainingjobs/mnist"
    assert told.asked == [f"GET {path}", f"PATCH {path}?fieldManager=trainmaster-cli&force=false"]
    assert told.bodies[1] == {
        "apiVersion": "trainmaster.io/v1alpha1",
        "kind": "TrainingJob",
        "metadata": {"name": "mnist", "namespace": "vision", "annotations": {"a": "b"}},
        "spec": {"queue": "gpu", "roles": {"worker": {"replicas": 2, "command": "train"}}},
    }


@pytest.mark.parametrize(
    ("after", "outcome"),
    [
        (mnist(9, status=FINISHED), "unchanged"),
        (mnist(9, spec={"roles": {}}), "configured"),
    ],
)
async def test_what_a_status_writes_meanwhile_is_no_change(
    told: Told, jobs: KubernetesJobs, after: dict[str, Any], outcome: str
) -> None:
    told.to_answer((200, mnist()), (200, after))
    assert (await ask(jobs.apply, TEXT, "vision", "mnist", force=True)).outcome == outcome
    assert told.asked[1].endswith("force=true")


async def test_a_conflict_tells_the_field_and_whose_it_is(told: Told, jobs: KubernetesJobs) -> None:
    causes = [
        {
            "field": ".spec.roles.worker.replicas",
            "message": 'conflict with "trainmaster-scale" using trainmaster.io/v1alpha1',
        },
        {
            "field": ".spec.queue",
            "message": 'conflict with "kubectl-client-side-apply" using trainmaster.io/v1alpha1',
        },
        {"field": '.spec.roles.worker.env[name="A"].value', "message": 'conflict with "alice"'},
    ]
    scaled = mnist(spec={"queue": "gpu", "roles": {"worker": {"replicas": 3, "command": "train"}}})
    told.to_answer((200, scaled), (409, status(409, "Conflict", "Apply failed", causes=causes)))
    with pytest.raises(InvalidError) as caught:
        await ask(jobs.apply, TEXT.replace("gpu", "cpu"), "vision", "mnist")
    assert str(caught.value).startswith(
        "spec.roles.worker.replicas: `trainmaster scale` set it to 3, and the file says 2; "
        'spec.queue: kubectl-client-side-apply set it to "gpu", and the file says "cpu"; '
        'spec.roles.worker.env[name="A"].value: alice set it to something else, and the file says something else: write that'
    )


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (NOT_FOUND, NoSuchJobError, "no job vision/mnist in the context test of .*kubeconfig"),
        ((404, "404 page not found"), NoStoreError, "trainmaster isn't installed there"),
        ((503, status(503, "ServiceUnavailable", "starting")), UnavailableError, "503"),
        (
            (403, status(403, "Forbidden", 'trainingjobs is forbidden: User "eve" cannot get resource')),
            DeniedError,
            "eve",
        ),
    ],
)
async def test_an_answer_that_is_none_is_told_by_what_it_means(
    told: Told, jobs: KubernetesJobs, answer: tuple[int, Any], error: type[TrainmasterError], words: str
) -> None:
    told.to_answer(answer)
    for call in (jobs.get, jobs.delete, jobs.rerun, jobs.past):
        if call == jobs.past and error is NoSuchJobError:
            continue  # its events may be left
        with pytest.raises(error, match=words):
            await ask(call, "vision", "mnist")


async def test_a_namespace_that_is_not_there_is_no_missing_job(told: Told, jobs: KubernetesJobs) -> None:
    told.to_answer(NOT_FOUND, (404, status(404, "NotFound", 'namespaces "vision" not found')))
    with pytest.raises(InvalidError, match="there is no namespace vision in") as caught:
        await ask(jobs.apply, TEXT, "vision", "mnist")
    assert not isinstance(caught.value, NoSuchJobError)


async def test_what_breaks_a_rule_is_invalid(told: Told, jobs: KubernetesJobs) -> None:
    causes = [
        {"field": "spec.queue", "message": "Forbidden: can't change"},
        {"field": "spec.a", "message": "b"},
    ]
    told.to_answer((422, status(422, "Invalid", 'TrainingJob "mnist" is invalid: and so on', causes=causes)))
    with pytest.raises(InvalidError, match=r"^spec.queue: can't change; spec.a: b$"):
        await ask(jobs.edit, "vision", "mnist", {("spec", "queue"): "other"})
    told.to_answer((422, status(422, "Invalid", "no causes")))
    with pytest.raises(InvalidError, match=r"no causes$"):
        await ask(jobs.edit, "vision", "mnist", {("spec", "queue"): "other"})


async def test_a_command_sets_fields_under_its_own_name(told: Told, jobs: KubernetesJobs) -> None:
    told.to_answer((200, mnist()))
    changes = {("spec", "roles", "worker", "replicas"): 3}
    await ask(jobs.edit, "vision", "mnist", changes, by="scale")
    assert told.asked[0].endswith("?fieldManager=trainmaster-scale")
    assert told.bodies[0] == {"spec": {"roles": {"worker": {"replicas": 3}}}}


async def test_a_rerun_rests_on_the_end_that_was_seen(told: Told, jobs: KubernetesJobs) -> None:
    ended = mnist(
        4, status=FINISHED, spec={"runPolicy": {"suspend": True}, "roles": {"worker": {"command": "t"}}}
    )
    told.to_answer((200, ended), (409, status(409, "Conflict", "changed")), (200, ended), (200, ended))
    assert await ask(jobs.rerun, "vision", "mnist") == 1
    assert told.bodies[1] == told.bodies[3]
    assert told.bodies[3] == {
        "metadata": {"resourceVersion": "4"},
        "spec": {"runPolicy": {"rerun": 1, "suspend": False}},
    }


async def test_what_has_not_finished_does_not_run_again(told: Told, jobs: KubernetesJobs) -> None:
    told.to_answer((200, mnist()))
    with pytest.raises(InvalidError, match="has not finished"):
        await ask(jobs.rerun, "vision", "mnist")
    assert len(told.asked) == 1


async def test_only_the_object_that_was_seen_is_deleted(told: Told, jobs: KubernetesJobs) -> None:
    told.to_answer((200, mnist()))
    await ask(jobs.delete, "vision", "mnist", now=True)
    assert verbs(told) == ["GET", "DELETE", "PATCH"]
    assert told.bodies[1]["preconditions"] == {"uid": "u"}
    assert told.bodies[2] == {
        "metadata": {"uid": "u"},
        "spec": {"roles": {"worker": {"terminationGracePeriod": "0s"}}},
    }


def verbs(told: Told) -> list[str]:
    return [each.partition(" ")[0] for each in told.asked]


FORBIDDEN = 403, status(403, "Forbidden", 'User "eve" cannot patch resource "trainingjobs"')
DENIED_BY_WEBHOOK = 403, status(403, "Forbidden", 'admission webhook "x" denied the request: no')


@pytest.mark.parametrize(
    "refused",
    [
        (422, status(422, "Invalid", "spec: no")),
        FORBIDDEN,
        DENIED_BY_WEBHOOK,
        (400, status(400, "BadRequest", "no")),
        (409, status(409, "Conflict", "no")),
    ],
)
async def test_what_can_not_be_hurried_is_deleted_all_the_same(
    told: Told, jobs: KubernetesJobs, refused: tuple[int, Any]
) -> None:
    broken = mnist(spec={"roles": {"worker": {"command": 3}}})
    told.to_answer((200, broken), (200, broken), refused, (200, broken))
    with pytest.raises(InvalidError, match=r"is being deleted, but its processes keep their time: .*"):
        await ask(jobs.delete, "vision", "mnist", now=True)
    assert verbs(told)[:3] == ["GET", "DELETE", "PATCH"]


@pytest.mark.parametrize(
    ("refused", "error"),
    [(FORBIDDEN, DeniedError), ((503, status(503, "ServiceUnavailable", "later")), UnavailableError)],
)
async def test_a_job_that_is_not_deleted_keeps_its_time(
    told: Told, jobs: KubernetesJobs, refused: tuple[int, Any], error: type[TrainmasterError]
) -> None:
    """It goes on, and would be killed at its next stop without time for a checkpoint."""
    told.to_answer((200, mnist()), refused)
    with pytest.raises(error):
        await ask(jobs.delete, "vision", "mnist", now=True)
    assert "PATCH" not in verbs(told)


async def test_whether_a_hurry_was_heard_is_told_where_it_is_not_known(
    told: Told, jobs: KubernetesJobs
) -> None:
    told.to_answer((200, mnist()), (200, mnist()), (503, status(503, "ServiceUnavailable", "later")))
    with pytest.raises(UnavailableError, match=r"vision/mnist is being deleted, but whether .* isn't known"):
        await ask(jobs.delete, "vision", "mnist", now=True)


async def test_of_what_is_gone_at_once_nothing_is_hurried(told: Told, jobs: KubernetesJobs) -> None:
    """No finalizer held it; and another object of its name is left alone."""
    other = mnist()
    other["metadata"]["uid"] = "v"
    told.to_answer((200, mnist()), (200, mnist()), NOT_FOUND)
    await ask(jobs.delete, "vision", "mnist", now=True)
    told.to_answer((200, mnist()), (200, mnist()), (409, status(409, "Conflict", "uid")), (200, other))
    await ask(jobs.delete, "vision", "mnist", now=True)


async def test_what_is_being_deleted_is_not_changed_unheard(told: Told, jobs: KubernetesJobs) -> None:
    going = mnist()
    going["metadata"]["deletionTimestamp"] = "2026-01-02T03:04:05Z"
    told.to_answer((200, going))
    with pytest.raises(InvalidError, match="is being deleted"):
        await ask(jobs.apply, TEXT, "vision", "mnist")


async def test_another_object_of_its_name_is_not_the_deleted_one(told: Told, jobs: KubernetesJobs) -> None:
    told.to_answer((200, mnist()))
    last = await ask(jobs.get, "vision", "mnist")
    assert not await ask(jobs.is_gone, "vision", "mnist", last)
    assert not await ask(jobs.is_gone, "vision", "mnist", None)
    again = mnist()
    again["metadata"]["uid"] = "v"
    told.to_answer((200, again))
    assert await ask(jobs.is_gone, "vision", "mnist", last)
    told.to_answer(NOT_FOUND)
    assert await ask(jobs.is_gone, "vision", "mnist", last)


@pytest.mark.parametrize("unseen", [{}, {"status": {"observedGeneration": -1}}])
async def test_a_job_that_no_controller_has_seen_has_no_status(
    told: Told, jobs: KubernetesJobs, unseen: dict[str, Any]
) -> None:
    told.to_answer((200, mnist(**unseen)))
    job = await ask(jobs.get, "vision", "mnist")
    assert (job.status, job.problems, job.created) == (None, (), "2026-01-02T03:04:05Z")
    assert "managedFields" not in job.object["metadata"]


async def test_a_status_of_another_version_is_told_and_hides_no_other_job(
    told: Told, jobs: KubernetesJobs
) -> None:
    strange, plain = mnist(status={"unheardOf": 1}), mnist()
    plain["metadata"]["name"] = "a"
    told.to_answer((200, {"metadata": {}, "items": [strange, plain]}))
    first, second = await ask(jobs.list, "vision")
    assert (first.name, second.name) == ("a", "mnist")
    assert "another version of trainmaster" in str(second.problems[0])


async def test_warnings_of_the_api_server_are_passed_on(
    told: Told, jobs: KubernetesJobs, warnings: list[str]
) -> None:
    def answer(_: web.Request) -> web.Response:
        response = web.json_response(mnist())
        response.headers.add("Warning", '299 - "the queue \\"gpu\\" isn\'t there, or was removed"')
        response.headers.add("Warning", '299 - "second"')
        return response

    told.to_answer(answer)
    await ask(jobs.get, "vision", "mnist")
    assert warnings == ['the queue "gpu" isn\'t there, or was removed', "second"]


async def test_it_answers_beside_a_running_loop(told: Told, tmp_path: Path) -> None:
    """`logs` looks jobs up from within its own."""
    jobs = KubernetesJobs(Api(Connection(kubeconfig(told, tmp_path, token="t")), timeout=5))
    told.to_answer(fixed(200, mnist()))

    async def looks() -> str:
        return jobs.get("vision", "mnist").name

    assert await asyncio.to_thread(asyncio.run, looks()) == "mnist"


@pytest.mark.parametrize("name", ["", "b/status", "../b", "..", ".", "b%2Fstatus"])
async def test_what_no_job_can_be_called_is_no_job_and_is_never_asked_for(
    told: Told, jobs: KubernetesJobs, name: str
) -> None:
    """As a part of a path it would lead elsewhere: to all jobs, or to the status of one."""
    told.to_answer((200, mnist()))
    for call in (jobs.get, jobs.delete, jobs.rerun):
        with pytest.raises(NoSuchJobError, match=r"there is no job "):
            await ask(call, "vision", name)
    with pytest.raises(NoSuchJobError):
        await ask(jobs.edit, "vision", name, {("spec", "queue"): "other"}, by="scale")
    assert await ask(jobs.find, "vision", name) is None
    assert told.asked == []


async def test_a_name_that_only_an_older_definition_allowed_can_still_be_deleted(
    told: Told, jobs: KubernetesJobs
) -> None:
    told.to_answer((200, mnist()))
    await ask(jobs.delete, "vision", "a" * 200)
    assert verbs(told) == ["GET", "DELETE"]


async def test_a_namespace_that_would_lead_elsewhere_is_told(told: Told, jobs: KubernetesJobs) -> None:
    told.to_answer((200, {"metadata": {}, "items": []}))
    with pytest.raises(InvalidError, match="there is no namespace a/b in the context test"):
        await ask(jobs.list, "a/b")
    with pytest.raises(NoSuchJobError):
        await ask(jobs.get, "a/b", "mnist")
    assert told.asked == []
