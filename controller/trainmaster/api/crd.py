"""The custom resource definition of TrainingJob, made from the models: the text of crds/trainingjobs.yaml.

Lives here: what Kubernetes wants beside the fields (names, columns, subresources, rules in CEL). Never here: a
field. The defaults of fields whose edit restarts a job are left out on purpose: the API server would write them
into the object as if the user had, and a new default of a new release would restart what runs.
"""

from __future__ import annotations

import copy
import json
from typing import Any

import yaml

from trainmaster.api import schema
from trainmaster.api.edits import EDIT_KEY, Edit
from trainmaster.api.job import CHIEF_ROLES, GROUP, KIND, MAX_REPLICAS, ROLE_NAME, VERSION, WORKER_ROLE
from trainmaster.api.schema import Schema

PLURAL = "trainingjobs"
HEADER = "# Made from controller/trainmaster/api by `make crds`; edits go there.\n"
EDIT_SENTENCES = {
    Edit.LIVE: "An edit is taken over without a restart.",
    Edit.RESTART: "An edit restarts the job once, uncharged.",
    Edit.IMMUTABLE: "Can't be edited.",
}

_REPLICAS = ".roles.worker.replicas"
_COLUMNS = (
    ("State", "string", ".status.state"),
    ("Framework", "string", ".spec.framework"),
    ("Workers", "string", ".status.workersSummary"),
    ("GPUs", "integer", ".status.gpus"),
    ("Queue", "string", ".spec.queue"),
    ("Restarts", "integer", ".status.restarts"),
    ("Age", "date", ".metadata.creationTimestamp"),
)
_ROOT_RULES = (("self.metadata.name.size() <= 63", "metadata.name may have 63 characters"),)
_SPEC_RULES = (
    ("self.queue == oldSelf.queue", "queue can't change in the life of a job"),
    (
        "has(self.user) == has(oldSelf.user) && (!has(self.user) || self.user == oldSelf.user)",
        "user can't change in the life of a job",
    ),
    (
        "type(self.gang.minAvailable) == string"
        " || self.gang.minAvailable <= self.roles.map(name, self.roles[name].replicas).sum()",
        "gang.minAvailable is more than all roles have replicas",
    ),
    (
        "!has(self.successPolicy) || self.successPolicy == 'Chief' || 'worker' in self.roles",
        f"successPolicy AnyWorker and AllWorkers need a role {WORKER_ROLE}",
    ),
    (
        "!has(self.successPolicy) || self.successPolicy != 'Chief' || 'chief' in self.roles || 'master' in self.roles"
        " || (has(self.framework) && self.framework == 'TensorFlow' && 'worker' in self.roles)",
        f"successPolicy Chief needs a role {' or '.join(CHIEF_ROLES)}",
    ),
)
_ROLES_RULES = (
    (
        f"self.all(name, name.size() <= 32 && name.matches('{ROLE_NAME}'))",
        "a role's name is up to 32 lower-case letters, digits and -, and begins with a letter",
    ),
    ("self.map(name, self[name].replicas).sum() >= 1", "all roles together need at least one replica"),
    (
        f"self.map(name, self[name].replicas).sum() <= {MAX_REPLICAS}",
        f"one job may have {MAX_REPLICAS} replicas",
    ),
)


def crd_yaml() -> str:
    """The whole text of crds/trainingjobs.yaml."""
    apart = json.loads(json.dumps(crd()))  # parts that are shared would come out as YAML anchors
    return HEADER + yaml.safe_dump(apart, sort_keys=False, width=110, allow_unicode=True)


def crd() -> dict[str, Any]:
    """The definition as a plain document of apiextensions.k8s.io/v1."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{PLURAL}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": KIND,
                "listKind": f"{KIND}List",
                "plural": PLURAL,
                "singular": KIND.lower(),
                "shortNames": ["tj"],
                "categories": ["all", "trainmaster"],
            },
            "versions": [_version()],
        },
    }


def _version() -> dict[str, Any]:
    replicas = {"specReplicasPath": f".spec{_REPLICAS}", "statusReplicasPath": ".status.roles.worker.running"}
    return {
        "name": VERSION,
        "served": True,
        "storage": True,
        "additionalPrinterColumns": [{"name": n, "type": t, "jsonPath": p} for n, t, p in _COLUMNS],
        "subresources": {"status": {}, "scale": replicas},
        "schema": {"openAPIV3Schema": _whole()},
    }


def _whole() -> Schema:
    whole = _kubernetes(copy.deepcopy(schema.job_schema()))
    fields = whole["properties"]
    _without_defaults(fields["status"])
    for name in ("apiVersion", "kind"):  # the API server's own, and checked by it
        fields[name] = {"type": "string", "description": fields[name]["description"]}
    fields["metadata"] = {"type": "object"}
    whole["required"] = ["spec"]
    whole["x-kubernetes-validations"] = _rules(_ROOT_RULES)
    spec = fields["spec"]
    spec["x-kubernetes-validations"] = _rules(_SPEC_RULES)
    spec["properties"]["roles"]["x-kubernetes-validations"] = _rules(_ROLES_RULES)
    conditions = fields["status"]["properties"]["conditions"]
    conditions |= {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}
    return whole


def _rules(rules: tuple[tuple[str, str], ...]) -> list[dict[str, str]]:
    return [{"rule": rule, "message": message} for rule, message in rules]


def _kubernetes(node: Schema, restarts: bool = False) -> Schema:
    """The node without our own markers, its children likewise; what they say goes into the description."""
    edit = node.pop(EDIT_KEY, None)
    restarts = restarts or edit == Edit.RESTART
    if edit:
        node["description"] = f"{_sentence(node['description'])} {EDIT_SENTENCES[edit]}"
    if restarts and "default" in node:
        _say_default(node, node.pop("default"))
    elif "properties" in node and "default" in node:
        node["default"] = {}  # the fields below bring their own
    for child in _children(node):
        _kubernetes(child, restarts)
    return node


def _without_defaults(node: Schema) -> None:
    """Status says what was seen: the API server must not add to it."""
    node.pop("default", None)
    for child in _children(node):
        _without_defaults(child)


def _say_default(node: Schema, default: object) -> None:
    if default not in ("", []) and not isinstance(default, dict):
        node["description"] = f"{_sentence(node['description'])} Default: {default}."


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _children(node: Schema) -> list[Schema]:
    below = [node[key] for key in ("items", "additionalProperties") if isinstance(node.get(key), dict)]
    return [*node.get("properties", {}).values(), *below]
