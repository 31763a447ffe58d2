"""trainmaster on Kubernetes as a system under test: the same controller, with jobs as objects of a real API server."""

from __future__ import annotations

import getpass
import json
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import requests
import yaml

from bench.controller import Controller, Spec, spec_of, started, whole
from bench.systems import Job
from bench.yarn import until
from trainmaster.api.crd import PLURAL, crd_yaml
from trainmaster.api.job import GROUP, VERSION
from trainmaster.local.cluster import LocalHadoop
from trainmaster.local.kubernetes.audit import AuditLog, Call
from trainmaster.local.kubernetes.controlplane import LocalKubernetes
from trainmaster.local.kubernetes.options import KubernetesOptions

NAME = "trainmaster, Kubernetes"
ACCOUNT = "trainmaster"
APPLIERS = 16
"""objects that are sent to the API server at one time"""


class OnKubernetes(Controller):
    """One controller, and a namespace that is both the jobs' and its own."""

    name = NAME

    def __init__(self, plane: LocalKubernetes, namespace: str, pid: int, port: int, log: Path) -> None:
        super().__init__(pid, port, log)
        self._plane, self._namespace = plane, namespace
        self._url = f"{plane.url}/apis/{GROUP}/{VERSION}/namespaces/{namespace}/{PLURAL}"
        pki = plane.folder / "pki"
        self._web = requests.Session()
        self._web.trust_env = False
        self._web.verify = str(plane.ca)
        self._web.cert = (str(pki / "admin.crt"), str(pki / "admin.key"))
        self._web.mount("https://", requests.adapters.HTTPAdapter(pool_maxsize=APPLIERS))
        self._audit = AuditLog(plane.audit_log)

    def declare(self, job: Job) -> None:
        self._create(job.name, spec_of(job))

    def declare_all(self, _group: str, specs: Mapping[str, Spec]) -> float:
        """One request for each: the moment is that of the first."""
        declared = time.time()
        with ThreadPoolExecutor(APPLIERS) as pool:
            list(pool.map(self._create, specs, specs.values()))
        return declared

    def remove(self, job: Job) -> None:
        self.remove_named(job.name)

    def remove_named(self, name: str) -> None:
        self._web.delete(f"{self._url}/{name}", timeout=60).raise_for_status()

    def left(self) -> int:
        """Objects that are there."""
        found = self._web.get(self._url, timeout=60)
        found.raise_for_status()
        return len(found.json()["items"])

    def new_calls(self) -> list[Call]:
        """What the controller asked of the API server since the last look."""
        user = f"system:serviceaccount:{self._namespace}:{ACCOUNT}"
        return [call for call in self._audit.new() if call.user == user]

    @property
    def apiserver(self) -> int:
        """The process of the API server."""
        pid = next(daemon.pid for daemon in self._plane.status() if daemon.name == "kube-apiserver")
        assert pid, "it is up as long as the bench runs"
        return pid

    def close(self) -> None:
        self._web.close()

    def _create(self, name: str, spec: Spec) -> None:
        body = {**whole(spec), "metadata": {"name": name}}
        self._web.post(self._url, json=body, timeout=60).raise_for_status()


@contextmanager
def plane(folder: Path) -> Iterator[LocalKubernetes]:
    """A control plane that knows our kinds."""
    made = LocalKubernetes(folder, KubernetesOptions(audit=True))
    try:
        made.up()
        made.define(crd_yaml())
        yield made
    finally:
        made.down(purge=True)


@contextmanager
def running(hadoop: LocalHadoop, plane: LocalKubernetes, namespace: str, log: Path) -> Iterator[OnKubernetes]:
    """A controller that leads, for a namespace which is made if there is none."""
    plane.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(_objects(namespace)))
    variables = {
        "KUBECONFIG": str(plane.kubeconfig_for(namespace, ACCOUNT)),
        "TRAINMASTER_SOURCE": "kubernetes",
        "TRAINMASTER_KUBERNETES__NAMESPACE": namespace,
        "TRAINMASTER_KUBERNETES__NAMESPACES": json.dumps([namespace]),
        "TRAINMASTER_POLICY": json.dumps([{"namespace": namespace, "users": [getpass.getuser()]}]),
    }
    with started(hadoop.environment, variables, log) as (pid, port):
        ours = OnKubernetes(plane, namespace, pid, port, log)
        try:
            until("the controller to lead", ours.leading, 30, every=0.1)
            yield ours
        finally:
            ours.close()


def _objects(namespace: str) -> list[dict[str, object]]:
    """The namespace, and somebody who may do everything in it: what isn't needed costs nothing."""
    place = {"name": ACCOUNT, "namespace": namespace}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": place},
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": place,
            "roleRef": role,
            "subjects": [{"kind": "ServiceAccount", **place}],
        },
    ]
