"""An API server's own schemas in the layout of kubeconform, so that it validates offline and against that very server.

From the server's OpenAPI v3, which has the built-in kinds and every custom one that is defined at the time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from real import tools
from real.cluster import until
from trainmaster.local.kubernetes.controlplane import LocalKubernetes
from trainmaster.sources.kubernetes.connection import Connection, Request

Schema = dict[str, Any]

_LOCATION = "{{.Group}}/{{.ResourceAPIVersion}}/{{.ResourceKind}}.json"
"""its group of the oldest kinds, whose apiVersion is v1 alone, is that v1"""
_REF = "#/components/schemas/"
_KIND = "x-kubernetes-group-version-kind"
_OPEN = "x-kubernetes-preserve-unknown-fields"
_EITHER = "x-kubernetes-int-or-string"


def write_schemas(kubernetes: LocalKubernetes, folder: Path, definitions: Iterable[Schema]) -> None:
    """One file for each kind that the API server serves, in which every field is known or refused.

    A kind is published some moments after its definition is established: that of each of these is waited for.
    """
    connection = Connection(str(kubernetes.kubeconfig))
    for definition in definitions:
        until(partial(_is_published, connection, definition["spec"]))
    for path in _asked(connection, "/openapi/v3")["paths"]:
        if re.fullmatch(r"(api|apis/[^/]+)/v[^/]+", path):
            _write_group(_asked(connection, f"/openapi/v3/{path}")["components"]["schemas"], folder)


def _is_published(connection: Connection, definition: Schema) -> bool:
    version = next(each["name"] for each in definition["versions"] if each["storage"])
    path = f"apis/{definition['group']}/{version}"
    if path not in _asked(connection, "/openapi/v3")["paths"]:
        return False
    schemas = _asked(connection, f"/openapi/v3/{path}")["components"]["schemas"]
    kinds = {kind["kind"] for schema in schemas.values() for kind in schema.get(_KIND, ())}
    return definition["names"]["kind"] in kinds


def _asked(connection: Connection, path: str) -> Any:
    answer = connection.request(Request("GET", path, {}), timeout=60)
    assert answer.status == 200, f"{path} is answered with {answer.status}"
    return json.loads(answer.body)


def kubeconform(folder: Path, text: str) -> str:
    """What kubeconform has to say against these objects; empty when nothing. A kind without a schema is an error."""
    location = str(folder / _LOCATION)
    command = ["-strict", "-schema-location", location, "-output", "json", "-summary", "-"]
    done = tools.run("kubeconform", *command, stdin=text)
    answer = json.loads(done.stdout)
    assert answer["summary"]["valid"] + len(answer["resources"]) == len(
        re.findall(r"^kind:", text, re.MULTILINE)
    )
    return "\n".join(f"{each['kind']} {each['name']}: {each['msg']}" for each in answer["resources"])


def _write_group(schemas: dict[str, Schema], folder: Path) -> None:
    for schema in schemas.values():
        for kind in schema.get(_KIND, ()):
            needed = {name: _strict(schemas[name]) for name in _reached(schema, schemas)}
            whole = {**_strict(schema), "components": {"schemas": needed}}
            path = (
                folder / (kind["group"] or kind["version"]) / kind["version"] / f"{kind['kind'].lower()}.json"
            )
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(whole))


def _reached(schema: Schema, schemas: dict[str, Schema]) -> set[str]:
    """The names of all schemas that this one leads to."""
    found: set[str] = set()
    waiting = [schema]
    while waiting:
        new = set(_refs(waiting.pop())) - found
        found |= new
        waiting.extend(schemas[name] for name in new)
    return found


def _refs(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(ref := node.get("$ref"), str):
            yield ref.removeprefix(_REF)
        for below in node.values():
            yield from _refs(below)
    elif isinstance(node, list):
        for below in node:
            yield from _refs(below)


def _strict(node: Any) -> Any:
    """JSON Schema as a validator wants it: no unknown fields; numbers where Kubernetes takes either."""
    if isinstance(node, list):
        return [_strict(below) for below in node]
    if not isinstance(node, dict):
        return node
    schema = {key: _strict(below) for key, below in node.items() if key not in (_KIND, "default")}
    if _EITHER in schema:
        schema["type"] = ["integer", "string"]
    if "properties" in node:  # names, which may be such words as default
        schema["properties"] = {name: _strict(below) for name, below in node["properties"].items()}
        if _OPEN not in schema:
            schema.setdefault("additionalProperties", False)
    return schema
