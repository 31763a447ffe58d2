"""TrainingJobs as people meet them on a real API server: kubectl explains, checks, lists, selects and scales them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from real.served import Document, Served, job
from trainmaster.api.crd import COLUMNS, WIDE_COLUMNS, crd, crd_yaml
from trainmaster.api.documents import read_job, read_object
from trainmaster.api.job import KIND, job_to_document, restart_fields
from trainmaster.api.status import ConditionType
from trainmaster.local.kubernetes.controlplane import LocalKubernetes

ROOT = Path(__file__).parents[2]
ROLES = {"worker": {"command": "train"}}
CRD = crd()["metadata"]["name"]


@pytest.fixture
def served(kubernetes: LocalKubernetes, namespace: str) -> Iterator[Served]:
    found = Served(kubernetes, namespace)
    yield found
    found.close()


def test_the_definition_is_taken_without_a_warning(served: Served) -> None:
    applied = served.kubectl("apply", "--server-side", "-f", "-", stdin=crd_yaml())
    assert (applied.code, applied.err) == (0, "")
    (found,) = yaml.safe_load_all(served.ok("get", "crd", CRD, "-o", "yaml"))
    conditions = {condition["type"]: condition["status"] for condition in found["status"]["conditions"]}
    assert conditions == {"NamesAccepted": "True", "Established": "True"}


def test_client_side_apply_has_room_for_the_definition_in_its_annotation(served: Served) -> None:
    """It keeps the whole document in one, and annotations may have 256 KiB."""
    assert served.kubectl("apply", "--dry-run=server", "-f", "-", stdin=crd_yaml()).code == 0


def _documents() -> dict[str, str]:
    """Every TrainingJob that we show to people, by where it stands."""
    files = {
        str(path.relative_to(ROOT)): path.read_text() for path in sorted((ROOT / "examples").rglob("*.yaml"))
    }
    for page in [
        ROOT / "README.md",
        *sorted(ROOT.glob("docs/**/*.md")),
        *sorted(ROOT.glob("examples/**/*.md")),
    ]:
        for number, block in enumerate(re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL)):
            files[f"{page.relative_to(ROOT)}, block {number}"] = block
    return {
        place: text
        for place, text in files.items()
        # the guide's job names files of its reader's machine, which `trainmaster apply` uploads
        if f"kind: {KIND}\n" in text and not place.startswith("docs/first-job.md")
    }


DOCUMENTS = _documents()


def _anywhere(text: str) -> Document:
    """The document for whichever namespace."""
    document: Document = yaml.safe_load(text)
    document["metadata"].pop("namespace", None)
    return document


class TestWhatWeShowToPeople:
    def test_there_are_some(self) -> None:
        assert any(place.startswith("README") for place in DOCUMENTS)
        assert sum(place.startswith("examples") for place in DOCUMENTS) >= 3

    @pytest.mark.parametrize("place", DOCUMENTS)
    def test_is_taken_by_the_server_as_strictly_as_it_can(self, served: Served, place: str) -> None:
        arguments = ("create", "--dry-run=server", "--validate=strict", "-f", "-")
        served.ok(*arguments, document=_anywhere(DOCUMENTS[place]))

    @pytest.mark.parametrize("place", DOCUMENTS)
    def test_comes_back_as_the_same_job(self, served: Served, place: str) -> None:
        """The API server adds uid, times, managers and defaults, and prints sizes its own way."""
        text = DOCUMENTS[place]
        declared, _ = read_job(text)
        assert declared is not None
        served.ok("create", "-f", "-", document=_anywhere(text))
        kept, problems = read_object(served.get(declared.metadata.name))
        assert problems == ()
        assert kept is not None
        assert kept.spec == declared.spec
        assert restart_fields(kept) == restart_fields(declared)


def test_an_object_with_everything_that_others_note_on_it_is_read_as_declared(served: Served) -> None:
    owner = served.create({"roles": ROLES}, "owner")
    reference = {
        "apiVersion": owner["apiVersion"],
        "kind": KIND,
        "name": "owner",
        "uid": owner["metadata"]["uid"],
    }
    served.create(
        {"roles": ROLES, "user": None, "runPolicy": {"activeDeadline": None}},
        finalizers=["trainmaster.io/yarn"],
        ownerReferences=[reference],
        labels={"team": "vision"},
        annotations={"note": "x"},
    )
    served.show({"state": "Running", "restarts": 1})
    served.ok("delete", "tj", "a", "--wait=false")
    found = served.get()
    assert {"deletionTimestamp", "managedFields", "uid", "generation"} <= set(found["metadata"])
    kept, problems = read_object(found)
    assert problems == ()
    assert kept is not None
    assert restart_fields(kept) == '{"roles":{"worker":{"command":"train"}}}'
    assert kept.metadata.labels == {"team": "vision"}
    served.ok("patch", "tj", "a", "--type=merge", "-p", '{"metadata":{"finalizers":null}}')


class TestUnknownFields:
    COMMAND = job({"roles": {"worker": {"command": "c", "comand": "c"}}})
    RESOURCES = job({"roles": {"worker": {"command": "c", "resources": {"memroy": "4G"}}}})

    def test_are_refused_by_kubectl_with_their_path(self, served: Served) -> None:
        ran = served.kubectl("apply", "-f", "-", stdin=yaml.safe_dump(self.COMMAND))
        assert ran.code == 1
        assert 'unknown field "spec.roles.worker.comand"' in ran.err

    def test_are_warned_of_where_somebody_asks_for_no_more(self, served: Served) -> None:
        ran = served.kubectl("apply", "--validate=warn", "-f", "-", stdin=yaml.safe_dump(self.COMMAND))
        assert ran.code == 0
        assert ran.err == 'Warning: unknown field "spec.roles.worker.comand"\n'

    def test_of_resources_are_refused_with_the_known_ones(self, served: Served) -> None:
        """Resources are fields or a text: there the API server finds no unknown fields by itself."""
        ran = served.kubectl("apply", "--validate=ignore", "-f", "-", stdin=yaml.safe_dump(self.RESOURCES))
        assert ran.code == 1
        known = 'supported values: "memory", "vcores", "gpus"'
        assert f'spec.roles.worker.resources: Unsupported value: {{"memroy":"4G"}}: {known}' in ran.err


def condition(type_: ConditionType) -> dict[str, Any]:
    reason, at = "AllRunning", "2026-01-01T00:00:00Z"
    return {
        "type": type_,
        "status": "True",
        "reason": reason,
        "message": "Every one.",
        "lastTransitionTime": at,
    }


def shown(state: str, framework: str = "TensorFlow") -> dict[str, Any]:
    return {
        "state": state,
        "framework": framework,
        "workersSummary": "12/16",
        "gpus": 32,
        "restarts": 2,
        "applicationId": "application_1763848149000_0042",
        "user": "alice",
        "startTime": "2026-01-01T00:00:00Z",
        "progress": {"step": 1200, "lastReportTime": "2026-01-01T00:00:00Z"},
        "conditions": [condition(ConditionType.READY)],
    }


class TestTable:
    def test_fits_into_80_columns(self, served: Served) -> None:
        """With the longest framework and state, and a long value in each other column."""
        for name, state in (("hello", "Restarting"), ("mnist", "Succeeded"), ("digits-7", "Refused")):
            served.create({"roles": ROLES, "queue": "trainer"}, name)
            served.show(shown(state), name)
        lines = served.ok("get", "tj").splitlines()
        assert len(lines) == 4
        ours = f"metadata.namespace={served.namespace}"
        everywhere = served.ok("get", "tj", "-A", "--field-selector", ours).splitlines()
        assert len(everywhere) == 4
        assert [line for line in lines + everywhere if len(line) > 80] == []

    def test_shows_what_a_person_looks_for(self, served: Served) -> None:
        served.create({"roles": ROLES, "queue": "gpu"}, "mnist")
        served.show(shown("Running"), "mnist")
        head, row = served.ok("get", "trainingjobs").splitlines()
        assert head.split() == ["NAME", *(name.upper() for name, _, _ in COLUMNS)]
        assert row.split()[:-1] == ["mnist", "Running", "12/16", "gpu"]

    def test_shows_more_where_it_is_wide(self, served: Served) -> None:
        served.create({"roles": ROLES}, "mnist")
        served.show(shown("Running"), "mnist")
        head, row = served.ok("get", "tj", "-o", "wide").splitlines()
        assert head.split()[-8:] == [name.upper() for name, _, _ in WIDE_COLUMNS]
        *what, started, reason = row.split()[-8:]
        assert what == ["TensorFlow", "32", "2", "1200", "alice", "application_1763848149000_0042"]
        assert reason == "AllRunning"
        assert re.fullmatch(r"[0-9a-z]+", started)

    @pytest.mark.parametrize(
        "word", ["tj", "trainingjob", "trainingjobs.trainmaster.io", "all", "trainmaster"]
    )
    def test_is_found_by_each_of_its_names(self, served: Served, word: str) -> None:
        served.create({"roles": ROLES}, "mnist")
        assert "mnist" in served.ok("get", word)


@pytest.mark.parametrize(
    ("selector", "found"),
    [
        ("spec.queue=gpu", {"a"}),
        ("spec.queue=default", {"b"}),
        ("spec.user=alice", {"a"}),
        ("spec.framework=PyTorch", {"a"}),
        ("status.framework=Generic", {"b"}),
        ("status.state=Failed", {"b"}),
        ("status.state!=Failed,spec.queue=gpu", {"a"}),
        ("status.user=alice", {"a", "b"}),
        ("status.applicationId=application_1763848149000_0042", {"a", "b"}),
    ],
)
def test_jobs_are_selected_by_field(served: Served, selector: str, found: set[str]) -> None:
    served.create({"roles": ROLES, "queue": "gpu", "framework": "PyTorch", "user": "alice"}, "a")
    served.create({"roles": ROLES}, "b")
    served.show(shown("Running", "PyTorch"), "a")
    served.show(shown("Failed", "Generic"), "b")
    names = served.ok("get", "tj", "--field-selector", selector, "-o", "name").split()
    assert {name.rpartition("/")[2] for name in names} == found


class TestScale:
    def test_sets_the_number_of_workers_also_where_it_was_left_out(self, served: Served) -> None:
        served.create({"roles": ROLES})
        served.ok("scale", "tj/a", "--replicas=3")
        found = served.get()
        assert found["spec"]["roles"]["worker"]["replicas"] == 3
        assert found["metadata"]["generation"] == 2

    def test_obeys_the_rules(self, served: Served) -> None:
        served.create({"roles": ROLES, "gang": {"minAvailable": 1}})
        ran = served.kubectl("scale", "tj/a", "--replicas=0")
        assert ran.code == 1
        assert "all roles together have no replica: at least one is needed" in ran.err

    def test_says_what_an_autoscaler_asks_for(self, served: Served) -> None:
        served.create({"roles": {"worker": {"command": "c", "replicas": 4}}})
        selector = "trainmaster.io/job=a"
        served.show({"selector": selector, "roles": {"worker": {"wanted": 4, "running": 3}}})
        path = f"/apis/trainmaster.io/v1alpha1/namespaces/{served.namespace}/trainingjobs/a/scale"
        scale = yaml.safe_load(served.ok("get", "--raw", path))
        assert (scale["spec"], scale["status"]) == ({"replicas": 4}, {"replicas": 3, "selector": selector})

    def test_of_a_job_without_workers_is_refused(self, served: Served) -> None:
        served.create({"roles": {"trainer": {"command": "c"}}})
        assert served.kubectl("scale", "tj/a", "--replicas=3").code == 1
        assert list(served.get()["spec"]["roles"]) == ["trainer"]


def test_a_status_is_no_edit_and_an_edit_no_status(served: Served) -> None:
    served.create({"roles": ROLES})
    assert served.show({"state": "Running"})["metadata"]["generation"] == 1
    served.ok("patch", "tj", "a", "--type=merge", "-p", '{"spec":{"priority":1},"status":{"state":"Failed"}}')
    found = served.get()
    assert (found["status"]["state"], found["metadata"]["generation"]) == ("Running", 2)


@pytest.mark.parametrize(
    ("edit", "sentence"),
    [
        (
            {"queue": "gpu"},
            "spec.queue: Forbidden: can't change in the life of a job: it is 'default' since the start",
        ),
        (
            {"user": "bob"},
            "spec.user: Forbidden: can't change in the life of a job: it is 'alice' since the start",
        ),
        (
            {"user": None},
            "spec.user: Forbidden: can't change in the life of a job: it is 'alice' since the start",
        ),
    ],
)
def test_what_never_changes_is_refused_with_what_it_is(served: Served, edit: Document, sentence: str) -> None:
    served.create({"roles": ROLES, "user": "alice"})
    ran = served.kubectl("patch", "tj", "a", "--type=merge", "-p", yaml.safe_dump({"spec": edit}))
    assert ran.code == 1
    assert sentence in ran.err


def test_what_is_written_back_from_the_models_is_taken(served: Served) -> None:
    declared, _ = read_job(DOCUMENTS["examples/tensorflow-ps/job.yaml"])
    assert declared is not None
    document = job_to_document(declared)
    served.ok("create", "-f", "-", document=document)
    kept, _ = read_object(served.get(declared.metadata.name))
    assert kept is not None
    assert restart_fields(kept) == restart_fields(declared)
