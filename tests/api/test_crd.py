"""The resource definition: legal for an API server, complete for a person, and careful with defaults."""

import re
from typing import Any

import pytest
import yaml

from api.structural import nodes, violations
from trainmaster.api import cel, messages
from trainmaster.api.cel_rule import Rule
from trainmaster.api.crd import crd, crd_yaml
from trainmaster.api.crd_schema import EDIT_SENTENCES, KEYS
from trainmaster.api.foreign import RESOURCES

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


FOREIGN = tuple(f".resources.{name}" for name in RESOURCES)
"""fields of other systems, which are there to be refused"""
FIELDS = [
    (path, node)
    for path, node in nodes(SCHEMA)
    if path not in ("", ".metadata") and path.rpartition(".")[2] not in ("items", "additionalProperties")
]


@pytest.mark.parametrize(("path", "node"), FIELDS, ids=[path for path, _ in FIELDS])
def test_every_field_is_described_in_sentences(path: str, node: dict[str, Any]) -> None:
    text = node["description"]
    assert re.match(r"[A-Z`]|true ", text), text
    assert text.endswith("."), text
    assert "  " not in text


@pytest.mark.parametrize(
    ("path", "node"),
    [(path, node) for path, node in nodes(SPEC) if not path.endswith(FOREIGN)],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_a_person_may_write_says_its_words_its_default_and_what_an_edit_does(
    path: str, node: dict[str, Any]
) -> None:
    text = node.get("description", "")
    for word in node.get("enum", ()):
        assert f"\n - `{word}`: " in text
    if not isinstance(node.get("default", {}), dict):
        assert f"Default: {str(node['default']).lower()}." in text.replace(
            str(node["default"]), str(node["default"]).lower()
        )
    if path not in ("", ".roles", ".roles.additionalProperties"):
        assert any(sentence in text for sentence in EDIT_SENTENCES.values())


def test_every_list_and_map_is_bounded_and_says_how_it_is_merged() -> None:
    for path, node in nodes(SCHEMA):
        if node.get("type") == "array":
            assert "maxItems" in node, path
            assert node["x-kubernetes-list-type"] in ("map", "atomic"), path
        if isinstance(node.get("additionalProperties"), dict):
            assert "maxProperties" in node, path


def test_every_text_of_the_spec_is_bounded() -> None:
    closed = ("maxLength", "enum")
    assert not [
        path
        for path, node in nodes(SPEC)
        if node.get("type") == "string" and not any(k in node for k in closed)
    ]


def test_entries_with_names_are_merged_by_name() -> None:
    merged = {path for path, node in nodes(SCHEMA) if node.get("x-kubernetes-list-type") == "map"}
    roles = ".spec.roles.additionalProperties"
    assert merged == {".spec.env", f"{roles}.env", f"{roles}.startAfter", ".status.conditions"}
    assert len(merged) == len(KEYS)


def test_names_columns_and_subresources() -> None:
    names = DEFINITION["spec"]["names"]
    assert (names["shortNames"], names["categories"]) == (["tj"], ["all", "trainmaster"])
    assert [column["name"] for column in VERSION["additionalPrinterColumns"]] == [
        "State", "Workers", "Queue", "Age",
        "Framework", "GPUs", "Restarts", "Step", "User", "Application", "Started", "Reason",
    ]  # fmt: skip
    assert [column["name"] for column in VERSION["additionalPrinterColumns"] if "priority" not in column][
        -1
    ] == "Age"
    namespace, name, longest = (
        "recommendations",
        "mnist-resnet50-v2",
        {"State": "Restarting", "Queue": "root.training"},
    )
    shown = [c["name"] for c in VERSION["additionalPrinterColumns"] if "priority" not in c]
    widths = [len(namespace), len(name), *(max(len(c), len(longest.get(c, ""))) for c in shown)]
    assert sum(width + 3 for width in widths) - 3 <= 80  # kubectl puts three blanks between columns
    assert set(VERSION["subresources"]) == {"status", "scale"}


def _node_at(json_path: str) -> dict[str, Any]:
    node = SCHEMA
    for step in json_path.removeprefix(".").split("."):
        node = node.get("properties", {}).get(step) or node["additionalProperties"]
    return node


COLUMNS = [c for c in VERSION["additionalPrinterColumns"] if c["name"] not in ("Age", "Reason")]
"""those of fields that the schema itself has"""


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column["name"])
def test_a_column_shows_a_field_of_its_type(column: dict[str, str]) -> None:
    node = _node_at(column["jsonPath"])
    assert column["type"] == ("date" if node.get("format") == "date-time" else node["type"])


@pytest.mark.parametrize("field", VERSION["selectableFields"], ids=lambda field: field["jsonPath"])
def test_a_field_to_select_by_is_a_plain_value(field: dict[str, str]) -> None:
    assert _node_at(field["jsonPath"])["type"] == "string"


def test_no_more_fields_to_select_by_than_a_server_takes() -> None:
    assert len(VERSION["selectableFields"]) <= 8


@pytest.mark.parametrize("path", ["specReplicasPath", "statusReplicasPath"])
def test_scaling_reads_and_writes_the_number_of_workers(path: str) -> None:
    assert _node_at(VERSION["subresources"]["scale"][path])["type"] == "integer"


def test_no_default_of_a_field_that_restarts_is_written_into_objects() -> None:
    with_default = {path for path, node in nodes(SPEC) if "default" in node}
    assert with_default == {
        ".queue", ".priority", ".nodeCheck.timeout", ".nodeCheck.pairs", ".gang", ".gang.minAvailable", ".gang.timeout",
        ".roles.additionalProperties.replicas", ".roles.additionalProperties.restartPolicy",
        ".roles.additionalProperties.elastic.patience", ".roles.additionalProperties.elastic.growAfter",
        ".scaling", ".runPolicy", ".runPolicy.backoffLimit", ".runPolicy.backoff", ".runPolicy.backoff.base",
        ".runPolicy.backoff.max", ".runPolicy.ttlDeletesResource", ".runPolicy.suspend", ".runPolicy.rerun",
    }  # fmt: skip


def test_a_default_that_is_left_out_is_said() -> None:
    assert "Default: Generic. An edit" in SPEC["properties"]["framework"]["description"]


def test_the_server_neither_adds_to_status_nor_refuses_what_was_seen() -> None:
    checks = {"default", "minimum", "maximum", "pattern", "maxLength", "x-kubernetes-validations"}
    checked = [path for path, node in nodes(SCHEMA["properties"]["status"]) if checks & set(node)]
    assert checked == [""]  # the status of an object that nobody has seen
    closed = [path for path, node in nodes(SCHEMA["properties"]["status"]) if "enum" in node]
    assert closed == [".conditions.items.status"]


def test_nothing_is_described_by_nothing() -> None:
    assert not [path for path, node in nodes(SCHEMA) if node.get("description") == ""]


def test_a_new_object_is_not_taken_for_one_whose_newest_generation_was_seen() -> None:
    assert SCHEMA["properties"]["status"]["default"] == {"observedGeneration": -1}


def test_what_never_changes_is_guarded_by_the_server() -> None:
    guarded = {path for path, node in nodes(SPEC) for rule in _rules(node) if "== oldSelf" in rule["rule"]}
    assert guarded == {"", ".queue"}
    assert [rule["fieldPath"] for rule in _rules(SPEC) if "oldSelf" in rule["rule"]] == [".user"]


def _rules(node: dict[str, Any]) -> list[dict[str, Any]]:
    return node.get("x-kubernetes-validations", [])


def test_every_sentence_of_the_server_is_one_of_the_controllers() -> None:
    sentences = {value for name, value in vars(messages).items() if name.isupper()}
    assert {rule.message for rule in cel.rules()} <= sentences


def test_a_sentence_is_filled_in_by_the_server() -> None:
    rule = Rule((), "true", 'a "{x}" of {y}', {"x": "self.x", "y": "1"})
    assert rule.validation()["messageExpression"] == '"a \\"%s\\" of %s".format([self.x, 1])'


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ({"$ref": "#/x"}, "$ref isn't allowed"),
        ({"anyOf": [{"type": "string"}], "type": "string"}, "a choice may not say type"),
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


UNBOUNDED = 3 * 2**20 - 1
"""letters that an API server before Kubernetes 1.34 takes a number-or-text for (apiserver's pkg/cel/common/schemas.go)"""
MOST = 10_000_000
"""what a rule may cost (apiextensions' StaticEstimatedCostLimit)"""


def test_no_rule_on_numbers_or_text_costs_more_than_older_api_servers_allow() -> None:
    """A match costs a tenth of the text's length times a quarter of the pattern's (cel-go's checker/cost.go)."""
    for rule in cel.rules():
        patterns = re.findall(r"\.matches\((?:'|\")(.*?)(?:'|\")\)", rule.validation()["rule"])
        last = rule.at[-1] if rule.at else ""
        if last in ("timeout", "base", "max", "backoff", "minAvailable") or "Deadline" in last:
            assert sum(-(-UNBOUNDED // 10) * -(-len(each) // 4) for each in patterns) < MOST, rule
