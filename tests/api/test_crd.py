"""The resource definition: legal for an API server, complete for a person, and careful with defaults."""

from typing import Any

import pytest
import yaml

from api.structural import nodes, violations
from trainmaster.api.crd import crd, crd_yaml
from trainmaster.api.job import MAX_REPLICAS

DEFINITION = yaml.safe_load(crd_yaml())
VERSION = DEFINITION["spec"]["versions"][0]
SCHEMA: dict[str, Any] = VERSION["schema"]["openAPIV3Schema"]
SPEC = SCHEMA["properties"]["spec"]


def test_the_schema_is_structural() -> None:
    assert violations(SCHEMA) == []


def test_the_text_is_the_document_and_has_no_yaml_anchors() -> None:
    assert crd() == DEFINITION
    assert "&id" not in crd_yaml()


def test_making_it_twice_gives_the_same() -> None:
    assert crd_yaml() == crd_yaml()


def test_every_field_is_described() -> None:
    undescribed = [
        path
        for path, node in nodes(SCHEMA)
        if "description" not in node
        and path.rpartition(".")[2] not in ("items", "additionalProperties")
        and path != ".metadata"
    ]
    assert undescribed == []


def test_names_columns_and_subresources() -> None:
    names = DEFINITION["spec"]["names"]
    assert (names["shortNames"], names["categories"]) == (["tj"], ["all", "trainmaster"])
    assert [column["name"] for column in VERSION["additionalPrinterColumns"]] == [
        "State", "Framework", "Workers", "GPUs", "Queue", "Restarts", "Age",
    ]  # fmt: skip
    assert set(VERSION["subresources"]) == {"status", "scale"}


def _type_at(json_path: str) -> str:
    node = SCHEMA
    for step in json_path.removeprefix(".").split("."):
        node = node.get("properties", {}).get(step) or node["additionalProperties"]
    return str(node["type"])


@pytest.mark.parametrize(
    "column", VERSION["additionalPrinterColumns"][:-1], ids=lambda column: column["name"]
)
def test_a_column_shows_a_field_of_its_type(column: dict[str, str]) -> None:
    assert _type_at(column["jsonPath"]) == column["type"]


@pytest.mark.parametrize("path", ["specReplicasPath", "statusReplicasPath"])
def test_scaling_reads_and_writes_the_number_of_workers(path: str) -> None:
    assert _type_at(VERSION["subresources"]["scale"][path]) == "integer"


def test_no_default_of_a_field_that_restarts_is_written_into_objects() -> None:
    with_default = {path for path, node in nodes(SPEC) if "default" in node}
    assert with_default == {
        ".queue", ".priority", ".gang", ".gang.minAvailable", ".gang.timeout",
        ".roles.additionalProperties.replicas", ".roles.additionalProperties.restartPolicy",
        ".runPolicy", ".runPolicy.backoffLimit", ".runPolicy.backoff", ".runPolicy.backoff.base",
        ".runPolicy.backoff.max", ".runPolicy.ttlDeletesResource", ".runPolicy.suspend",
    }  # fmt: skip


def test_a_default_that_is_left_out_is_said() -> None:
    assert SPEC["properties"]["framework"]["description"].endswith("Default: Generic.")


def test_the_server_adds_nothing_to_status() -> None:
    assert not [path for path, node in nodes(SCHEMA["properties"]["status"]) if "default" in node]


def test_what_never_changes_is_guarded_by_the_server() -> None:
    rules = " ".join(rule["rule"] for rule in SPEC["x-kubernetes-validations"])
    assert "oldSelf.queue" in rules
    assert "oldSelf.user" in rules


def test_the_limit_of_replicas_is_said_in_numbers() -> None:
    messages = [rule["message"] for rule in SPEC["properties"]["roles"]["x-kubernetes-validations"]]
    assert f"one job may have {MAX_REPLICAS} replicas" in messages


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ({"$ref": "#/x"}, "$ref isn't allowed"),
        ({"anyOf": [{"type": "string"}], "type": "string"}, "anyOf isn't allowed"),
        ({"title": "X", "type": "string"}, "title isn't allowed"),
        ({}, "has no type"),
        ({"type": "array"}, "must say of what"),
        ({"type": "string", "x-kubernetes-int-or-string": True}, "must have no type"),
        ({"type": "string", "default": None}, "may be null only"),
        ({"type": "object", "required": ["a"]}, "requires a"),
    ],
)
def test_the_checker_finds_what_a_server_refuses(broken: dict[str, Any], says: str) -> None:
    found = violations({"type": "object", "properties": {"spec": broken}})
    assert any(says in sentence for sentence in found)
