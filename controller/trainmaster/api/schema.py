"""The fields of a TrainingJob as one plain tree: what the resource definition, `explain` and the reference share.

Made from the pydantic models: JSON schema with everything written out in place, in the form that Kubernetes
calls structural. Beside that form each node may carry EDIT_KEY, which crd.py takes out.
Structural schemas:
https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel

from trainmaster.api.job import TrainingJob
from trainmaster.api.status import JobStatus

Schema = dict[str, Any]
INT_OR_STRING = "x-kubernetes-int-or-string"
_DROPPED = ("title", "$ref", "$defs", "anyOf", "const", "patternProperties", "propertyNames")
"""keys of pydantic's JSON schema that have no place in a structural one"""


@cache
def job_schema() -> Schema:
    """The whole of a TrainingJob, its status included. Shared: not to be changed."""
    schema = structural(TrainingJob)
    schema["properties"]["status"] = {
        **structural(JobStatus),
        "description": "What was seen of the job. It is made anew at each look and never read back.",
    }
    return schema


def structural(model: type[BaseModel]) -> Schema:
    """One model as a structural schema, with wire names and wire forms."""
    # In serialization mode defaults come out as they'd be written: 5m, not 300.0.
    raw = model.model_json_schema(by_alias=True, mode="serialization")
    return _plain(raw, raw.get("$defs", {}))


def _plain(node: Mapping[str, Any], defs: Mapping[str, Any]) -> Schema:
    plain = {**_referred(node, defs), **{k: v for k, v in node.items() if k not in _DROPPED}}
    if plain.get("default", ...) is None:
        del plain["default"]
    if "const" in node:
        plain["enum"] = [node["const"]]
    if plain.get("additionalProperties") is False:
        del plain["additionalProperties"]  # Kubernetes refuses or prunes unknown fields by itself
    if "description" in plain:
        plain["description"] = " ".join(plain["description"].split())
    if "patternProperties" in node:  # a map whose keys have a form; the form itself becomes a rule in crd.py
        (node,) = ({"additionalProperties": of} for of in node["patternProperties"].values())
    for key in ("items", "additionalProperties"):
        if isinstance(node.get(key), dict):
            plain[key] = _plain(node[key], defs)
    if "properties" in node:
        plain["properties"] = {name: _plain(child, defs) for name, child in node["properties"].items()}
    return plain


def _referred(node: Mapping[str, Any], defs: Mapping[str, Any]) -> Schema:
    """What the node takes from elsewhere: a named type, or the one type that it has beside null."""
    if "$ref" in node:
        return _plain(defs[node["$ref"].rpartition("/")[2]], defs)
    choices = [choice for choice in node.get("anyOf", ()) if choice.get("type") != "null"]
    if len(choices) > 1:
        raise AssertionError(f"no structural schema has a choice of types: {choices}")
    return _plain(choices[0], defs) if choices else {}  # the API server takes null for left out


def child(schema: Schema, step: str | int) -> Schema | None:
    """The schema of one key or index below this one; None for a field that doesn't exist."""
    if isinstance(step, int):
        return schema.get("items")
    found: Schema | None = schema.get("properties", {}).get(step)
    return found or schema.get("additionalProperties")


def at(path: tuple[str | int, ...]) -> Schema | None:
    """The schema of the field at a path of wire names, map keys and list indexes; None where there is none."""
    schema: Schema | None = job_schema()
    for step in path:
        schema = child(schema, step) if schema else None
    return schema


def field_paths(schema: Schema, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Schema]]:
    """Every field below, parents first; any key of a map is written as <name>, any place in a list as []."""
    for name, below in schema.get("properties", {}).items():
        yield (*path, name), below
        yield from field_paths(below, (*path, name))
    for key, step in (("additionalProperties", "<name>"), ("items", "[]")):
        if isinstance(schema.get(key), dict):
            yield from field_paths(schema[key], (*path, step))
