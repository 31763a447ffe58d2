"""Whether a schema is structural, by the rules in the Kubernetes documentation, so that an API server takes it.

https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
"""

from collections.abc import Iterator
from typing import Any

ALLOWED = {
    "type", "properties", "additionalProperties", "items", "required", "description", "default", "nullable", "enum",
    "format", "pattern", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "minProperties",
    "maxProperties", "x-kubernetes-int-or-string", "x-kubernetes-validations", "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys", "x-kubernetes-map-type", "x-kubernetes-preserve-unknown-fields", "anyOf",
}  # fmt: skip
"""what we use; of the rest some is forbidden ($ref, propertyNames) and some unneeded"""
WITHOUT_TYPE = {"enum", "required", "maxProperties"}
"""what a choice may say: neither a type nor a field"""
TYPES = {"object", "array", "string", "integer", "number", "boolean"}


def violations(schema: dict[str, Any]) -> list[str]:
    """What is wrong with the schema of a whole resource, as sentences with paths."""
    return [*_root(schema), *_node(schema, "")]


def _root(schema: dict[str, Any]) -> Iterator[str]:
    if schema.get("type") != "object":
        yield "the root must be of type object"
    if "default" in schema or schema.get("nullable"):
        yield "the root must have neither default nor nullable"
    metadata = schema["properties"].get("metadata", {})
    if set(metadata) - {"type", "description"}:
        yield "metadata may not be restricted beyond its type"


def _node(node: dict[str, Any], path: str) -> Iterator[str]:
    yield from (f"{path}: {key} isn't allowed" for key in set(node) - ALLOWED)
    for choice in node.get("anyOf", ()):
        yield from (f"{path}: a choice may not say {key}" for key in set(choice) - WITHOUT_TYPE)
    if node.get("x-kubernetes-int-or-string") or node.get("x-kubernetes-preserve-unknown-fields"):
        if "type" in node:
            yield f"{path}: int-or-string, or any type, must have no type"
    elif node.get("type") not in TYPES:
        yield f"{path}: has no type"
    if "properties" in node and "additionalProperties" in node:
        yield f"{path}: properties and additionalProperties exclude each other"
    if node.get("type") == "array" and "items" not in node:
        yield f"{path}: a list must say of what"
    if node.get("default", ...) is None:
        yield f"{path}: a default may be null only where it is nullable; say nothing instead"
    yield from (f"{path}: requires {name}, which isn't there" for name in _unknown_required(node))
    for name, child in _children(node):
        yield from _node(child, f"{path}.{name}")


def _unknown_required(node: dict[str, Any]) -> set[str]:
    return set(node.get("required", ())) - set(node.get("properties", {}))


def _children(node: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from node.get("properties", {}).items()
    for key in ("items", "additionalProperties"):
        if key in node:
            yield key, node[key]


def nodes(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """The schema and everything below it, by path."""
    yield path, schema
    for name, child in _children(schema):
        yield from nodes(child, f"{path}.{name}")
