"""Who owns what of a TrainingJob on a real API server: Git, kubectl, an autoscaler and the controller beside each other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from api.test_status_size import replica, status
from real.served import Document, Ran, Served, job
from trainmaster.api.status_size import MAX_BYTES, fitted
from trainmaster.local.kubernetes.controlplane import LocalKubernetes

WORKER: Document = {"command": "train", "env": [{"name": "A", "value": "git"}]}
FILES = [{"source": "hdfs:///code/train.py"}, {"source": "hdfs:///code/data.py"}]
CONTROLLER = "trainmaster"
MANAGED_BYTES = 2_000
"""of the note that the API server keeps of a status's fields, for twelve conditions and any number of replicas"""


@pytest.fixture
def served(kubernetes: LocalKubernetes, namespace: str) -> Iterator[Served]:
    found = Served(kubernetes, namespace)
    yield found
    found.close()


def declared(worker: Document | None = None, **spec: Any) -> Document:
    return job({"roles": {"worker": WORKER if worker is None else worker}, **spec})


def apply(served: Served, document: Document, manager: str, *arguments: str) -> Ran:
    """Server-side apply, as Git's tools and HorizontalPodAutoscalers do."""
    words = ("apply", "--server-side", f"--field-manager={manager}", *arguments, "-f", "-")
    return served.kubectl(*words, stdin=yaml.safe_dump(document))


def worker_of(served: Served) -> Document:
    found: Document = served.get()["spec"]["roles"]["worker"]
    return found


@pytest.mark.parametrize("way", [["apply"], ["apply", "--server-side"]], ids=" ".join)
def test_the_same_file_again_changes_nothing(served: Served, way: list[str]) -> None:
    """Once a controller has seen the job: until then the API server adds to it that nobody has."""
    document = declared(
        {**WORKER, "resources": "memory=8G,vcores=2", "replicas": 2},
        files=FILES,
        gang={"timeout": 300},
        runPolicy={"backoff": {"base": "60s"}},
    )
    served.ok(*way, "-f", "-", document=document)
    before = served.show({"observedGeneration": 1})
    served.ok(*way, "-f", "-", document=document)
    assert served.get()["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]


class TestGitAndScaling:
    def test_what_git_leaves_out_stays_as_it_was_scaled(self, served: Served) -> None:
        apply(served, declared(), "git")
        served.ok("scale", "tj/a", "--replicas=5")
        assert apply(served, declared(priority=1), "git").code == 0
        assert worker_of(served)["replicas"] == 5

    def test_the_same_with_client_side_apply(self, served: Served) -> None:
        served.ok("apply", "-f", "-", document=declared())
        served.ok("scale", "tj/a", "--replicas=5")
        served.ok("apply", "-f", "-", document=declared(priority=1))
        assert worker_of(served)["replicas"] == 5

    def test_what_git_says_too_is_a_conflict_that_names_the_field(self, served: Served) -> None:
        document = declared({**WORKER, "replicas": 2})
        apply(served, document, "git")
        served.ok("scale", "tj/a", "--replicas=5")
        ran = apply(served, document, "git")
        assert ran.code == 1
        assert "conflict" in ran.err
        assert ".spec.roles.worker.replicas" in ran.err
        assert worker_of(served)["replicas"] == 5


class TestTwoManagers:
    def test_each_own_their_variables(self, served: Served) -> None:
        apply(served, declared(), "git")
        debug = [{"name": "DEBUG", "value": "1"}]
        assert apply(served, declared({"command": "train", "env": debug}), "alice").code == 0
        assert [one["name"] for one in worker_of(served)["env"]] == ["A", "DEBUG"]
        apply(served, declared(), "git")
        apply(served, declared({"command": "train"}), "alice")
        assert worker_of(served)["env"] == [{"name": "A", "value": "git"}]

    def test_one_variable_has_one_value(self, served: Served) -> None:
        apply(served, declared(), "git")
        ran = apply(served, declared({"command": "train", "env": [{"name": "A", "value": "alice"}]}), "alice")
        assert ran.code == 1
        assert '.spec.roles.worker.env[name="A"].value' in ran.err

    def test_files_belong_together(self, served: Served) -> None:
        """Two that unpack into one folder aren't told apart by a name, so the list is somebody's as a whole."""
        apply(served, declared(files=FILES), "git")
        ran = apply(served, declared(files=FILES[:1]), "alice")
        assert ran.code == 1
        assert ".spec.files" in ran.err

    def test_a_role_is_added_and_taken_away_by_whoever_wants_it(self, served: Served) -> None:
        apply(served, declared(), "git")
        evaluator = job({"roles": {"evaluator": {"command": "evaluate"}}})
        assert apply(served, evaluator, "alice").code == 0
        assert set(served.get()["spec"]["roles"]) == {"worker", "evaluator"}
        assert apply(served, declared(), "git").code == 0
        assert set(served.get()["spec"]["roles"]) == {"worker", "evaluator"}

    def test_resources_change_between_their_two_forms(self, served: Served) -> None:
        forms: list[Any] = [{"memory": "8G", "vcores": 2}, "memory=8G", {"gpus": 1}]
        for form in forms:
            apply(served, declared({**WORKER, "resources": form}), "git")
            assert worker_of(served)["resources"] == form
        apply(served, declared(), "git")
        assert "resources" not in worker_of(served)


class TestStatus:
    def _apply(self, served: Served, shown: Document) -> None:
        document = {**job({}), "status": shown}
        del document["spec"]
        ran = apply(served, document, CONTROLLER, "--subresource=status", "--force-conflicts")
        assert (ran.code, ran.err) == (0, "")

    def test_of_five_thousand_troubled_replicas_is_kept_whole_and_costs_little_to_manage(
        self, served: Served
    ) -> None:
        served.create({"roles": {"worker": {"command": "c", "replicas": 5000}}})
        told = fitted(status(*(replica(index, ended=True) for index in range(5000))))
        wire = told.model_dump(mode="json", by_alias=True, exclude_none=True)
        self._apply(served, wire)
        found = served.get()
        assert found["status"] == wire
        assert len(json.dumps(found["status"], separators=(",", ":"))) <= MAX_BYTES
        (ours,) = [one for one in found["metadata"]["managedFields"] if one["manager"] == CONTROLLER]
        assert len(json.dumps(ours, separators=(",", ":"))) < MANAGED_BYTES

    def test_that_is_the_same_again_is_no_news(self, served: Served) -> None:
        served.create({"roles": {"worker": WORKER}})
        shown = fitted(status(replica(0))).model_dump(mode="json", by_alias=True, exclude_none=True)
        self._apply(served, shown)
        before = served.get()["metadata"]["resourceVersion"]
        self._apply(served, shown)
        assert served.get()["metadata"]["resourceVersion"] == before

    def test_leaves_the_conditions_of_others_alone(self, served: Served) -> None:
        served.create({"roles": {"worker": WORKER}})
        theirs = {"type": "Approved", "status": "True", "reason": "Reviewed", "message": "Fine."}
        theirs["lastTransitionTime"] = "2026-01-01T00:00:00Z"
        served.show({"conditions": [theirs]})
        self._apply(served, status(replica(0)).model_dump(mode="json", by_alias=True, exclude_none=True))
        assert {"Approved", "Running"} <= {one["type"] for one in served.get()["status"]["conditions"]}

    def test_takes_words_that_this_release_does_not_know(self, served: Served) -> None:
        """A newer controller beside an older definition: Helm never upgrades one."""
        served.create({"roles": {"worker": WORKER}})
        served.show(
            {
                "state": "Hibernating",
                "roles": {"worker": {"wanted": 1, "replicas": [{"index": 0, "state": "Parked"}]}},
            }
        )
        assert served.get()["status"]["roles"]["worker"]["replicas"] == [{"index": 0, "state": "Parked"}]
