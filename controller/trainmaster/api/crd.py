"""The custom resource definition of TrainingJob, made from the models: the text of crds/trainingjobs.yaml.

Lives here: what Kubernetes wants beside the schema (names, columns, subresources). Never here: a field (job.py), a rule
(cel.py), or how either is told (crd_schema.py).
Kubernetes 1.31 or newer takes all of it; 1.30 leaves selectableFields out, its youngest part.
"""

from __future__ import annotations

import json
from typing import Any

import yaml

from trainmaster.api.crd_schema import kubernetes_schema
from trainmaster.api.job import GROUP, KIND, VERSION
from trainmaster.json_text import loads

PLURAL = "trainingjobs"
HEADER = "# Made from controller/trainmaster/api by `make crds`; edits go there.\n"
COLUMNS = (
    ("State", "string", ".status.state"),
    ("Workers", "string", ".status.workersSummary"),
    ("Queue", "string", ".spec.queue"),
    ("Age", "date", ".metadata.creationTimestamp"),
)
"""what `kubectl get` shows, within 80 columns also for all namespaces (`-A`), with names as people give them"""
WIDE_COLUMNS = (
    ("Framework", "string", ".status.framework"),
    ("GPUs", "integer", ".status.gpus"),
    ("Restarts", "integer", ".status.restarts"),
    ("Step", "integer", ".status.progress.step"),
    ("User", "string", ".status.user"),
    ("Application", "string", ".status.applicationId"),
    ("Started", "date", ".status.startTime"),
    ("Reason", "string", '.status.conditions[?(@.type=="Ready")].reason'),
)
"""what `-o wide` adds"""
SELECTABLE = (
    ".spec.queue",
    ".spec.framework",
    ".spec.user",
    ".status.state",
    ".status.framework",
    ".status.user",
    ".status.applicationId",
)
"""what --field-selector takes beside name and namespace; at most eight"""
SCALE = {
    "specReplicasPath": ".spec.roles.worker.replicas",
    "statusReplicasPath": ".status.roles.worker.running",
    "labelSelectorPath": ".status.selector",
}


def crd_yaml() -> str:
    """The whole text of crds/trainingjobs.yaml."""
    apart = loads(json.dumps(crd()))  # parts that are shared would come out as YAML anchors
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
    columns = [_column(*column) for column in COLUMNS]
    return {
        "name": VERSION,
        "served": True,
        "storage": True,
        "additionalPrinterColumns": [*columns, *(_column(*column, priority=1) for column in WIDE_COLUMNS)],
        "selectableFields": [{"jsonPath": path} for path in SELECTABLE],
        "subresources": {"status": {}, "scale": SCALE},
        "schema": {"openAPIV3Schema": kubernetes_schema()},
    }


def _column(name: str, type_: str, path: str, **more: int) -> dict[str, Any]:
    return {"name": name, "type": type_, "jsonPath": path, **more}
