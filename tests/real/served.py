"""TrainingJobs in one namespace of a real API server, as kubectl and as a program see them."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml
from kubernetes import client, config

from trainmaster.api.crd import PLURAL
from trainmaster.api.job import API_VERSION, GROUP, KIND, VERSION
from trainmaster.local.kubernetes.controlplane import LocalKubernetes

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ran:
    """One run of kubectl."""

    code: int
    out: str
    err: str


class Served:
    """What a test does with the jobs of one namespace."""

    def __init__(self, control_plane: LocalKubernetes, namespace: str) -> None:
        self._program, self._environ = str(control_plane.program("kubectl")), control_plane.environment
        self.namespace = namespace
        self._api = client.CustomObjectsApi(config.new_client_from_config(str(control_plane.kubeconfig)))
        self._place = {"group": GROUP, "version": VERSION, "namespace": namespace, "plural": PLURAL}

    def close(self) -> None:
        self._api.api_client.close()

    def kubectl(self, *arguments: str, stdin: str = "") -> Ran:
        """Run kubectl in the namespace; nothing is raised."""
        command = [self._program, "--namespace", self.namespace, *arguments]
        environ = os.environ | self._environ
        done = subprocess.run(command, env=environ, input=stdin, capture_output=True, text=True, check=False)
        return Ran(done.returncode, done.stdout, done.stderr)

    def ok(self, *arguments: str, document: Mapping[str, Any] | None = None) -> str:
        """What kubectl prints when it succeeds without a word of warning."""
        ran = self.kubectl(*arguments, stdin=yaml.safe_dump(document) if document else "")
        assert (ran.code, ran.err) == (0, ""), ran.err
        return ran.out

    def create(self, spec: Mapping[str, Any], name: str = "a", **metadata: Any) -> Document:
        """The object as the API server keeps it."""
        return self._create(job(spec, name, **metadata))

    def refusal(self, spec: Mapping[str, Any], name: str = "a") -> list[tuple[str, str]]:
        """(field, sentence) of each thing for which the API server would refuse the job; empty when it would take it."""
        try:
            self._create(job(spec, name), dry_run="All", field_validation="Strict")
        except client.ApiException as error:
            return _causes(json.loads(error.body))
        return []

    def get(self, name: str = "a") -> Document:
        return self._api.get_namespaced_custom_object(**self._place, name=name)

    def show(self, status: Mapping[str, Any], name: str = "a") -> Document:
        """Patch the status, as a controller does."""
        body = {"status": status}
        return self._api.patch_namespaced_custom_object_status(**self._place, name=name, body=body)

    def _create(self, document: Document, **options: str) -> Document:
        return self._api.create_namespaced_custom_object(**self._place, body=document, **options)


def job(spec: Mapping[str, Any], name: str = "a", **metadata: Any) -> Document:
    """A whole document."""
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": name, **metadata},
        "spec": dict(spec),
    }


def _causes(answer: Document) -> list[tuple[str, str]]:
    causes = answer.get("details", {}).get("causes", [])
    return [(cause.get("field", ""), cause["message"]) for cause in causes] or [("", answer["message"])]
