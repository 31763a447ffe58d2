"""Jobs declared to a real API server with kubectl, and a controller that has exactly the rights that it is shipped with."""

from __future__ import annotations

import getpass
import json
import socket
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml
from kubernetes import client, config, watch

from real.admission import KINDS as WEBHOOKS
from real.admission import shipped
from real.rooms import Fields, Room
from trainmaster.api.crd import PLURAL
from trainmaster.api.job import GROUP, VERSION
from trainmaster.api.status import ConditionType, JobStatus
from trainmaster.errors import RefusedError
from trainmaster.local.cluster import LocalHadoop
from trainmaster.local.kubernetes.controlplane import LocalKubernetes
from trainmaster.local.services import LOOPBACK
from trainmaster.settings import Kubernetes as KubernetesSettings
from trainmaster.settings import Webhook
from trainmaster.sources.kubernetes.records import UID
from trainmaster.sources.kubernetes.rights import Right, Where, needed

ACCOUNT = "trainmaster"
"""the controller's ServiceAccount"""
KINDS = f"{PLURAL}.{GROUP}"


class KubernetesRoom(Room):
    """A namespace of jobs and one of the controller's own, which other rooms' controllers don't see."""

    def __init__(self, kubernetes: LocalKubernetes, hadoop: LocalHadoop, folder: Path) -> None:
        super().__init__(hadoop, folder)
        self.kubernetes = kubernetes
        number = uuid.uuid4().hex[:8]
        self.namespace, self.own = f"jobs-{number}", f"controller-{number}"
        self._jobs = client.CustomObjectsApi(config.new_client_from_config(str(kubernetes.kubeconfig)))
        self.grant(needed(self._scope))
        self._lead_before()
        self._others: list[str] = []
        self.account = kubernetes.kubeconfig_for(self.own, ACCOUNT)

    def _lead_before(self) -> None:
        """As if a controller had been here and left cleanly: a new installation waits for its lease's duration once."""
        lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": ACCOUNT}}
        self.kubernetes.kubectl("create", "-n", self.own, "-f", "-", stdin=yaml.safe_dump(lease))

    def settings(self) -> dict[str, str]:
        policy = [{"namespace": self.namespace, "users": [getpass.getuser()]}]
        return {
            "KUBECONFIG": str(self.account),
            "TRAINMASTER_SOURCE": "kubernetes",
            "TRAINMASTER_KUBERNETES__NAMESPACE": self.own,
            "TRAINMASTER_KUBERNETES__NAMESPACES": json.dumps([self.namespace]),
            "TRAINMASTER_POLICY": json.dumps(policy),
        }

    def grant(self, rights: Iterable[Right]) -> None:
        """Let the controller have just these rights."""
        objects = [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}},
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.own}},
            {
                "apiVersion": "v1",
                "kind": "ServiceAccount",
                "metadata": {"name": ACCOUNT, "namespace": self.own},
            },
        ]
        rights = list(rights)
        for where, namespace in ((Where.OWN, self.own), (Where.JOBS, self.namespace)):
            rules = [right.rule for right in rights if right.where is where]
            objects += _role(namespace, rules, self.own)
        self.kubernetes.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(objects))

    def opens(self) -> dict[str, str]:
        """Have a controller with these settings read Secrets and ConfigMaps of the jobs' namespace, by that right alone."""
        table = needed(self._scope.model_copy(update={"secret_namespaces": (self.namespace,)}))
        objects = _role(
            self.namespace, [right.rule for right in table if right.where is Where.VALUES], self.own
        )
        for each in objects:
            each["metadata"]["name"] = "values"
        objects[1]["roleRef"]["name"] = "values"
        self.kubernetes.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(objects))
        return {"TRAINMASTER_KUBERNETES__SECRET_NAMESPACES": json.dumps([self.namespace])}

    def may(self, verb: str, resource: str) -> bool:
        """Whether the API server would let the controller do this to jobs by now: a right goes a moment after its role."""
        account = f"system:serviceaccount:{self.own}:{ACCOUNT}"
        try:
            self.kubernetes.kubectl("auth", "can-i", verb, resource, "-n", self.namespace, "--as", account)
        except RefusedError:  # it says no with its exit code
            return False
        return True

    def grant_everywhere(self) -> None:
        """Let it have the rights about jobs in the whole cluster, as the chart grants them where no namespaces are named."""
        rules = [right.rule for right in needed(self._scope) if right.where is Where.JOBS]
        objects = _role("", rules, self.own)
        self.kubernetes.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(objects))

    def another(self) -> dict[str, str]:
        """Settings of a second installation of the same name, in a namespace of its own, which looks at the same jobs."""
        own = f"{self.own}-2"
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": own}}
        account = {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": ACCOUNT, "namespace": own},
        }
        lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease"}
        lease["metadata"] = {"name": ACCOUNT, "namespace": own}
        objects = [namespace, account, lease]
        for where, place in ((Where.OWN, own), (Where.JOBS, self.namespace)):
            rules = [right.rule for right in needed(self._scope) if right.where is where]
            role, binding = _role(place, rules, own)
            role["metadata"]["name"] = binding["roleRef"]["name"] = own
            objects += [role, binding]
        self.kubernetes.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(objects))
        self._others.append(own)
        kubeconfig = self.kubernetes.kubeconfig_for(own, ACCOUNT)
        return {"KUBECONFIG": str(kubeconfig), "TRAINMASTER_KUBERNETES__NAMESPACE": own}

    def guard(self) -> dict[str, str]:
        """Have a controller with these settings asked about the room's jobs, by the webhook configurations that are shipped."""
        with socket.create_server((LOOPBACK, 0)) as free:
            port: int = free.getsockname()[1]
        webhook = Webhook(port=port, configuration=self.own)
        table = needed(self._scope.model_copy(update={"webhook": webhook}))
        rules = [right.rule for right in table if right.where is Where.CLUSTER]
        objects = [*_role("", rules, self.own), *(self._pointed(shipped(kind), port) for kind in WEBHOOKS)]
        self.kubernetes.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(objects))
        prefix = "TRAINMASTER_KUBERNETES__WEBHOOK"
        return {
            f"{prefix}__PORT": str(port),
            f"{prefix}__LISTEN": LOOPBACK,
            f"{prefix}__CONFIGURATION": self.own,
        }

    def _pointed(self, configuration: dict[str, Any], port: int) -> dict[str, Any]:
        """For this room's jobs only, and by URL: there is no network of Services."""
        configuration["metadata"] = {"name": self.own}
        for webhook in configuration["webhooks"]:
            path = webhook["clientConfig"]["service"]["path"]
            webhook["clientConfig"] = {"url": f"https://{LOOPBACK}:{port}{path}"}
            webhook["namespaceSelector"] = {"matchLabels": {"kubernetes.io/metadata.name": self.namespace}}
        return configuration

    @property
    def _scope(self) -> KubernetesSettings:
        return KubernetesSettings(namespace=self.own, namespaces=(self.namespace,))

    def kubectl(self, *arguments: str, stdin: str = "") -> str:
        """As somebody who may do everything, in the jobs' namespace."""
        return self.kubernetes.kubectl("-n", self.namespace, *arguments, stdin=stdin)

    def apply(self, name: str, text: str) -> None:
        self.kubectl("apply", "-f", "-", stdin=text)

    def edit(self, name: str, fields: Fields) -> None:
        patch: dict[str, Any] = {}
        for (*above, last), value in fields.items():
            node = patch
            for part in above:
                node = node.setdefault(part, {})
            node[last] = value
        self.kubectl("patch", KINDS, name, "--type=merge", "-p", json.dumps(patch))

    def delete(self, name: str) -> None:
        self.kubectl("delete", KINDS, name, "--wait=false", "--ignore-not-found")

    def names(self) -> list[str]:
        return list(self.statuses())

    def statuses(self) -> dict[str, JobStatus]:
        """What is shown of each job."""
        found = self._jobs.list_namespaced_custom_object(GROUP, VERSION, self.namespace, PLURAL)
        return {item["metadata"]["name"]: _status(item) for item in found["items"]}

    def object(self, name: str) -> dict[str, Any]:
        """The whole object."""
        return self._jobs.get_namespaced_custom_object(GROUP, VERSION, self.namespace, PLURAL, name)

    def status(self, name: str) -> JobStatus:
        return _status(self.object(name))

    def secrets(self, name: str) -> list[str]:
        """The journal records of a job."""
        uid = self.object(name)["metadata"]["uid"]
        return self.journal(uid)

    def journal(self, uid: str) -> list[str]:
        """The journal records of a uid, as names of Secrets."""
        found = self.kubernetes.kubectl("get", "secrets", "-n", self.own, "-o", "name", "-l", f"{UID}={uid}")
        return [line.removeprefix("secret/") for line in found.split()]

    def history(self, name: str, end: ConditionType, timeout: int = 60) -> Iterator[JobStatus]:
        """Each status that the API server shows of a job from now on, to the one in which this condition is true."""
        watching = watch.Watch().stream(
            self._jobs.list_namespaced_custom_object,
            *(GROUP, VERSION, self.namespace, PLURAL),
            field_selector=f"metadata.name={name}",
            timeout_seconds=timeout,
        )
        for event in watching:
            status = _status(event["object"])
            yield status
            if status.is_true(end):
                return
        raise AssertionError(f"{name} was not {end} within {timeout} s")

    def take_away(self) -> None:
        self.kubernetes.kill("kube-apiserver")

    def bring_back(self) -> None:
        self.kubernetes.start("kube-apiserver")
        self.kubernetes.wait_ready(60)

    def close(self) -> None:
        self.kubernetes.up()  # a failed test may have left it down
        super().close()
        free: dict[str, Any] = {"metadata": {"finalizers": None}}  # nobody is there any more to let them go
        for name in self.names():
            self._jobs.patch_namespaced_custom_object(GROUP, VERSION, self.namespace, PLURAL, name, free)
        self._delete("namespace", self.namespace, self.own, *self._others, "--wait=false")
        self._delete(",".join(("clusterrole", "clusterrolebinding", *WEBHOOKS)), self.own)

    def _delete(self, *what: str) -> None:
        self.kubernetes.kubectl("delete", "--ignore-not-found", *what)


def _status(item: dict[str, Any]) -> JobStatus:
    return JobStatus.model_validate(item.get("status", {}))


def _role(namespace: str, rules: list[dict[str, Any]], own: str) -> list[dict[str, Any]]:
    """A Role of these rules, bound to the controller's ServiceAccount; without a namespace a ClusterRole."""
    group, kind = "rbac.authorization.k8s.io", "Role" if namespace else "ClusterRole"
    metadata = {"name": ACCOUNT, "namespace": namespace} if namespace else {"name": own}
    account = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": own}
    reference = {"apiGroup": group, "kind": kind, "name": metadata["name"]}
    head = {"apiVersion": f"{group}/v1", "metadata": metadata}
    return [
        {**head, "kind": kind, "rules": rules},
        {**head, "kind": f"{kind}Binding", "roleRef": reference, "subjects": [account]},
    ]
