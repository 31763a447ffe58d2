"""The first line that a person reads after `kubectl apply` where no webhook is installed: the API server's own words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from api.declarations import MALFORMED, with_worker
from real.served import Served, job
from trainmaster.local.kubernetes.controlplane import LocalKubernetes

_LIMITS = "write memory, vcores and gpus into `resources`: what is asked for is also the limit"
MISTAKES: list[tuple[dict[str, Any], str, str]] = [
    (with_worker(resources={"limits": {"nvidia.com/gpu": 1}}), "resources.limits", _LIMITS),
    (with_worker(resources={"requests": {"cpu": 1, "memory": "4Gi"}}), "resources.requests", _LIMITS),
    (with_worker(resources={"memory": "4Gi", "nvidia.com/gpu": 1}), "resources.nvidia.com/gpu", "write `gpus`"),
    (with_worker(resources={"cpu": "500m"}), "resources.cpu", "write `vcores`, a whole number"),
    (with_worker(replicas="2"), "spec.roles.worker.replicas", "must be of type integer"),
    (with_worker(resources={"vcores": "2"}), "resources.vcores", "must be of type integer"),
    (with_worker(resources={"memory": "512MB"}), "resources.memory", "write 4G, 512Mi, 1.5Gi, or a number of bytes"),
    (with_worker(resources="memory"), "resources", "write memory=8G,vcores=2,gpu=2"),
    (with_worker(image="python:3.11"), "spec.roles.worker.image", "unknown field"),
    ({"tfReplicaSpecs": {}}, "spec.tfReplicaSpecs", "unknown field"),
    (with_worker(command=["python", "train.py"]), "spec.roles.worker.command", "must be of type string"),
]  # fmt: skip
"""what people bring along from elsewhere, the field that is to blame, and what to do about it"""
TYPOS: list[tuple[dict[str, Any], str]] = [
    ({"framwork": "PyTorch"}, "spec.framwork"),
    ({"runPolicy": {"suspended": True}}, "spec.runPolicy.suspended"),
    (with_worker(replica=2), "spec.roles.worker.replica"),
    (with_worker(env=[{"name": "A", "valeu": "b"}]), "spec.roles.worker.env[0].valeu"),
    (with_worker(files=[{"src": "hdfs:///a"}]), "spec.roles.worker.files[0].src"),
]
"""fields that there are not, as people mistype them"""
INNER = (
    "<nil>",
    "anyOf",
    "accessor error",
    "some validation rules were not checked",
    "conversion error",
    "evaluating",
)


@pytest.fixture(scope="module")
def served(kubernetes: LocalKubernetes) -> Iterator[Served]:
    """The namespace default: nothing is kept in it."""
    found = Served(kubernetes, "default")
    yield found
    found.close()


def first_line(served: Served, spec: dict[str, Any]) -> str:
    return lines(served, spec)[0]


def lines(served: Served, spec: dict[str, Any]) -> list[str]:
    document = job({**with_worker(), **spec})
    ran = served.kubectl("apply", "--dry-run=server", "-f", "-", stdin=yaml.safe_dump(document))
    assert ran.code == 1
    said = ran.err.removeprefix('The TrainingJob "a" is invalid: ').strip()
    return said.splitlines()


@pytest.mark.parametrize(
    ("spec", "field", "cure"), MISTAKES, ids=[f"{field}: {cure}" for _, field, cure in MISTAKES]
)
def test_says_which_field_and_what_to_write(
    served: Served, spec: dict[str, Any], field: str, cure: str
) -> None:
    said = first_line(served, spec)
    assert field in said
    assert cure in said
    assert not [word for word in INNER if word in said]


@pytest.mark.parametrize(("spec", "field"), TYPOS, ids=[field for _, field in TYPOS])
def test_a_mistyped_field_is_named(served: Served, spec: dict[str, Any], field: str) -> None:
    assert first_line(served, spec).endswith(f'unknown field "{field}"')


@pytest.mark.parametrize("resources", [{"memroy": "4G"}, {"memory": "4G", "vcore": 2}, {"Memory": "4G"}])
def test_of_a_mistyped_resource_the_fields_that_there_are_stand_in_the_second_line(
    served: Served, resources: dict[str, Any]
) -> None:
    """What is text or fields has no type, and the server then says first of which kind its own check was. Where our webhook
    answers, that is asked before (test_admission.py)."""
    first, second, *_ = lines(served, with_worker(resources=resources))
    assert '"spec.roles.worker.resources" must validate' in first
    assert second.startswith("* spec.roles.worker.resources: Unsupported value")
    assert second.endswith('supported values: "memory", "vcores", "gpus"')


@pytest.mark.parametrize(("spec", "sentence"), MALFORMED, ids=[sentence for _, sentence in MALFORMED])
def test_of_a_value_without_its_form_is_our_sentence(
    served: Served, spec: dict[str, Any], sentence: str
) -> None:
    said = first_line(served, spec)
    assert sentence.rpartition(": ")[2] in said
    assert "should match" not in said or "should match 'write 30s" in said


def test_of_several_mistakes_is_one_of_these_too(served: Served) -> None:
    """The API server goes through fields in any order."""
    resources = {"limits": {"cpu": 1}, "memory": "512MB"}
    said = first_line(served, with_worker(replicas="2", resources=resources))
    assert not [word for word in INNER if word in said]
